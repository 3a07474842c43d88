"""The request of one attempt, from the task's context."""

from pathlib import Path
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from clara_ops.dag.stage_task import StageTask
from clara_ops.operators.study import find_study
from clara_ops.settings import Settings
from clara_ops.workflow.graph import output_reference
from clara_ops.workflow.spec import PAYLOAD_DESTINATIONS, PAYLOAD_STUDY, param_reference
from clara_stages.kit.contract import StageRequest, stage_key
from clara_stages.kit.contract.keys import bundle_digest


def stage_folder(context: Any, task: StageTask, settings: Settings) -> Path:
    """Where all attempts of this stage in this run lie."""
    run_id: str = context["run_id"]
    if "/" in run_id or run_id in (".", ".."):
        raise AirflowFailException("the run id holds a slash, expected one that can name a folder")
    return settings.io_root / "runs" / task.workflow / run_id / task.stage


def build_request(context: Any, task: StageTask, settings: Settings) -> StageRequest:
    """The request, its ``output`` still empty: the attempt's folder is made when it is known to be needed.

    Raises:
        AirflowFailException: The study, a bundle or an upstream result is not there.
    """
    inputs: dict[str, str] = {}
    keys: dict[str, str] = {}
    digest: str | None = None
    for name, reference in task.inputs.items():
        if reference == PAYLOAD_STUDY:
            study = find_study(str(context["params"]["study"]), settings)
            inputs[name], keys[name] = str(study.folder), study.key
        elif isinstance(reference, dict):
            bundle = _bundle(reference["bundle"], context, settings)
            digest = bundle_digest(bundle)
            inputs[name], keys[name] = str(bundle), digest
        else:
            inputs[name], keys[name] = _upstream_result(reference, context)
    params = {name: _value(value, context) for name, value in task.params.items()}
    return StageRequest(
        workflow=task.workflow,
        dag_run_id=context["run_id"],
        stage=task.stage,
        attempt=context["ti"].try_number,
        stage_key=stage_key(stage_version=task.stage_version, params=params, input_keys=keys, bundle_digest=digest),
        inputs=inputs,
        input_keys=keys,
        output="",
        params=params,
        installation=settings.installation,
        rollout_mode=settings.rollout_mode,
    )


def _bundle(reference: Any, context: Any, settings: Settings) -> Path:
    name = str(_value(reference, context))
    bundle = (settings.bundle_root / name).resolve()
    if not bundle.is_relative_to(settings.bundle_root) or not (bundle / "configs" / "metadata.json").is_file():
        known = sorted(item.parent.parent.name for item in settings.bundle_root.glob("*/configs/metadata.json"))
        raise AirflowFailException(
            f"there is no bundle {name!r} below bundle_root, known are {', '.join(known) or 'none'} -> "
            "correct the workflow's parameter, or put the bundle there"
        )
    return bundle


def _upstream_result(reference: str, context: Any) -> tuple[str, str]:
    found = output_reference(reference)
    if found is None:
        raise AirflowFailException(f"{reference!r} is no <stage>.<output> -> correct the workflow")
    stage, output = found
    result = context["ti"].xcom_pull(task_ids=stage)
    if not isinstance(result, dict) or output not in result.get("folders", {}):
        raise AirflowFailException(
            f"the stage {stage} left no output {output!r} in this run -> clear {stage}, so that it runs again"
        )
    return str(Path(result["io_folder"]) / result["folders"][output]), f"{result['stage_key']}:{output}"


def _value(value: Any, context: Any) -> Any:
    name = param_reference(value)
    if name is not None:
        return context["params"][name]
    return list(context["params"].get("destinations") or []) if value == PAYLOAD_DESTINATIONS else value
