"""A stage's pod from attempt to attempt, against a small Kubernetes API server: nothing lost, nothing doubled."""

import json
import threading
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException

from clara_ops.dag.stage_task import StageLimits, StageTask
from clara_ops.operators.outcome import StageFailedError
from clara_ops.settings import load_kubernetes_settings, load_settings
from tests.support.kubernetes_api import ended, serve_kubernetes
from tests.support.task_instance import TaskInstance


@pytest.fixture
def io_root(monkeypatch, tmp_path):
    monkeypatch.setenv("AIRFLOW__CLARA__IO_ROOT", str(tmp_path / "io"))
    monkeypatch.setenv("AIRFLOW__CLARA__QUEUE_TIMEOUT_S", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for load in (load_settings, load_kubernetes_settings):
        load.cache_clear()
    (tmp_path / "io").mkdir()
    yield tmp_path / "io"
    for load in (load_settings, load_kubernetes_settings):
        load.cache_clear()


def short_result(pod, exit_code=0):
    """What the kit of this pod's stage would say."""
    (container,) = pod["spec"]["containers"]
    request = json.loads(next(item["value"] for item in container["env"] if item["name"] == "CLARA_STAGE_REQUEST"))
    values = {"exit_code": exit_code, "io_folder": request["output"], "stage_key": request["stage_key"], "digest": "d"}
    if exit_code:
        values["error"] = {"code": exit_code, "message": "found this", "remedy": "do that"}
    else:
        values["outcome"] = "completed"
    return json.dumps({"short_result": values})


def succeed(pod):
    pod["status"] = ended(0, short_result(pod), "Completed")


@pytest.fixture
def cluster(tmp_path):
    with serve_kubernetes(tmp_path, succeed) as api:
        yield api


def attempt(cluster, try_number=1, select="first"):
    """A worker that executes the stage; returns the task instance and a call."""
    from airflow.sdk import DAG

    from clara_ops.operators.kubernetes_stage import KubernetesStageOperator

    task = StageTask(
        workflow="OrganSeg",
        stage="read",
        stage_version="dicom_reader@1",
        image="dicom_reader",
        module="clara_stages.dicom_reader",
        command=None,
        params={"select": select},
        limits=StageLimits(cpu=1, memory_mib=512, gpu=0, timeout_s=60),
    )
    with DAG(dag_id="OrganSeg", schedule=None) as dag:
        operator = KubernetesStageOperator(
            task_id="read", stage_task=task, kubernetes_conn_id=None, config_file=str(cluster.kubeconfig), retries=5
        )
    ti = TaskInstance(dag_id="OrganSeg", run_id="dicom__a1")
    ti.try_number = try_number
    context = {"ti": ti, "run_id": ti.run_id, "dag": dag, "params": {}}
    return operator, ti, lambda: operator.execute(context)


def left_behind(cluster, status, **changed):
    """The pod of a first attempt whose worker died before it looked; returns its name."""
    cluster.run = lambda pod: pod.update(status=status(pod))
    operator, _, execute = attempt(cluster, **changed)
    operator.cleanup = lambda *_args, **_kwargs: None  # as if the worker were gone
    with pytest.raises(StageFailedError):
        execute()
    cluster.run = succeed
    return cluster.created[0]


def test_a_stage_is_one_pod_whose_last_words_are_the_result(io_root, cluster):
    _, ti, execute = attempt(cluster)
    result = execute()
    assert result["io_folder"] == str(io_root / "runs/OrganSeg/dicom__a1/read/1")
    assert cluster.created == cluster.deleted
    assert "outcome" not in ti.xcoms


def test_a_line_of_the_stage_keeps_its_level_and_loses_its_json(io_root, cluster, capsys):
    cluster.logs = '2026-01-01T00:00:00Z {"level": "warning", "message": "the table was cut"}\n'
    _, _, execute = attempt(cluster)
    execute()
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "the table was cut" in line]
    assert "[warning" in line
    assert "{" not in line


def test_a_request_that_looks_like_jinja_reaches_the_stage_as_it_is(io_root, cluster):
    seen: list = []

    def look(pod):
        seen.extend(pod["spec"]["containers"][0]["env"])
        succeed(pod)

    cluster.run = look
    operator, ti, execute = attempt(cluster, select="{{ conn.secret }}")
    operator.render_template_fields({"ti": ti})
    execute()
    assert {"name": "CLARA_PARAM_SELECT", "value": "{{ conn.secret }}"} in seen


def test_a_pod_that_succeeded_while_the_worker_was_away_is_adopted_and_removed(io_root, cluster):
    pod = left_behind(cluster, lambda pod: ended(0, short_result(pod), "Completed"))
    _, _, execute = attempt(cluster, try_number=2)
    assert execute()["io_folder"].endswith("read/1")
    assert (cluster.created, cluster.deleted) == ([pod], [pod])


