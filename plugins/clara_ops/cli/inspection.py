"""``clara-ops inspect``: the reader's verdict on a folder, from a process of its own."""

import subprocess
import sys
from pathlib import Path


def inspect_folder(folder: Path, *, as_json: bool, headers_only: bool) -> int:
    """Run the reader's inspection here and return its exit status; the Airflow side itself reads no DICOM."""
    options = [*(["--json"] if as_json else []), *(["--headers-only"] if headers_only else [])]
    command = [sys.executable, "-m", "clara_stages.dicom_reader.inspection", *options, "--", str(folder)]
    return subprocess.run(command, check=False).returncode
