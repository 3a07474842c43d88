import shutil
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.airflow_home import ROOT
from tests.support.task_instance import TaskInstance


@pytest.fixture
def workflows(monkeypatch, tmp_path):
    """A folder that holds OrganSeg.yaml."""
    from clara_ops.settings import load_settings

    monkeypatch.setenv("AIRFLOW__CLARA__WORKFLOWS_FOLDER", str(tmp_path))
    load_settings.cache_clear()
    shutil.copy(ROOT / "dags" / "workflows" / "OrganSeg.yaml", tmp_path)
    yield tmp_path
    load_settings.cache_clear()


@pytest.fixture
def sensor():
    from clara_ops.sensors.dicom_study import DicomStudySensor

    return DicomStudySensor(task_id="wait_for_study", adapter_conn_id="clara_adapter", wait_s=5)


def test_it_starts_from_the_trigger_and_defers_to_the_same_one_by_itself(sensor):
    from airflow.sdk.exceptions import TaskDeferred

    assert sensor.start_from_trigger is True
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute({})

    by_itself = deferred.value.trigger.serialize()
    args = sensor.start_trigger_args
    assert by_itself == (args.trigger_cls, args.trigger_kwargs)
    assert deferred.value.method_name == args.next_method == "take_lease"
    assert args.trigger_kwargs == {"conn_id": "clara_adapter", "wait_s": 5}


def test_leased_pairs_become_arguments_of_a_trigger_operator(intake, workflows, sensor):
    intake.offer("a1", "OrganSeg")
    intake.offer("a2", "OrganSeg")
    intake.overdue = [{"workflow": "OrganSeg", "dag_run_id": "dicom__a0"}]
    ti = TaskInstance()

    arguments = sensor.take_lease({"ti": ti}, event={"offers": 2, "overdue": 1})

    run_after = [argument.pop("run_after") for argument in arguments]
    assert arguments == [
        {
            "trigger_dag_id": "OrganSeg",
            "trigger_run_id": f"dicom__{arrival}",
            "conf": {"study": arrival, "destinations": ["PACS"]},
        }
        for arrival in ("a1", "a2")
    ]
    now = datetime.now(tz=UTC)
    assert all(datetime.fromisoformat(text) <= now - timedelta(seconds=1) for text in run_after)
    assert ti.xcoms["leased"] == [
        {"arrival_id": arrival, "workflow": "OrganSeg", "dag_run_id": f"dicom__{arrival}"} for arrival in ("a1", "a2")
    ]
    assert ti.xcoms["overdue"] == [{"workflow": "OrganSeg", "dag_run_id": "dicom__a0"}]
    assert intake.bodies("/leases") == [{"limit": 16, "lease_s": 60}]


def test_a_pair_whose_workflow_has_no_file_goes_back_with_the_reason_and_the_others_go_on(intake, workflows, sensor):
    intake.offer("a1", "LiverSeg")
    intake.offer("a2", "OrganSeg")
    ti = TaskInstance()

    arguments = sensor.take_lease({"ti": ti}, event={"offers": 2, "overdue": 0})

    assert [argument["trigger_run_id"] for argument in arguments] == ["dicom__a2"]
    assert [pair["arrival_id"] for pair in ti.xcoms["leased"]] == ["a2"]
    assert intake.states["a1", "LiverSeg"] == "held"
    assert intake.reasons["a1", "LiverSeg"] == "there is no file LiverSeg.yaml in the workflows folder"


def test_a_pair_of_a_broken_workflow_goes_back_with_file_and_line(intake, workflows, sensor):
    text = (workflows / "OrganSeg.yaml").read_text()
    (workflows / "LiverSeg.yaml").write_text(
        text.replace("OrganSeg", "LiverSeg").replace("dicom_reader", "dicom_raeder")
    )
    intake.offer("a1", "LiverSeg")

    assert sensor.take_lease({"ti": TaskInstance()}, event={"offers": 1, "overdue": 0}) == []
    assert "LiverSeg.yaml:14: the unknown image 'dicom_raeder'" in intake.reasons["a1", "LiverSeg"]


def test_a_workflow_file_that_breaks_the_check_itself_stops_no_other(workflows, monkeypatch):
    from clara_ops.dag import folder
    from clara_ops.sensors.dicom_study import broken_reason

    def fail(*_args, **_kwargs):
        raise RecursionError("too deep")

    monkeypatch.setattr(folder, "load_workflow", fail)
    assert broken_reason("OrganSeg") == "OrganSeg.yaml: RecursionError: too deep"


def test_a_workflow_name_cannot_point_out_of_the_folder(workflows):
    from clara_ops.sensors.dicom_study import broken_reason

    (workflows.parent / "Evil.yaml").touch()
    try:
        assert broken_reason("../Evil") is not None
        assert broken_reason("OrganSeg") is None
    finally:
        (workflows.parent / "Evil.yaml").unlink()


def test_a_lease_that_is_not_given_fails_the_task_so_that_it_waits_again(intake, workflows, sensor):
    from clara_ops.hooks.adapter_errors import AdapterUnavailableError

    intake.status, intake.body = 503, b"{}"

    with pytest.raises(AdapterUnavailableError, match="answered 503"):
        sensor.take_lease({"ti": TaskInstance()}, event={"offers": 1, "overdue": 0})
