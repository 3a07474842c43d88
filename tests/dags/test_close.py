"""The teardown in real runs: what Airflow calls the states of stages, and when it runs at all."""

from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.airflow_dags import register, run, task_states


def chain_of(dag_id, *endings):
    """A registered DAG of stages one after the other, each ending as told, closed by a teardown."""
    from airflow.sdk import DAG, BaseOperator
    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

    from clara_ops.operators.close import CloseOperator

    class Stage(BaseOperator):
        def __init__(self, ending, **kwargs):
            super().__init__(**kwargs)
            self.ending = ending

        def execute(self, context):
            if self.ending is None:
                return
            error = {"code": self.ending, "message": f"ended with {self.ending}", "remedy": ""}
            context["ti"].xcom_push(key="outcome", value={"exit_code": self.ending, "error": error})
            raise (AirflowSkipException if self.ending in (10, 21) else AirflowFailException)("ended")

    names = [f"stage_{number}" for number in range(len(endings))]
    with DAG(dag_id, schedule=None) as dag:
        close = CloseOperator(task_id="close", stage_task_ids=names, adapter_conn_id="clara_adapter").as_teardown()
        stages = [Stage(task_id=name, ending=ending) for name, ending in zip(names, endings, strict=True)]
        for before, after in pairwise(stages):
            before >> after
        stages >> close
    dag.fileloc = str(Path(__file__))
    register(dag)
    return dag


@pytest.mark.parametrize(
    ("name", "endings", "run_state", "state", "reason"),
    [
        ("completes", (None, None), "success", "succeeded", ""),
        ("finds_nothing", (10, None), "success", "succeeded", "stage_0: ended with 10"),
        ("is_out_of_scope", (None, 21, None), "success", "not_analysed", "stage_1: ended with 21"),
        ("fails", (None, 20, None), "failed", "failed", "stage_1: ended with 20"),
    ],
)
def test_a_run_is_closed_as_its_stages_ended(airflow_db, name, endings, run_state, state, reason):
    finished = run(chain_of(f"close_{name}", *endings))

    close = finished.get_task_instance("close")
    assert close.state == "success", task_states(finished)
    assert close.xcom_pull(task_ids="close") == {"state": state, "reason": reason}
    assert finished.state == run_state
