"""``make demo``: one command from a synthetic study to a segmentation, and nothing is left running."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import highdicom as hd
import pytest

from clara_ops.cli.laptop.processes import processes_of
from tests.support.laptop import ROOT, command
from tools.phantom import write_study

pytestmark = pytest.mark.system

TIMEOUT_S = 600


def demo(home: Path, *options: str) -> list[str]:
    return ["tools.demo", "--home", str(home), *options]


def test_the_demonstration_ends_with_a_segmentation_a_picture_and_nothing_running(tmp_path):
    home, out = tmp_path / "home", tmp_path / "my results"
    done = subprocess.run(
        [sys.executable, "-m", *demo(home, "--out", "my results", "--relative-to", str(tmp_path))],
        cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert processes_of(str(home)) == []
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["dag_id"], summary["state"]) == ("OrganSeg", "success")
    assert summary["dag_run_id"].startswith("dicom__")
    assert all(summary["timings_s"][phase] > 0 for phase in ("ingest", "trigger", "read", "segment", "write", "total"))
    received = {item["modality"]: Path(item["path"]) for item in summary["received"]}
    assert set(received) == {"SEG", "SR", "DOC"}
    assert {path.parent for path in received.values()} == {out / "received"}
    assert hd.seg.segread(received["SEG"]).StudyInstanceUID == summary["study_instance_uid"]
    assert (out / "report.pdf").read_bytes().startswith(b"%PDF")
    assert set(summary["io_folders"]) == {"read", "segment", "write", "send"}
    assert all((Path(folder) / "result.json").is_file() for folder in summary["io_folders"].values())
    assert (out / "overview.png").stat().st_size > 10_000


def test_a_study_that_matches_no_workflow_fails_with_the_rule_and_the_remedy(tmp_path):
    home, out = tmp_path / "home", tmp_path / "out"
    write_study(tmp_path / "study", slices=4, rows=64)
    options = ("--study", str(tmp_path / "study"), "--workflow", "OrganSeg", "--out", str(out))
    done = subprocess.run(
        [sys.executable, "-m", *demo(home, *options)], cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    assert done.returncode == 1
    assert "s.instances >= 20" in done.stdout
    assert "Choose another workflow with WORKFLOW=" in done.stdout
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["state"], summary["received"], summary["dag_run_id"]) == ("no match", [], None)
    assert processes_of(str(home)) == []


def test_ctrl_c_ends_everything_and_still_leaves_a_summary(tmp_path):
    home, out = tmp_path / "home", tmp_path / "out"
    with command(demo(home, "--out", str(out)), home, tmp_path / "demo.log") as running:
        running.wait_for(lambda: "ready after" in running.output)
        assert running.end(signal.SIGINT) == 130
        assert processes_of(str(home)) == []
        assert json.loads((out / "summary.json").read_text())["reason"] == "interrupted"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--study", "nowhere"), "nowhere is no folder: name the folder that holds the DICOM files of a study"),
        (("--workflow", "Nope"), "WORKFLOW=Nope is not among the AE titles the adapter serves: OrganSeg, LiverSeg"),
    ],
)
def test_a_wrong_option_is_named_before_anything_starts(tmp_path, options, message):
    home = tmp_path / "home"
    arguments = demo(home, *options, "--out", "out", "--relative-to", str(tmp_path))
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert message in done.stderr
    assert not home.exists()
