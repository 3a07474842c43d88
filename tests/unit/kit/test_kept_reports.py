"""Reports for people stay where a stage fails; nothing else does."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import os, signal, sys
from clara_stages.kit import BadInputError, run
from clara_stages.kit.files import write_text

def main(io):
    write_text(io.writes("instances") / "a.dcm", "result")
    folder = io.keeps("report")
    if sys.argv[-1] != "how=silent":
        write_text(folder / "report.md", "what is wrong")
    if sys.argv[-1] == "how=killed":
        os.kill(os.getpid(), signal.SIGTERM)
    if sys.argv[-1] != "how=well":
        raise BadInputError("the result is wrong")

run(main, stage="toy")
"""


@pytest.mark.parametrize(
    ("how", "code", "left"),
    [
        ("badly", 20, ["report", "report/report.md"]),
        ("killed", 143, ["report", "report/report.md"]),
        ("silent", 20, []),
        ("well", 0, ["instances", "instances/a.dcm", "report", "report/report.md", "result.json"]),
    ],
)
def test_only_the_report_stays(tmp_path, how, code, left):
    command = [sys.executable, "-c", PROGRAM, "--output", str(tmp_path / "out"), "--param", f"how={how}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*")) == left
    if how == "well":
        short = json.loads(done.stdout.splitlines()[-1])["short_result"]
        assert short["folders"] == {"instances": "instances", "report": "report"}
