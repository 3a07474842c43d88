"""What one task must know of its stage: plain data, made when the DAG is built, used when the task runs."""

from dataclasses import dataclass, field
from typing import Any

from clara_ops.workflow.catalog import CatalogEntry
from clara_ops.workflow.spec import Stage, Workflow

ADAPTER_SERVICE = "dicom_adapter"
"""The service that a manifest names to be given the adapter's address and token."""


@dataclass(frozen=True, kw_only=True)
class StageLimits:
    """What the stage may use, from the workflow or else from the manifest."""

    cpu: float
    memory_mib: int
    gpu: int
    timeout_s: int


@dataclass(frozen=True, kw_only=True)
class StageTask:
    """One stage of one workflow.

    Attributes:
        workflow: The dag id.
        stage: The task id.
        stage_version: ``<image>@<manifest version>``, part of the stage key.
        image: The stage's image name.
        module: Python module of the stage, None where ``command`` starts it.
        command: Program of a stage that is no Python package.
        inputs: Input -> ``payload.study``, ``<stage>.<output>``, or ``{"bundle": name or {"param": name}}``.
        params: Parameter -> value or reference, defaults of the manifest filled in.
        primary_input: The input that containers made for MONAI Deploy read.
        services: Names of the services the stage talks to.
        limits: What the stage may use.
    """

    workflow: str
    stage: str
    stage_version: str
    image: str
    module: str | None
    command: tuple[str, ...] | None
    inputs: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    primary_input: str | None = None
    services: tuple[str, ...] = ()
    limits: StageLimits


def build_stage_task(workflow: Workflow, name: str, entry: CatalogEntry) -> StageTask:
    """The task of one stage, which ``check_workflow`` found right."""
    stage, manifest = workflow.stages[name], entry.manifest
    return StageTask(
        workflow=workflow.workflow,
        stage=name,
        stage_version=f"{manifest.stage}@{manifest.version}",
        image=manifest.stage,
        module=entry.module,
        command=tuple(manifest.command) if manifest.command else None,
        inputs={key: _plain(value) for key, value in stage.inputs.items()},
        params={**manifest.defaults(), **stage.params},
        primary_input=manifest.primary_input,
        services=tuple(manifest.services),
        limits=_limits(stage, entry),
    )


def _limits(stage: Stage, entry: CatalogEntry) -> StageLimits:
    given = stage.resources.model_dump(exclude_none=True)
    return StageLimits(**{**entry.manifest.resources.model_dump(), **given})


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else value.model_dump()
