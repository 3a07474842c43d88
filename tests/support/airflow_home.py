"""An Airflow of the tests' own: a throw-away home, an SQLite file, the DAGs of this checkout, no examples."""

import json
import os
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]

TEST_BUNDLE = "tests"
"""An empty bundle for the DAGs that a test registers: ``dag.test()`` parses the whole bundle of a DAG each time."""


def airflow_environment(home: Path) -> dict[str, str]:
    """Environment variables of an Airflow that lives in ``home``; they must be set before airflow is imported.

    Makes the folders they name. A caller that needs a server of its own updates a copy of them.
    """
    empty = home / "no_plugins"
    io_root = home / "io"
    dags = ROOT / "dags"
    folders = {"dags-folder": dags, TEST_BUNDLE: home / "no_dags"}
    for folder in (empty, io_root, folders[TEST_BUNDLE]):
        folder.mkdir(parents=True, exist_ok=True)
    bundles = [
        {
            "name": name,
            "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
            "kwargs": {"path": str(folder)},
        }
        for name, folder in folders.items()
    ]
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW_CONFIG": str(home / "airflow.cfg"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(empty),
        "AIRFLOW__CORE__MAX_CONSECUTIVE_FAILED_DAG_RUNS_PER_DAG": "0",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__CLARA__IO_ROOT": str(io_root),
        "AIRFLOW__CLARA__WORKFLOWS_FOLDER": str(dags / "workflows"),
        "AIRFLOW__CLARA__BUNDLE_ROOT": str(ROOT / "bundles"),
        "AIRFLOW__CLARA__STUDY_ROOTS": "*",
    }


def use_throw_away_home() -> tempfile.TemporaryDirectory[str]:
    """Point this process, and those it starts, at a new home; it goes away with the returned object."""
    home = tempfile.TemporaryDirectory(prefix="clara-airflow-", ignore_cleanup_errors=True)
    for name in [name for name in os.environ if name.startswith(("AIRFLOW_", "_AIRFLOW_"))]:
        del os.environ[name]  # a developer's own Airflow must not be touched
    os.environ.update(airflow_environment(Path(home.name)))
    return home