def test_a_pod_that_still_runs_is_followed_to_its_end_by_the_next_attempt(io_root, cluster):
    pod = left_behind(cluster, lambda pod: ended(0, short_result(pod), "Completed"))
    done = cluster.pods[pod]["status"]
    (container,) = done["containerStatuses"]
    running = {**container, "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}
    cluster.pods[pod]["status"] = {"phase": "Running", "containerStatuses": [running]}
    threading.Timer(0.5, cluster.pods[pod].update, kwargs={"status": done}).start()
    _, _, execute = attempt(cluster, try_number=2)
    assert execute()["io_folder"].endswith("read/1")
    assert (cluster.created, cluster.deleted) == ([pod], [pod])
    assert [folder.name for folder in (io_root / "runs/OrganSeg/dicom__a1/read").iterdir()] == ["1"]


def test_a_pod_that_failed_while_the_worker_was_away_is_kept_and_another_one_runs(io_root, cluster):
    pod = left_behind(cluster, lambda pod: ended(30, short_result(pod, 30)))
    _, _, execute = attempt(cluster, try_number=2)
    assert execute()["io_folder"].endswith("read/2")
    assert pod in cluster.pods
    assert len(cluster.created) == 2


def test_a_pod_that_made_something_else_is_not_taken_for_this_attempt_s(io_root, cluster):
    pod = left_behind(cluster, lambda pod: ended(0, short_result(pod), "Completed"), select="other")
    _, _, execute = attempt(cluster, try_number=2)
    assert execute()["io_folder"].endswith("read/2")
    assert pod in cluster.deleted


@pytest.mark.parametrize(("code", "raised"), [(20, AirflowFailException), (30, StageFailedError)])
def test_a_failed_pod_ends_the_task_by_its_exit_code_and_leaves_the_reason(io_root, cluster, code, raised):
    cluster.run = lambda pod: pod.update(status=ended(code, short_result(pod, code)))
    _, ti, execute = attempt(cluster)
    with pytest.raises(raised, match="found this -> do that"):
        execute()
    assert ti.xcoms["outcome"]["error"]["message"] == "found this"
    assert list(cluster.pods) == cluster.created  # kept, to be looked at


def test_a_pod_that_gets_no_node_in_time_is_deleted_and_not_tried_again(io_root, cluster):
    cluster.run = lambda pod: pod.update(status={"phase": "Pending"})
    _, ti, execute = attempt(cluster)
    with pytest.raises(AirflowFailException, match=r"did not start: .* to be scheduled.* queue_timeout_s"):
        execute()
    assert cluster.pods == {}
    assert ti.xcoms["outcome"]["exit_code"] == 125


def test_a_missing_image_is_said_and_not_tried_again(io_root, cluster):
    waiting = {"waiting": {"reason": "InvalidImageName", "message": "no such image"}}
    container = {"name": "stage", "image": "i", "imageID": "", "ready": False, "restartCount": 0, "state": waiting}
    cluster.run = lambda pod: pod.update(status={"phase": "Pending", "containerStatuses": [container]})
    _, _, execute = attempt(cluster)
    with pytest.raises(AirflowFailException, match=r"InvalidImageName no such image -> correct \[clara\] images"):
        execute()
    assert cluster.pods == {}


def test_a_node_that_turns_the_pod_away_is_retried(io_root, cluster):
    cluster.run = lambda pod: pod.update(status={"phase": "Failed", "reason": "Evicted"})
    _, _, execute = attempt(cluster)
    with pytest.raises(StageFailedError, match="the node evicted the pod"):
        execute()


def test_a_task_that_is_ended_deletes_its_pod_and_is_retried(io_root, cluster):
    operator, _, execute = attempt(cluster)
    cluster.run = lambda pod: pod.update(status={"phase": "Running"})
    operator.await_pod_start = lambda pod: operator.on_kill()  # as Airflow's handler of SIGTERM would
    with pytest.raises(Exception, match="Not Found"):
        execute()
    assert cluster.pods == {}


def test_in_the_kubernetes_runtime_too_parsing_twice_gives_the_same_dags(monkeypatch):
    import subprocess
    import sys
    import textwrap

    root = Path(__file__).parents[3]
    program = f"""
        import json
        from airflow.serialization.serialized_objects import DagSerialization
        from tests.support.airflow_dags import parse_dag_file
        file = __import__("pathlib").Path({str(root / "dags" / "clara_workflows.py")!r})
        texts = [json.dumps({{n: DagSerialization.to_dict(d) for n, d in parse_dag_file(file).items()}}, sort_keys=True)
                 for _ in range(2)]
        assert texts[0] == texts[1]
        assert "KubernetesStageOperator" in texts[0]
        for word in ("CLARA_", "secret", " at 0x", "V1"):
            assert word not in texts[0], word
    """
    monkeypatch.setenv("AIRFLOW__CLARA__RUNTIME", "kubernetes")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=root, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
