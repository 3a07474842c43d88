import pytest

from tests.support.task_instance import TaskInstance


@pytest.fixture
def confirm():
    from clara_ops.operators.arrivals import ConfirmArrivalsOperator

    return ConfirmArrivalsOperator(
        task_id="confirm",
        adapter_conn_id="clara_adapter",
        sensor_task_id="wait_for_study",
        trigger_task_id="trigger_runs",
    )


def leased(ti, *arrivals):
    ti.pulled["wait_for_study", "leased"] = [
        {"arrival_id": arrival, "workflow": "OrganSeg", "dag_run_id": f"dicom__{arrival}"} for arrival in arrivals
    ]


def overdue(ti, *arrivals):
    ti.pulled["wait_for_study", "overdue"] = [
        {"workflow": "OrganSeg", "dag_run_id": f"dicom__{arrival}"} for arrival in arrivals
    ]


def test_a_pair_whose_run_exists_is_confirmed_and_the_other_is_released_with_the_reason(intake, confirm):
    ti = TaskInstance()
    intake.offer("a1", "OrganSeg")
    intake.offer("a2", "OrganSeg")
    leased(ti, "a1", "a2")
    ti.runs["OrganSeg", "dicom__a1"] = "queued"
    ti.tasks = {"trigger_runs_0": "skipped", "trigger_runs_1": "failed"}

    counts = confirm.execute({"ti": ti})

    assert counts == {"confirmed": 1, "released": 1, "closed": 0}
    assert intake.states == {("a1", "OrganSeg"): "running", ("a2", "OrganSeg"): "held"}
    assert intake.reasons["a2", "OrganSeg"] == (
        "Airflow has not started it (trigger task: failed). Is OrganSeg known to Airflow, without import error, "
        "and does it accept the run's conf? See clara_arrivals, run scheduled__now."
    )


def test_nothing_leased_is_nothing_to_do(intake, confirm):
    assert confirm.execute({"ti": TaskInstance()}) == {"confirmed": 0, "released": 0, "closed": 0}
    assert intake.requests == []


def test_overdue_runs_are_closed_as_they_ended_and_running_ones_are_left(intake, confirm):
    ti = TaskInstance()
    for arrival in ("done", "broken", "going", "gone"):
        intake.offer(arrival, "OrganSeg")
        intake.states[arrival, "OrganSeg"] = "running"
    overdue(ti, "done", "broken", "going", "gone")
    ti.runs = {
        ("OrganSeg", "dicom__done"): "success",
        ("OrganSeg", "dicom__broken"): "failed",
        ("OrganSeg", "dicom__going"): "running",
    }

    counts = confirm.execute({"ti": ti})

    assert counts["closed"] == 3
    assert {arrival: state for (arrival, _), state in intake.states.items()} == {
        "done": "succeeded",
        "broken": "failed",
        "going": "running",
        "gone": "failed",
    }
    assert "ended without a report" in intake.reasons["done", "OrganSeg"]
    assert intake.reasons["gone", "OrganSeg"] == "the run is gone from Airflow; replay the study to run it again"


@pytest.mark.parametrize(
    ("run_state", "decision", "state", "reason"),
    [
        ("success", ("not_analysed", "segment: slices of 10 mm"), "not_analysed", "segment: slices of 10 mm"),
        ("failed", ("failed", "read: a slice is missing"), "failed", "read: a slice is missing"),
        ("failed", ("succeeded", ""), "failed", "the run ended without a report"),
    ],
)
def test_what_close_could_not_report_is_reported_for_it(intake, confirm, run_state, decision, state, reason):
    ti = TaskInstance()
    intake.offer("a1", "OrganSeg")
    intake.states["a1", "OrganSeg"] = "running"
    overdue(ti, "a1")
    ti.runs["OrganSeg", "dicom__a1"] = run_state
    ti.pulled["close", "decision"] = dict(zip(("state", "reason"), decision, strict=True))

    assert confirm.execute({"ti": ti})["closed"] == 1
    assert intake.states["a1", "OrganSeg"] == state
    assert intake.reasons["a1", "OrganSeg"].startswith(reason)


def test_a_pair_the_ledger_does_not_know_does_not_stop_the_others(intake, confirm):
    ti = TaskInstance()
    intake.offer("a2", "OrganSeg")
    leased(ti, "unknown", "a2")
    overdue(ti, "unknown")
    ti.runs = {("OrganSeg", "dicom__unknown"): "running", ("OrganSeg", "dicom__a2"): "running"}

    assert confirm.execute({"ti": ti}) == {"confirmed": 1, "released": 0, "closed": 0}
    assert intake.states["a2", "OrganSeg"] == "running"


def test_an_adapter_that_is_away_fails_the_task_so_that_it_is_retried_and_a_repeat_does_no_harm(intake, confirm):
    from clara_ops.hooks.adapter_errors import AdapterUnavailableError

    ti = TaskInstance()
    intake.offer("a1", "OrganSeg")
    leased(ti, "a1")
    ti.runs["OrganSeg", "dicom__a1"] = "running"
    intake.status, intake.body = 503, b"{}"
    with pytest.raises(AdapterUnavailableError, match="answered 503"):
        confirm.execute({"ti": ti})

    intake.status = None

    assert confirm.execute({"ti": ti}) == confirm.execute({"ti": ti}) == {"confirmed": 1, "released": 0, "closed": 0}
    assert intake.states["a1", "OrganSeg"] == "running"
