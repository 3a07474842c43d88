"""The workflow's data model. Names and types only; what must fit together is checked in ``check.py``."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,62}$")]
"""A name that is a file's stem, a dag id, a task id and a folder alike."""

AeTitle = Annotated[str, StringConstraints(min_length=1, max_length=16, pattern=r"^[^\\\x00-\x1f]+$")]
"""VR AE: at most 16 characters, no backslash, no control characters (PS3.5 6.2)."""

PAYLOAD_DESTINATIONS = "payload.destinations"
"""The one value a params entry may take from the payload: the destinations of the arrival."""

PAYLOAD_STUDY = "payload.study"
"""The one input a stage may take from the payload."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ParamReference(_Strict):
    """``{param: name}``: the value of a workflow parameter."""

    param: str


class BundleInput(_Strict):
    """``{bundle: name}`` or ``{bundle: {param: name}}``: a model bundle below ``bundle_root``."""

    bundle: str | ParamReference


class Trigger(_Strict):
    """Which studies start the workflow."""

    called_ae_titles: list[AeTitle] = Field(min_length=1, description="AE titles that a study may be sent to")
    when: str = Field(default="", description="CEL rule over study; empty takes every study")


class Resources(_Strict):
    """What one stage asks of its host; what is not given comes from the stage's manifest."""

    cpu: float | None = Field(default=None, gt=0, description="cores")
    memory_mib: int | None = Field(default=None, gt=0, description="the stage is ended above it")
    gpu: int | None = Field(default=None, ge=0, description="whole GPUs; where there is none the stage uses the CPU")
    timeout_s: int | None = Field(default=None, gt=0, description="the stage is ended after it")


class Stage(_Strict):
    """One container of the workflow."""

    image: Name = Field(description="the stage's image, as its stage.yaml names it")
    inputs: dict[str, str | BundleInput] = Field(
        default_factory=dict, description="input -> payload.study, <stage>.<output> or {bundle: name}"
    )
    params: dict[str, Any] = Field(default_factory=dict, description="parameter -> value or {param: name}")
    resources: Resources = Resources()
    after: list[str] = Field(default_factory=list, description="stages that must end first, without data")
    title: str = Field(default="", description="what the Airflow UI shows")
    description: str = Field(default="", description="Markdown, shown with the task")


class Workflow(_Strict):
    """One workflow: one YAML file, one DAG."""

    workflow: Name = Field(description="the dag id and the file's stem")
    id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")] | None = Field(
        default=None, description="a UUID, which a Clara configuration may name"
    )
    description: str = ""
    trigger: Trigger | None = Field(default=None, description="absent: started by hand only")
    params: dict[Name, dict[str, Any]] = Field(
        default_factory=dict, description="parameter -> JSON Schema with a default; the form in the Airflow UI"
    )
    stages: dict[Name, Stage] = Field(min_length=1)
    max_active_runs: int = Field(default=4, ge=1, le=1000, description="runs of this workflow at the same time")
    timeout_s: int = Field(default=4 * 3600, gt=0, description="a whole run fails after it")
    tags: list[str] = Field(default_factory=list)
    version: Literal[1] = Field(default=1, description="version of this format")


def param_reference(value: Any) -> str | None:
    """The parameter that ``{param: name}`` names, or None for any other value."""
    if isinstance(value, dict) and set(value) == {"param"} and isinstance(value["param"], str):
        return value["param"]
    return None
