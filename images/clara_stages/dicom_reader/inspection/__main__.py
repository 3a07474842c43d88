"""``python -m clara_stages.dicom_reader.inspection FOLDER``: what the reader would do with a folder, and why."""

import argparse
import json
import sys
from pathlib import Path

from clara_stages.dicom_reader.inspection.report import build_report
from clara_stages.dicom_reader.inspection.text import render_report
from clara_stages.dicom_reader.params import Params


def main() -> int:
    """Print the report; 0 also where everything is refused: that is an answer."""
    parser = argparse.ArgumentParser(prog="clara-ops inspect", description="What the reader would do with a folder.")
    parser.add_argument("folder", type=Path, help="any folder")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--headers-only", action="store_true", help="do not decode pixels: faster, and blind to damage")
    given = parser.parse_args()
    if not given.folder.is_dir():
        parser.error(f"{given.folder} is no folder")
    params = Params()
    report = build_report(given.folder.resolve(), params.policy, params.limits, decode=not given.headers_only)
    if given.json:
        json.dump(report, sys.stdout, indent=1, allow_nan=False)
        sys.stdout.write("\n")
    else:
        sys.stdout.write(render_report(report) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
