"""The teardown of every workflow DAG: says how the run ended, in the log and, for an arrival, to the DICOM adapter."""

from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from clara_ops.hooks.adapter import AdapterHook
from clara_ops.hooks.adapter_errors import AdapterMismatchError, AdapterRefusedError
from clara_ops.operators.outcome import OUTCOME_XCOM_KEY
from clara_stages.kit.contract import ExitCode

ARRIVAL_PREFIX = "dicom__"
"""Run ids of the ledger begin with it; only these runs are reported."""

CLOSE_TASK_ID = "close"

DECISION_XCOM_KEY = "decision"
"""XCom of ``close``: state and reason, left before they are reported, for the dispatcher's reconciler."""

REASON_LIMIT = 500

_FAILED = ("failed", "upstream_failed")


class CloseOperator(BaseOperator):
    """Decides a run's outcome from its stages and reports it.

    To be placed downstream of all stages with ``.as_teardown()``: it then runs whatever became of them, and its own
    failure does not fail the run (the dispatcher's reconciler closes what stays open).

    Args:
        task_id: Name of the task.
        stage_task_ids: Task ids of the stages, in the order in which they are to be blamed.
        adapter_conn_id: Airflow connection of the adapter.
        **kwargs: Those of every operator; ``retries`` is 4 and ``retry_delay`` 5 s unless named here.
    """

    def __init__(self, *, task_id: str, stage_task_ids: list[str], adapter_conn_id: str, **kwargs: Any) -> None:
        super().__init__(
            task_id=task_id,
            **{"retries": 4, "retry_delay": timedelta(seconds=5), "retry_exponential_backoff": True, **kwargs},
        )
        self.stage_task_ids = stage_task_ids
        self.adapter_conn_id = adapter_conn_id

    def execute(self, context: Context) -> dict[str, str]:
        """Report the outcome.

        Returns:
            ``state`` (``succeeded``, ``failed`` or ``not_analysed``) and ``reason``.

        Raises:
            AdapterUnavailableError: The adapter is away; Airflow retries.
            AirflowFailException: The adapter does not take this connection; a retry would not help.
        """
        ti = context["ti"]
        run_state = str(getattr(found := ti.get_dagrun_state(dag_id=ti.dag_id, run_id=ti.run_id), "value", found))
        states = ti.get_task_states(dag_id=ti.dag_id, task_ids=self.stage_task_ids, run_ids=[ti.run_id])
        stage_states = {
            stage: str(getattr(state, "value", state)) for stage, state in states.get(ti.run_id, {}).items()
        }
        outcomes = {
            stage: ti.xcom_pull(task_ids=stage, key=OUTCOME_XCOM_KEY) or {}
            for stage in self.stage_task_ids
            if stage_states.get(stage) in ("failed", "skipped")
        }
        state, reason = decide_outcome(self.stage_task_ids, stage_states, outcomes)
        if state != "failed" and run_state == "failed":
            state, reason = "failed", "the run was marked failed in Airflow"
        self.log.info("%s: %s", state, reason or "all stages completed")
        ti.xcom_push(key=DECISION_XCOM_KEY, value={"state": state, "reason": reason})
        if ti.run_id.startswith(ARRIVAL_PREFIX):
            self._report(ti.dag_id, ti.run_id, state, reason)
        return {"state": state, "reason": reason}

    def _report(self, workflow: str, dag_run_id: str, state: str, reason: str) -> None:
        try:
            AdapterHook(self.adapter_conn_id).close(
                workflow=workflow, dag_run_id=dag_run_id, state=state, reason=reason
            )
        except AdapterMismatchError as error:
            self.log.warning("the ledger does not wait for this run: %s", error)
        except AdapterRefusedError as error:
            raise AirflowFailException(str(error)) from error


def decide_outcome(stages: list[str], states: dict[str, str], outcomes: dict[str, dict[str, Any]]) -> tuple[str, str]:
    """How a run ended, from the end of its stages.

    Args:
        stages: Task ids, in the order of the workflow.
        states: Task id -> Airflow's state.
        outcomes: Task id -> what a failed or skipped stage left, ``{}`` where it was stopped before it could.

    Returns:
        State and reason; the reason is empty when every stage completed.
    """
    failed = [stage for stage in stages if states.get(stage) in _FAILED]
    if failed:
        root = next((stage for stage in failed if states[stage] == "failed"), failed[0])
        return "failed", _reason(root, outcomes.get(root, {}), "it was stopped without a result; see its log")
    skipped = [stage for stage in stages if states.get(stage) == "skipped"]
    for code, state, text in (
        (ExitCode.OUT_OF_SCOPE, "not_analysed", "the study is outside what it is made for"),
        (ExitCode.NOTHING_TO_DO, "succeeded", "nothing to do"),
    ):
        for stage in skipped:
            if outcomes.get(stage, {}).get("exit_code") == code:
                return state, _reason(stage, outcomes[stage], text)
    return "succeeded", f"skipped: {', '.join(skipped)}" if skipped else ""


def _reason(stage: str, outcome: dict[str, Any], otherwise: str) -> str:
    error = outcome.get("error") or {}
    message, remedy = error.get("message") or otherwise, error.get("remedy")
    return f"{stage}: {message}{f' ({remedy})' if remedy else ''}"[:REASON_LIMIT]
