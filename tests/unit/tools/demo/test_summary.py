import json
from pathlib import Path

from tools.demo.follow import Run
from tools.demo.received import Received
from tools.demo.send import Sent
from tools.demo.study import Study
from tools.demo.summary import Outcome, describe, timings_s, write_summary


def task(state: str, start: str | None, end: str | None, duration: float | None) -> dict:
    return {"state": state, "start_date": start, "end_date": end, "duration": duration}


def at(second: float) -> str:
    return f"1970-01-01T00:00:{second:06.3f}Z"


def outcome() -> Outcome:
    tasks = {
        "read": task("success", at(12), at(14), 2.0),
        "segment": task("success", at(14.5), at(30), 15.5),
        "write": task("success", at(30), at(33), 3.0),
        "send": task("success", at(33), at(34), 1.0),
        "close": task("success", at(35), at(36), 1.0),
    }
    run = Run(
        dag_id="OrganSeg",
        dag_run_id="dicom__a1",
        state="success",
        study_state="delivered",
        reason="",
        tasks=tasks,
        io_folders={name: f"/io/{name}/1" for name in ("read", "segment", "write", "send")},
    )
    return Outcome(
        study=Study(folder=Path("/study"), study_instance_uid="2.25.1", instances=(), skipped=()),
        workflow="OrganSeg",
        state="success",
        sent=Sent(first_request_at=5.0, last_response_at=8.0),
        run=run,
        received=(Received(path=Path("/out/SEG.dcm"), sop_class_uid="1.2.3", modality="SEG"),),
    )


def test_phases_follow_from_the_clocks_of_sender_and_airflow():
    assert timings_s(outcome()) == {
        "ingest": 3.0,
        "trigger": 4.0,
        "read": 2.0,
        "segment": 15.5,
        "write": 3.0,
        "send": 1.0,
        "total": 29.0,
    }


def test_a_phase_that_never_ran_is_null():
    failed = outcome()
    assert failed.run is not None
    failed.run.io_folders.clear()
    failed.run.tasks["segment"]["state"] = "failed"
    for name in ("write", "send"):
        failed.run.tasks[name] = task("upstream_failed", at(30), at(30), 0.0)
    timings = timings_s(failed)
    assert (timings["segment"], timings["write"], timings["send"], timings["total"]) == (15.5, None, None, 25.0)


def test_a_demonstration_that_never_began_still_has_a_summary(tmp_path):
    write_summary(Outcome(workflow="OrganSeg", state="failed", reason="no free TCP port"), tmp_path / "summary.json")
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert (summary["dag_id"], summary["state"], summary["reason"]) == ("OrganSeg", "failed", "no free TCP port")
    assert set(summary["timings_s"].values()) == {None}
    assert summary["received"] == []


def test_the_summary_says_what_was_received_and_where_results_lie(tmp_path):
    write_summary(outcome(), tmp_path / "summary.json")
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["study_instance_uid"] == "2.25.1"
    assert summary["received"] == [{"path": "/out/SEG.dcm", "sop_class_uid": "1.2.3", "modality": "SEG"}]
    assert summary["io_folders"]["segment"] == "/io/segment/1"


def test_the_last_lines_name_state_segmentation_picture_and_seconds():
    text = describe(outcome(), Path("/out"), Path("/out/overview.png"))
    for part in ("success", "SEG /out/SEG.dcm", "/out/overview.png", "segment 15.5", "/out/summary.json"):
        assert part in text
