"""The workflow's parameters -> the trigger form in the Airflow UI."""

from airflow.sdk import Param

from clara_ops.workflow.spec import Workflow

# A JSON Schema keyword that Param takes by another name.
_DESCRIPTION = "description"


def build_params(workflow: Workflow) -> dict[str, Param]:
    """Airflow params: the study and its destinations, which the dispatcher fills, then the workflow's own."""
    params = {
        "study": Param(
            type="string",
            minLength=1,
            title="Study",
            description="An arrival id, or a folder of DICOM files below one of the study roots.",
        ),
        "destinations": Param(
            [],
            type="array",
            items={"type": "string"},
            title="Destinations",
            description="Names of destinations in the adapter's configuration; empty sends nothing.",
        ),
    }
    for name, schema in workflow.params.items():
        rest = {key: value for key, value in schema.items() if key not in ("default", _DESCRIPTION)}
        params[name] = Param(schema["default"], description=schema.get(_DESCRIPTION), **rest)
    return params
