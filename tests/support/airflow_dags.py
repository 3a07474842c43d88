"""DAGs in the tests' own Airflow: parse a file, register, run in this process."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.airflow_home import TEST_BUNDLE

if TYPE_CHECKING:
    from airflow.sdk import DAG


def parse_dag_file(path: Path) -> dict[str, "DAG"]:
    """The DAGs of one file; an import error fails the test with its text."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(path), collect_dags=False, bundle_path=path.parent)
    bag.process_file(str(path), only_if_updated=False, safe_mode=True)
    assert not bag.import_errors, bag.import_errors
    return bag.dags


def register(*dags: "DAG") -> None:
    """Write DAGs to the metadata database, as the DAG processor would; needs the fixture ``airflow_db``."""
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.serialization.definitions.dag import SerializedDAG
    from airflow.serialization.serialized_objects import LazyDeserializedDAG
    from airflow.utils.session import create_session

    with create_session() as session:
        session.merge(DagBundleModel(name=TEST_BUNDLE))
        session.flush()
        for dag in dags:
            lazy = LazyDeserializedDAG.from_dag(dag)
            SerializedDAG.bulk_write_to_db(TEST_BUNDLE, None, [lazy], session=session)
            SerializedDagModel.write_dag(lazy, bundle_name=TEST_BUNDLE, session=session)


def run(dag: "DAG", **arguments: Any) -> Any:
    """One new run of a registered DAG in this process, triggers included; returns the DagRun."""
    return dag.test(logical_date=None, **arguments)  # a date would make two runs of one moment the same run


def task_states(dag_run: Any) -> dict[str, list[str]]:
    """Task id -> states of its task instances, by map index."""
    states: dict[str, list[str]] = {}
    for instance in sorted(dag_run.get_task_instances(), key=lambda instance: instance.map_index):
        states.setdefault(instance.task_id, []).append(str(instance.state))
    return states
