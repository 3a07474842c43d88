"""The dispatcher's last task: tells the DICOM adapter what became of the pairs it leased."""

from typing import Any

from airflow.sdk import BaseOperator, Context

from clara_ops.hooks.adapter import AdapterHook
from clara_ops.hooks.adapter_errors import AdapterMismatchError
from clara_ops.operators.close import CLOSE_TASK_ID, DECISION_XCOM_KEY
from clara_ops.sensors.dicom_study import LEASED_KEY, OVERDUE_KEY

CLOSED_STATES = {"success": "succeeded", "failed": "failed"}
"""State of a terminal DAG run -> how the ledger calls it."""


class ConfirmArrivalsOperator(BaseOperator):
    """Confirms the pairs whose DAG run exists, releases the others, closes overdue runs that have ended.

    Whether a run exists is asked of Airflow, not taken from the trigger task: that one may have been killed after its
    request went through. Everything here is idempotent, so a retry starts from the beginning.

    Args:
        task_id: Name of the task.
        adapter_conn_id: Airflow connection of the adapter.
        sensor_task_id: The ``DicomStudySensor`` of this DAG.
        trigger_task_id: The mapped ``TriggerDagRunOperator`` of this DAG.
        **kwargs: Those of every operator.
    """

    def __init__(
        self, *, task_id: str, adapter_conn_id: str, sensor_task_id: str, trigger_task_id: str, **kwargs: Any
    ) -> None:
        super().__init__(task_id=task_id, **kwargs)
        self.adapter_conn_id = adapter_conn_id
        self.sensor_task_id = sensor_task_id
        self.trigger_task_id = trigger_task_id

    def execute(self, context: Context) -> dict[str, int]:
        """Report each pair.

        Returns:
            How many pairs were confirmed and released and how many runs closed.

        Raises:
            AdapterUnavailableError: The adapter is away; the retry reports everything again.
            AdapterRefusedError: The adapter does not take this connection's token.
        """
        ti = context["ti"]
        hook = AdapterHook(self.adapter_conn_id)
        leased = ti.xcom_pull(task_ids=self.sensor_task_id, key=LEASED_KEY) or []
        overdue = ti.xcom_pull(task_ids=self.sensor_task_id, key=OVERDUE_KEY) or []
        counts = {"confirmed": 0, "released": 0, "closed": 0}
        trigger_states = self._trigger_states(context) if leased else {}
        for index, pair in enumerate(leased):
            done = self._settle(hook, ti, pair, trigger_states.get(f"{self.trigger_task_id}_{index}"))
            if done:
                counts[done] += 1
        for run in overdue:
            counts["closed"] += self._reconcile(hook, ti, run)
        return counts

    def _trigger_states(self, context: Context) -> dict[str, str]:
        ti = context["ti"]
        states: dict[str, dict[str, str]] = ti.get_task_states(
            dag_id=ti.dag_id, task_ids=[self.trigger_task_id], run_ids=[ti.run_id]
        )
        return states.get(ti.run_id, {})

    def _settle(self, hook: AdapterHook, ti: Any, pair: dict[str, str], trigger_state: str | None) -> str | None:
        """Confirm or release one leased pair; None when the ledger knows better."""
        workflow, dag_run_id = pair["workflow"], pair["dag_run_id"]
        try:
            if _run_state(ti, workflow, dag_run_id) is not None:
                hook.confirm(arrival_id=pair["arrival_id"], workflow=workflow, dag_run_id=dag_run_id)
                return "confirmed"
            reason = (
                f"Airflow has not started it (trigger task: {trigger_state or 'not run'}). Is {workflow} known to "
                f"Airflow, without import error, and does it accept the run's conf? See {ti.dag_id}, run {ti.run_id}."
            )
            self.log.warning("%s of workflow %s goes back: %s", dag_run_id, workflow, reason)
            hook.release(arrival_id=pair["arrival_id"], workflow=workflow, reason=reason)
        except AdapterMismatchError as error:  # superseded meanwhile, say; the other pairs go on
            self.log.warning("%s of workflow %s: %s", dag_run_id, workflow, error)
            return None
        return "released"

    def _reconcile(self, hook: AdapterHook, ti: Any, run: dict[str, str]) -> bool:
        """Close a run that never reported, if it has ended or is gone; whether it was closed."""
        workflow, dag_run_id = run["workflow"], run["dag_run_id"]
        state = _run_state(ti, workflow, dag_run_id)
        if state is not None and state not in CLOSED_STATES:
            return False
        closed, reason = ("failed", "the run is gone from Airflow; replay the study to run it again")
        if state is not None:
            closed, reason = _decision(ti, workflow, dag_run_id, CLOSED_STATES[state])
        self.log.warning("%s of workflow %s is overdue and %s: closing it", dag_run_id, workflow, state or "gone")
        try:
            hook.close(workflow=workflow, dag_run_id=dag_run_id, state=closed, reason=reason)
        except AdapterMismatchError as error:
            self.log.warning("%s of workflow %s: %s", dag_run_id, workflow, error)
            return False
        return True


def _decision(ti: Any, workflow: str, dag_run_id: str, ended: str) -> tuple[str, str]:
    """What ``close`` could not report; of a run that had none, how it ended.

    Airflow calls a run that was not analysed a success. A decision that contradicts the run is of an earlier re-run.
    """
    said = ti.xcom_pull(dag_id=workflow, run_id=dag_run_id, task_ids=CLOSE_TASK_ID, key=DECISION_XCOM_KEY)
    if isinstance(said, dict) and (said["state"] == "failed") == (ended == "failed"):
        return said["state"], said["reason"]
    return ended, "the run ended without a report: it timed out or was marked by hand; see it in Airflow"


def _run_state(ti: Any, dag_id: str, run_id: str) -> str | None:
    """State of a DAG run, None where there is none.

    Counted first: asking for the state of a run that is not there fails and logs an error on both sides.
    """
    if ti.get_dr_count(dag_id=dag_id, run_ids=[run_id]) == 0:
        return None
    return str(getattr(state := ti.get_dagrun_state(dag_id=dag_id, run_id=run_id), "value", state))
