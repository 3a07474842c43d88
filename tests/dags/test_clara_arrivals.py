import shutil

import pytest

from tests.support.airflow_dags import parse_dag_file, register, run, task_states
from tests.support.airflow_home import ROOT

DAG_FILE = ROOT / "dags" / "clara_arrivals.py"


@pytest.fixture
def workflows(monkeypatch, tmp_path):
    """A folder that holds OrganSeg.yaml and LiverSeg.yaml."""
    from clara_ops.settings import load_settings

    monkeypatch.setenv("AIRFLOW__CLARA__WORKFLOWS_FOLDER", str(tmp_path))
    load_settings.cache_clear()
    for name in ("OrganSeg", "LiverSeg"):
        shutil.copy(ROOT / "dags" / "workflows" / f"{name}.yaml", tmp_path)
    yield tmp_path
    load_settings.cache_clear()


@pytest.fixture
def dispatcher(airflow_db):
    dag = parse_dag_file(DAG_FILE)["clara_arrivals"]
    register(dag)
    return dag


@pytest.fixture
def organ_seg(airflow_db):
    """A registered target; LiverSeg is deliberately unknown to Airflow."""
    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.sdk import DAG

    with DAG("OrganSeg", schedule=None) as dag:
        EmptyOperator(task_id="read")
    dag.fileloc = str(DAG_FILE)
    register(dag)
    return dag


def runs_of(dag_id):
    from airflow.models.dagrun import DagRun

    return {found.run_id: found for found in DagRun.find(dag_id=dag_id)}


def test_parsed_twice_it_serializes_to_the_same():
    from airflow.serialization.serialized_objects import DagSerialization

    first, second = (DagSerialization.to_dict(parse_dag_file(DAG_FILE)["clara_arrivals"]) for _ in range(2))

    assert first == second


def test_it_runs_always_alone_first_and_is_never_paused_by_failures():
    dag = parse_dag_file(DAG_FILE)["clara_arrivals"]

    assert type(dag.timetable).__name__ == "ContinuousTimetable"
    assert dag.start_date is not None
    assert dag.catchup is False
    assert dag.max_active_runs == 1
    assert dag.max_consecutive_failed_dag_runs == 0
    assert dag.is_paused_upon_creation is False
    assert {task.weight_rule for task in dag.tasks} == {"absolute"}
    assert {task.priority_weight for task in dag.tasks} == {1_000_000}
    assert dag.get_task("trigger_runs").retries == 0
    assert dag.get_task("confirm").trigger_rule == "all_done"


def test_an_offered_study_becomes_one_run_and_is_confirmed(intake, workflows, dispatcher, organ_seg):
    intake.offer("one-study", "OrganSeg")

    finished = run(dispatcher)

    assert finished.state == "success"
    started = runs_of("OrganSeg")["dicom__one-study"]
    assert started.conf == {"study": "one-study", "destinations": ["PACS"]}
    assert started.logical_date is None
    assert started.run_type == "operator_triggered"
    assert intake.states["one-study", "OrganSeg"] == "running"


def test_a_repeated_offer_makes_no_second_run_and_is_confirmed_again(intake, workflows, dispatcher, organ_seg):
    intake.offer("twice", "OrganSeg")
    run(dispatcher)
    intake.offer("twice", "OrganSeg")  # as when the lease runs out before the confirmation

    again = run(dispatcher)

    assert again.state == "success"
    assert task_states(again)["trigger_runs"] == ["skipped"]
    assert [run_id for run_id in runs_of("OrganSeg") if run_id == "dicom__twice"] == ["dicom__twice"]
    assert intake.states["twice", "OrganSeg"] == "running"


def test_a_workflow_that_airflow_does_not_know_goes_back_and_the_others_start(intake, workflows, dispatcher, organ_seg):
    intake.offer("held", "LiverSeg")
    intake.offer("starts", "OrganSeg")

    finished = run(dispatcher)

    assert finished.state == "success"
    assert task_states(finished)["trigger_runs"] == ["failed", "success"]
    assert intake.states == {("held", "LiverSeg"): "held", ("starts", "OrganSeg"): "running"}
    assert "Airflow has not started it (trigger task: failed)" in intake.reasons["held", "LiverSeg"]


def test_only_an_overdue_run_still_reaches_the_reconciler(intake, workflows, dispatcher):
    intake.offer("lost", "OrganSeg")
    intake.states["lost", "OrganSeg"] = "running"
    intake.overdue = [{"workflow": "OrganSeg", "dag_run_id": "dicom__lost"}]

    finished = run(dispatcher)

    assert finished.state == "success"
    assert task_states(finished) == {"wait_for_study": ["success"], "trigger_runs": ["skipped"], "confirm": ["success"]}
    assert intake.states["lost", "OrganSeg"] == "failed"


def test_the_reconciler_reports_what_close_decided_and_could_not_say(intake, workflows, dispatcher):
    from airflow.sdk import DAG, BaseOperator

    class Close(BaseOperator):
        def execute(self, context):
            context["ti"].xcom_push(key="decision", value={"state": "not_analysed", "reason": "slices of 10 mm"})

    with DAG("LiverSeg", schedule=None) as dag:
        Close(task_id="close")
    dag.fileloc = str(DAG_FILE)
    register(dag)
    ended = run(dag)
    intake.overdue = [{"workflow": "LiverSeg", "dag_run_id": ended.run_id}]

    run(dispatcher)

    (report,) = intake.bodies("/close")
    assert (ended.state, report["state"], report["reason"]) == ("success", "not_analysed", "slices of 10 mm")
