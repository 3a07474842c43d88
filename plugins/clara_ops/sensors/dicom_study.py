"""Waits for complete studies at the DICOM adapter and takes them for this dispatcher run."""

from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from airflow.sdk import BaseSensorOperator, Context
from airflow.triggers.base import StartTriggerArgs

from clara_ops.hooks.adapter import AdapterHook
from clara_ops.hooks.adapter_errors import AdapterError
from clara_ops.settings import load_settings
from clara_ops.triggers.study_offered import StudyOfferedTrigger
from clara_ops.workflow import load_catalog

LEASE_LIMIT = 16
"""Pairs a dispatcher run takes: each is a task, and 16 tasks start well within the lease on two cores."""

LEASE_S = 60
"""From lease to confirmation. Where it runs out the pair is offered again, which its run id makes harmless."""

LEASED_KEY = "leased"
OVERDUE_KEY = "overdue"
"""XCom keys of the pairs to confirm or release, and of the runs to reconcile."""

RUN_AFTER_LEAD = timedelta(seconds=2)
"""A run's ``run_after`` lies so far back, because SQLite's CURRENT_TIMESTAMP has whole seconds: a run queued now would
wait up to a second for the scheduler to see it. Clocks of two machines may differ by as much."""


class DicomStudySensor(BaseSensorOperator):
    """Fires when the adapter offers (arrival, workflow) pairs, leases them and returns one DAG run's arguments each.

    It starts in the triggerer, without a worker, and only the resumed part takes anything. ``return_value`` is a list
    of keyword arguments for ``TriggerDagRunOperator``; ``leased`` and ``overdue`` are for ``ConfirmArrivalsOperator``.

    Args:
        task_id: Name of the task.
        adapter_conn_id: Airflow connection of the adapter.
        wait_s: How long one request waits at the adapter, 0..60.
        **kwargs: Those of every operator.
    """

    start_from_trigger = True

    def __init__(self, *, task_id: str, adapter_conn_id: str, wait_s: int = 20, **kwargs: Any) -> None:
        super().__init__(task_id=task_id, **kwargs)
        self.adapter_conn_id = adapter_conn_id
        self.wait_s = wait_s
        trigger_cls, trigger_kwargs = self._trigger().serialize()
        self.start_trigger_args = StartTriggerArgs(
            trigger_cls=trigger_cls, trigger_kwargs=trigger_kwargs, next_method="take_lease"
        )

    def execute(self, context: Context) -> NoReturn:
        """Defer; ``dag.test`` comes here, the scheduler starts the trigger itself."""
        self.defer(trigger=self._trigger(), method_name="take_lease")

    def take_lease(self, context: Context, event: dict[str, int]) -> list[dict[str, Any]]:
        """Lease what is offered; pairs whose workflow cannot run go back with the reason.

        Raises:
            AdapterError: The lease was not given; the retry waits for the adapter again.
        """
        hook = AdapterHook(self.adapter_conn_id)
        leased = hook.lease(limit=LEASE_LIMIT, lease_s=LEASE_S)
        pairs = []
        for pair in leased["pairs"]:
            reason = broken_reason(pair["workflow"])
            if reason is None:
                pairs.append(pair)
            else:
                self._release(hook, pair, reason)
        self.log.info("offered %s; leased %d pairs, %d overdue", event, len(pairs), len(leased["overdue"]))
        ti = context["ti"]
        ti.xcom_push(
            key=LEASED_KEY,
            value=[{name: pair[name] for name in ("arrival_id", "workflow", "dag_run_id")} for pair in pairs],
        )
        ti.xcom_push(key=OVERDUE_KEY, value=leased["overdue"])
        run_after = (datetime.now(tz=UTC) - RUN_AFTER_LEAD).isoformat()
        return [
            {
                "trigger_dag_id": pair["workflow"],
                "trigger_run_id": pair["dag_run_id"],
                "conf": pair["conf"],
                "run_after": run_after,
            }
            for pair in pairs
        ]

    def _trigger(self) -> StudyOfferedTrigger:
        return StudyOfferedTrigger(conn_id=self.adapter_conn_id, wait_s=self.wait_s)

    def _release(self, hook: AdapterHook, pair: dict[str, Any], reason: str) -> None:
        self.log.warning("%s of workflow %s is held: %s", pair["dag_run_id"], pair["workflow"], reason)
        try:
            hook.release(arrival_id=pair["arrival_id"], workflow=pair["workflow"], reason=reason)
        except AdapterError as error:  # the lease runs out by itself; the others go on
            self.log.warning("%s is not released: %s", pair["dag_run_id"], error)


def broken_reason(workflow: str) -> str | None:
    """Why no run of this workflow can be started here, with file, line and remedy; None where one can."""
    from clara_ops.dag import folder  # only a leased pair needs it, and the dispatcher's parse should not

    settings = load_settings()
    return folder.broken_reason(workflow, settings, load_catalog(settings.stage_folders))
