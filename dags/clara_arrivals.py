"""Airflow DAG: the dispatcher. A complete study at the DICOM adapter starts the DAG of each workflow that matches.

wait_for_study leases (arrival, workflow) pairs, trigger_runs makes one DAG run of each under the ledger's own run id,
confirm tells the adapter which runs exist. Killed anywhere in between, the leases run out and the same pairs come again
with the same run ids: never lost, never twice.
"""

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG

from clara_ops.operators.arrivals import ConfirmArrivalsOperator
from clara_ops.sensors.dicom_study import DicomStudySensor
from clara_ops.settings import load_settings

with DAG(
    "clara_arrivals",
    description="Starts the matching workflows for studies that arrived at the DICOM adapter",
    schedule="@continuous",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),  # without one, @continuous stops after its first run
    catchup=False,
    max_active_runs=1,
    max_consecutive_failed_dag_runs=0,  # never pause: a night of failures must not be followed by silence
    is_paused_upon_creation=False,
    default_args={
        "priority_weight": 1_000_000,  # before any stage that waits for a slot
        "weight_rule": "absolute",
        "retries": 3,
        "retry_delay": timedelta(seconds=3),
    },
    tags=["clara"],
):
    wait_for_study = DicomStudySensor(task_id="wait_for_study", adapter_conn_id=load_settings().adapter_conn_id)

    trigger_runs = TriggerDagRunOperator.partial(
        task_id="trigger_runs",
        logical_date=None,  # unique per DAG where it is set: two studies of one second would collide
        skip_when_already_exists=True,
        retries=0,  # confirm gives a pair back, and the ledger offers it again
    ).expand_kwargs(wait_for_study.output)

    confirm = ConfirmArrivalsOperator(
        task_id="confirm",
        adapter_conn_id=load_settings().adapter_conn_id,
        sensor_task_id="wait_for_study",
        trigger_task_id="trigger_runs",
        trigger_rule="all_done",  # also when there is nothing to trigger or a trigger failed
    )

    trigger_runs >> confirm
