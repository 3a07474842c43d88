"""``python -m clara_stages.dicom_reader.inspection FOLDER``: what the reader would do with a folder, and why."""

import argparse
import io
import json
import os
import sys
from pathlib import Path

from clara_stages.dicom_reader.inspection.report import build_report
from clara_stages.dicom_reader.inspection.text import render_report
from clara_stages.dicom_reader.params import Params


def main() -> int:
    """Print the report; 0 also where everything is refused: that is an answer."""
    parser = argparse.ArgumentParser(prog="clara-ops inspect", description="What the reader would do with a folder.")
    parser.add_argument("folder", type=Path, help="any folder, or one file")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--headers-only", action="store_true", help="do not decode pixels: faster, and blind to damage")
    given = parser.parse_args()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may know fewer letters than a file's name
    if not given.folder.is_dir() and not given.folder.is_file():
        parser.error(f"{_quoted(given.folder)} is no folder and no file")
    params = Params()
    report = build_report(given.folder.resolve(), params.policy, params.limits, decode=not given.headers_only)
    text = json.dumps(report, indent=1, allow_nan=False) if given.json else render_report(report)
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _quoted(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
