"""Parse time per generated DAG, at 10 and 100 workflows, beside hand-written DAGs of the same size.

The peer is what a user would write without us: one Python file with as many DAGs of five BashOperator tasks. Both
are executed in one process after a warm-up, as the DAG processor does with its pre-imported modules.
"""

import os
import runpy
import statistics
import tempfile
import time
from pathlib import Path

from tests.support.airflow_home import airflow_environment

ROOT = Path(__file__).parents[1]
REPEATS = 7

_PEER = '''"""Airflow DAG: the peer."""
from datetime import datetime
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Param
for n in range({count}):
    with DAG(f"peer_{{n}}", schedule=None, start_date=datetime(2024, 1, 1), catchup=False,
             params={{"study": Param(type="string"), "bundle": Param("x", type="string")}}, tags=["a"]) as dag:
        previous = None
        for name in ("read", "segment", "write", "send", "close"):
            task = BashOperator(task_id=name, bash_command="true", doc_md="x", pool="stages", retries=5)
            if previous is not None:
                previous >> task
            previous = task
    globals()[dag.dag_id] = dag
'''


def write_workflows(folder: Path, count: int) -> None:
    """Write ``count`` copies of the organ workflow, each with a name and an id of its own."""
    text = (ROOT / "dags" / "workflows" / "OrganSeg.yaml").read_text()
    for number in range(count):
        copy = text.replace("workflow: OrganSeg", f"workflow: Copy{number:03}")
        copy = copy.replace("1db65f99-c9b7-4329-ab9c-d519e0557638", f"00000000-0000-0000-0000-{number:012}")
        (folder / f"Copy{number:03}.yaml").write_text(copy)


def milliseconds(file: Path) -> float:
    """Median CPU time to execute a DAG file, in ms: parsing waits for nothing, and other work must not count."""
    times = []
    for _ in range(REPEATS):
        started = time.process_time()
        runpy.run_path(str(file))
        times.append(1000 * (time.process_time() - started))
    return statistics.median(times)


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        os.environ.update(airflow_environment(home))
        from clara_ops.settings import load_settings

        print("parse time      ours ms/DAG   hand-written ms/DAG   ratio   target")
        for count in (10, 100):
            folder = home / str(count)
            folder.mkdir()
            write_workflows(folder, count)
            os.environ["AIRFLOW__CLARA__WORKFLOWS_FOLDER"] = str(folder)
            load_settings.cache_clear()
            peer = folder / "peer.py"
            peer.write_text(_PEER.format(count=count))
            ours = ROOT / "dags" / "clara_workflows.py"
            runpy.run_path(str(ours))
            runpy.run_path(str(peer))
            mine, theirs = milliseconds(ours) / count, milliseconds(peer) / count
            print(f"{count:4} workflows  {mine:11.2f}   {theirs:19.2f}   {mine / theirs:5.2f}   <= 3 ms")


if __name__ == "__main__":
    main()
