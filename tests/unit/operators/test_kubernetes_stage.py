"""The pod of a stage, as the API server would get it. No cluster is needed to build it."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from clara_ops.dag.stage_task import build_stage_task
from clara_ops.operators.pod_result import read_pod_result
from clara_ops.settings import load_settings
from clara_ops.workflow import load_catalog, load_workflow
from clara_stages.kit.contract import StageRequest

ROOT = Path(__file__).parents[3]
GOLDEN = Path(__file__).with_name("pods")


@pytest.fixture
def io_root(monkeypatch):
    monkeypatch.setenv("AIRFLOW__CLARA__IO_ROOT", "/var/lib/clara/io")
    monkeypatch.setenv("AIRFLOW__CLARA__BUNDLE_ROOT", "/opt/clara/bundles")
    monkeypatch.setenv("AIRFLOW__CLARA__IMAGES", json.dumps({"dicom_reader": "registry.example/dicom_reader@sha256:0"}))
    from clara_ops.settings import load_kubernetes_settings

    load_settings.cache_clear()
    load_kubernetes_settings.cache_clear()
    yield Path("/var/lib/clara/io")
    load_settings.cache_clear()
    load_kubernetes_settings.cache_clear()


def build_pod(stage: str) -> dict:
    from airflow.sdk import DAG

    from clara_ops.operators.kubernetes_stage import KubernetesStageOperator

    catalog = load_catalog()
    workflow = load_workflow(ROOT / "dags" / "workflows" / "OrganSeg.yaml", catalog)
    task = build_stage_task(workflow, stage, catalog.entries[workflow.stages[stage].image])
    with DAG(dag_id="OrganSeg", schedule=None):
        operator = KubernetesStageOperator(task_id=stage, stage_task=task, kubernetes_conn_id=None)
    run = "/var/lib/clara/io/runs/OrganSeg/dicom__a1"
    operator.prepare(
        StageRequest(
            workflow="OrganSeg",
            dag_run_id="dicom__a1",
            stage=stage,
            stage_key="0" * 64,
            inputs={"study": "/var/lib/clara/io/studies/a1"},
            output=f"{run}/{stage}/1",
            params={"select": "series.modality == 'CT'"},
        )
    )
    operator.random_name_suffix = False
    pod = operator.build_pod_request_obj(dry_run=True)
    from kubernetes.client import ApiClient

    plain = ApiClient().sanitize_for_serialization(pod)
    plain["metadata"]["labels"].pop("airflow_version")
    return plain


@pytest.mark.parametrize("stage", ["read", "segment", "send"])
def test_the_pod_of_a_stage_is_the_one_that_was_reviewed(stage, io_root):
    golden = GOLDEN / f"{stage}.yaml"
    pod = build_pod(stage)
    assert pod == yaml.safe_load(golden.read_text()), (
        f"look at the change, then write it to {golden.name}:\n" + yaml.safe_dump(pod)
    )


def test_only_the_attempt_s_folder_can_be_written(io_root):
    (container,) = build_pod("read")["spec"]["containers"]
    writable = [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
    assert writable == ["/var/lib/clara/io/runs/OrganSeg/dicom__a1/read/1", "/tmp"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True


def ended(exit_code: int, *, reason: str = "Error", message: str = "", pod_reason: str | None = None):
    terminated = SimpleNamespace(exit_code=exit_code, reason=reason, message=message)
    status = SimpleNamespace(
        reason=pod_reason,
        container_statuses=[SimpleNamespace(name="stage", state=SimpleNamespace(terminated=terminated))],
    )
    return SimpleNamespace(status=status)


SHORT = '{"short_result": {"exit_code": %d, "outcome": "completed", "io_folder": "/io/1"}}'


@pytest.mark.parametrize(
    ("pod", "code", "said"),
    [
        (ended(0, reason="Completed", message=SHORT % 0), 0, None),
        (ended(0, reason="Completed", message="log line\n" + SHORT % 0), 0, None),
        (ended(137, reason="OOMKilled"), 32, "its memory limit of 8192 MiB|memory limit of 8192 MiB"),
        (ended(137), 137, "exit status 137"),
        (ended(1, message=SHORT % 0), 1, "exit status 1 and no short result"),
        (ended(0, reason="Completed"), 1, "no short result"),
        (ended(143, pod_reason="Evicted"), 31, "the node evicted the pod"),
        (ended(143, pod_reason="DeadlineExceeded"), 33, "time-out of 60 s"),
        (SimpleNamespace(status=None), 137, "gone without an exit status"),
    ],
)
def test_what_became_of_a_pod_is_read_from_its_status(pod, code, said):
    import re

    short = read_pod_result(pod, container="stage", memory_mib=8192, timeout_s=60)
    assert short.exit_code == code
    assert (short.error is None) == (said is None)
    if said:
        assert re.search(said, short.error.message)
