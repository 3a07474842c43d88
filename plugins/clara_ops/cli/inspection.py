"""``clara-ops inspect``: the reader's verdict on a folder, from a process of its own."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

_NEEDED = ("clara_stages", "numpy", "pydicom", "nibabel", "imagecodecs")
"""What the reader imports; an Airflow without the stages' packages has only the first."""

MISSING = 1
"""Exit status where the reader is not installed here; 2 is a wrong command line, 0 a report."""


def inspect_folder(folder: Path, *, as_json: bool, headers_only: bool) -> int:
    """Run the reader's inspection here and return its exit status; the Airflow side itself reads no DICOM."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        sys.stderr.write(
            f"clara-ops inspect: the DICOM reader is not installed here ({', '.join(missing)} missing); "
            "pip install 'clara-stages[dicom-reader]'\n"
        )
        return MISSING
    options = [*(["--json"] if as_json else []), *(["--headers-only"] if headers_only else [])]
    command = [sys.executable, "-m", "clara_stages.dicom_reader.inspection", *options, "--", str(folder)]
    return subprocess.run(command, check=False).returncode
