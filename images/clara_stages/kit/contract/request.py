"""What the operator tells a stage: one JSON document in an environment variable."""

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

CONTRACT_VERSION = 1
"""A breaking change is a new integer; unknown keys are ignored, so additions are none."""

REQUEST_VARIABLE = "CLARA_STAGE_REQUEST"
"""Environment variable that carries the request."""


@dataclass(frozen=True, kw_only=True)
class StageRequest:
    """One attempt of one stage.

    Attributes:
        contract: Version of the contract the operator speaks.
        workflow: The dag id.
        dag_run_id: The run; opaque, without PHI.
        stage: The stage's name in the workflow.
        attempt: From 1.
        stage_key: Equal keys mean equal results (DESIGN: cache, adoption, result UIDs).
        inputs: Input name -> absolute folder.
        output: Absolute folder, the only writable one.
        state: Optional folder that outlives the attempt, for checkpoints.
        params: Parameter name -> value, as the manifest's schema says, defaults filled in.
        input_keys: Input name -> key of the data in it.
        installation: Name of this installation; part of every UID made here.
        rollout_mode: ``live``, ``test``, ``shadow`` or ``off``; part of every UID made here.
    """

    workflow: str
    dag_run_id: str
    stage: str
    stage_key: str
    output: str
    inputs: dict[str, str] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    input_keys: dict[str, str] = field(default_factory=dict)
    attempt: int = 1
    state: str | None = None
    contract: int = CONTRACT_VERSION
    installation: str = "by-hand"
    rollout_mode: str = "live"

    def to_json(self) -> str:
        """The request as one line of JSON, keys sorted."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "StageRequest":
        """The request in ``text``.

        Raises:
            ValueError: Not a JSON object, a required key is missing, or the contract is another version.
        """
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError(f"the request is a JSON {type(values).__name__}, expected an object")  # noqa: TRY004
        contract = values.get("contract")
        if contract != CONTRACT_VERSION:
            raise ValueError(
                f"the request speaks contract {contract!r}, this stage speaks {CONTRACT_VERSION}: "
                "install the same clara-stages on both sides, or use an image of that version"
            )
        known = {item.name for item in fields(cls)}
        try:
            return cls(**{key: value for key, value in values.items() if key in known})
        except TypeError as error:
            raise ValueError(f"the request is incomplete: {error}") from None


def request_environment(request: StageRequest, primary_input: str | None) -> dict[str, str]:
    """The request in every spelling that a container may understand.

    Ours is ``CLARA_STAGE_REQUEST``; the single variables serve shell scripts; the ``HOLOSCAN_`` and ``MONAI_`` pairs
    serve MONAI Application Packages.
    """
    environment = {REQUEST_VARIABLE: request.to_json(), "CLARA_OUTPUT": request.output}
    for name, folder in request.inputs.items():
        environment[f"CLARA_INPUT_{name.upper()}"] = folder
    for name, value in request.params.items():
        environment[f"CLARA_PARAM_{name.upper()}"] = value if isinstance(value, str) else json.dumps(value)
    pairs = [("HOLOSCAN_OUTPUT_PATH", request.output), ("MONAI_OUTPUTPATH", request.output)]
    if primary_input in request.inputs:
        folder = request.inputs[primary_input]
        pairs += [("HOLOSCAN_INPUT_PATH", folder), ("MONAI_INPUTPATH", folder)]
    environment.update(pairs)
    return environment
