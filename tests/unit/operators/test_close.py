import pytest

from tests.support.task_instance import TaskInstance

STAGES = ["read", "segment", "write"]
OUT_OF_SCOPE = {"exit_code": 21, "error": {"code": 21, "message": "slices of 10 mm", "remedy": "send thinner ones"}}
NOTHING = {"exit_code": 10, "error": {"code": 10, "message": "no CT series", "remedy": ""}}
BAD_INPUT = {"exit_code": 20, "error": {"code": 20, "message": "a slice is missing", "remedy": "send it again"}}


@pytest.fixture
def close():
    from clara_ops.operators.close import CloseOperator

    return CloseOperator(task_id="close", stage_task_ids=STAGES, adapter_conn_id="clara_adapter")


def ended(*states, run_id="dicom__a1", run_state="running", **outcomes):
    """A task instance of a run whose stages ended so."""
    ti = TaskInstance(dag_id="OrganSeg", run_id=run_id)
    ti.runs["OrganSeg", run_id] = run_state
    ti.tasks = dict(zip(STAGES, states, strict=True))
    ti.pulled = {(stage, "outcome"): outcome for stage, outcome in outcomes.items()}
    return ti


@pytest.mark.parametrize(
    ("ti", "state", "reason"),
    [
        (ended("success", "success", "success"), "succeeded", ""),
        (ended("skipped", "skipped", "skipped", read=NOTHING), "succeeded", "read: no CT series"),
        (ended("success", "skipped", "skipped"), "succeeded", "skipped: segment, write"),
        (
            ended("success", "skipped", "skipped", segment=OUT_OF_SCOPE),
            "not_analysed",
            "segment: slices of 10 mm (send thinner ones)",
        ),
        (
            ended("failed", "upstream_failed", "upstream_failed", read=BAD_INPUT),
            "failed",
            "read: a slice is missing (send it again)",
        ),
        (
            ended("success", "failed", "upstream_failed"),
            "failed",
            "segment: it was stopped without a result; see its log",
        ),
        (
            ended("skipped", "success", "failed", read=OUT_OF_SCOPE),
            "failed",
            "write: it was stopped without a result; see its log",
        ),
        (ended("success", "skipped", "skipped", run_state="failed"), "failed", "the run was marked failed in Airflow"),
    ],
)
def test_the_run_ends_as_its_stages_did(intake, close, ti, state, reason):
    intake.offer("a1", "OrganSeg")

    assert close.execute({"ti": ti}) == {"state": state, "reason": reason}
    assert intake.states["a1", "OrganSeg"] == state
    assert intake.reasons["a1", "OrganSeg"] == reason


def test_a_run_that_a_person_started_is_not_reported(intake, close):
    ti = ended("success", "success", "success", run_id="manual__now")

    assert close.execute({"ti": ti}) == {"state": "succeeded", "reason": ""}
    assert intake.requests == []


def test_a_ledger_that_does_not_know_the_run_is_a_warning(intake, close, capsys):
    assert close.execute({"ti": ended("success", "success", "success")})["state"] == "succeeded"
    assert len(intake.bodies("/close")) == 1


def test_an_adapter_that_is_away_is_retried_and_a_wrong_token_is_not(intake, close, monkeypatch):
    from airflow.sdk.exceptions import AirflowFailException

    from clara_ops.hooks.adapter_errors import AdapterUnavailableError

    ti = ended("success", "success", "success")
    intake.status, intake.body = 503, b"{}"
    with pytest.raises(AdapterUnavailableError, match="answered 503"):
        close.execute({"ti": ti})
    assert close.retries == 4
    assert ti.xcoms["decision"] == {"state": "succeeded", "reason": ""}  # for the reconciler

    intake.status = 401
    with pytest.raises(AirflowFailException, match="Correct the connection's password"):
        close.execute({"ti": ti})


def test_a_reason_is_short_enough_for_a_ledger(intake, close):
    long = {"exit_code": 20, "error": {"code": 20, "message": "x" * 4000, "remedy": ""}}

    assert len(close.execute({"ti": ended("failed", "failed", "failed", read=long)})["reason"]) == 500


def test_as_a_teardown_it_runs_whatever_became_of_the_stages_and_does_not_fail_the_run(close):
    teardown = close.as_teardown()

    assert teardown.is_teardown
    assert teardown.trigger_rule == "all_done_setup_success"
    assert teardown.on_failure_fail_dagrun is False
