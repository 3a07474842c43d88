"""A stage that ends unexpectedly, in a real run."""

from datetime import timedelta
from pathlib import Path

from tests.support.airflow_dags import register, run


def test_a_bug_is_tried_twice_and_its_reason_is_there_for_close(airflow_db):
    from airflow.sdk import DAG

    from clara_ops.dag.stage_task import StageLimits, StageTask
    from clara_ops.operators.stage import StageOperator

    limits = StageLimits(cpu=1, memory_mib=512, gpu=0, timeout_s=60)
    names = {"workflow": "stage_bug", "stage": "read", "stage_version": "mine@1", "image": "mine"}
    task = StageTask(**names, module=None, command=("/bin/sh", "-c", "exit 7"), limits=limits)
    with DAG("stage_bug", schedule=None) as dag:
        StageOperator(task_id="read", stage_task=task, retries=5, retry_delay=timedelta(0))
    dag.fileloc = str(Path(__file__))
    register(dag)

    finished = run(dag)

    read = finished.get_task_instance("read")
    assert (finished.state, read.state, read.try_number) == ("failed", "failed", 2)
    outcome = read.xcom_pull(task_ids="read", key="outcome")
    assert outcome["error"]["message"] == "the stage ended with exit status 7 and no short result"
