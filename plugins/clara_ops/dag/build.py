"""One workflow -> one DAG: a task for each stage, and ``close`` at the end. Deterministic."""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, BaseOperator

from clara_ops.dag.params import build_params
from clara_ops.dag.stage_task import StageTask, build_stage_task
from clara_ops.operators.close import CLOSE_TASK_ID, CloseOperator
from clara_ops.settings import Settings
from clara_ops.workflow.catalog import Catalog, Manifest
from clara_ops.workflow.graph import run_order, upstream
from clara_ops.workflow.spec import Stage, Workflow

START_DATE = datetime(2024, 1, 1, tzinfo=UTC)
"""Any fixed day in the past: the DAGs have no schedule, but a clock here would make a new DAG version each parse."""

MAX_RETRY_DELAY = timedelta(minutes=5)
"""Longer waits would leave a study behind when its peer is back."""

STAGES_POOL = "stages"
GPU_POOL = "gpu"


def build_dag(workflow: Workflow, catalog: Catalog, settings: Settings) -> DAG:
    """The DAG of a checked workflow."""
    with DAG(
        dag_id=workflow.workflow,
        dag_display_name=workflow.workflow,
        description=workflow.description,
        doc_md=_documentation(workflow),
        schedule=None,
        start_date=START_DATE,
        catchup=False,
        params=build_params(workflow),
        tags=sorted({"clara", *workflow.tags}),
        max_active_runs=workflow.max_active_runs,
        dagrun_timeout=timedelta(seconds=workflow.timeout_s),
        is_paused_upon_creation=False,
        # Airflow registers every DAG that is built while a file is parsed; the file that only checks must have none.
        auto_register=False,
    ) as dag:
        tasks: dict[str, BaseOperator] = {}
        for name in run_order(workflow):
            task = build_stage_task(workflow, name, catalog.entries[workflow.stages[name].image])
            tasks[name] = _operator(task, _task_arguments(workflow, task, catalog, settings), settings)
            tasks[name].set_upstream([tasks[other] for other in upstream(workflow.stages[name])])
        close = CloseOperator(
            task_id=CLOSE_TASK_ID, stage_task_ids=list(tasks), adapter_conn_id=settings.adapter_conn_id
        ).as_teardown()
        close.set_upstream(list(tasks.values()))
    return dag


def _operator(task: StageTask, arguments: dict[str, Any], settings: Settings) -> BaseOperator:
    if settings.runtime == "kubernetes":
        from clara_ops.operators.kubernetes_stage import KubernetesStageOperator  # half a second, only where needed

        return KubernetesStageOperator(stage_task=task, **arguments)
    from clara_ops.operators.stage import StageOperator

    return StageOperator(stage_task=task, **arguments)


def _task_arguments(workflow: Workflow, task: StageTask, catalog: Catalog, settings: Settings) -> dict[str, Any]:
    stage = workflow.stages[task.stage]
    manifest = catalog.manifest(task.image)
    return {
        "task_id": task.stage,
        "task_display_name": stage.title or task.stage,
        "doc_md": _stage_documentation(stage, manifest),
        "pool": GPU_POOL if task.limits.gpu else STAGES_POOL,
        "retries": settings.retries,
        "retry_delay": timedelta(seconds=settings.retry_delay_s),
        "retry_exponential_backoff": True,
        "max_retry_delay": MAX_RETRY_DELAY,
        # The runtime ends the stage itself at timeout_s; this catches a task that hangs around it.
        "execution_timeout": timedelta(seconds=task.limits.timeout_s + settings.queue_timeout_s + 300),
    }


def _stage_documentation(stage: Stage, manifest: Manifest) -> str:
    reads = ", ".join(f"{name} ({port.kind})" for name, port in manifest.inputs.items())
    writes = ", ".join(f"{name} ({port.kind})" for name, port in manifest.outputs.items())
    lines = [stage.description, f"`{manifest.stage}` version {manifest.version}: {manifest.description}"]
    return "\n\n".join([*filter(None, lines), f"Reads {reads or 'nothing'}.", f"Writes {writes or 'nothing'}."])


def _documentation(workflow: Workflow) -> str:
    lines = [workflow.description, ""]
    if workflow.trigger:
        lines.append(f"Called AE titles: {', '.join(f'`{title}`' for title in workflow.trigger.called_ae_titles)}")
        lines.append(f"Rule: `{workflow.trigger.when or 'every study'}`")
    if workflow.id:
        lines.append(f"Clara workflow id: `{workflow.id}`")
    return "\n\n".join(line for line in lines if line)
