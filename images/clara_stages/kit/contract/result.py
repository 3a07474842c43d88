"""What a stage answers: ``result.json`` beside the data, and a short result for the operator."""

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from clara_stages.kit.contract.exit_codes import ExitCode, Outcome
from clara_stages.kit.contract.request import CONTRACT_VERSION

RESULT_FILE = "result.json"
"""Written last: a folder without it is not a result."""

SHORT_RESULT_KEY = "short_result"
"""The last JSON line on stdout is ``{"short_result": {...}}``; on Kubernetes it is the termination message too."""

SHORT_RESULT_BYTES = 4096
"""A termination message holds 4096 bytes (Kubernetes, ``terminationMessagePath``)."""

_MESSAGE_CHARACTERS = 800
"""Enough for found, expected and remedy; three such texts fit the termination message even in UTF-8."""


@dataclass(frozen=True, kw_only=True)
class ErrorReport:
    """Why a stage did not complete.

    Attributes:
        code: An ``ExitCode``, or another status of a crashed program.
        message: What was found and what was expected, without PHI.
        remedy: What to do.
    """

    code: int
    message: str
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class StageResult:
    """The content of ``result.json``.

    Attributes:
        outcome: How the stage ended.
        folders: Output name -> folder relative to the one that holds ``result.json``.
        metrics: Small numbers and texts worth a look in the UI.
        warnings: Sentences for the person who looks at the run, without PHI.
        software: Distribution or model -> version.
        stage_key: The key of the request.
        digest: SHA-256 over names and bytes of all files in ``folders``.
    """

    outcome: Outcome
    stage_key: str
    digest: str
    folders: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    software: dict[str, str] = field(default_factory=dict)
    contract: int = CONTRACT_VERSION

    def to_json(self) -> str:
        """The result as indented JSON."""
        return json.dumps(asdict(self), indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "StageResult":
        """The result in ``text``.

        Raises:
            ValueError: Not a result of this contract.
        """
        values = json.loads(text)
        if not isinstance(values, dict) or values.get("contract") != CONTRACT_VERSION:
            raise ValueError(f"not a result of contract {CONTRACT_VERSION}")
        known = {item.name for item in fields(cls)}
        try:
            values["outcome"] = Outcome(str(values.get("outcome")))
            return cls(**{key: value for key, value in values.items() if key in known})
        except TypeError as error:
            raise ValueError(f"the result is incomplete: {error}") from None


@dataclass(frozen=True, kw_only=True)
class ShortResult:
    """All that the operator reads, at most 4 KB: the worker need not mount the volume."""

    exit_code: int
    outcome: str | None = None
    io_folder: str = ""
    folders: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    stage_key: str = ""
    digest: str = ""
    error: ErrorReport | None = None

    def to_json(self) -> str:
        """One line of JSON of at most 4096 bytes; metrics, then warnings are dropped to fit."""
        values = asdict(self)
        if self.error:
            values["error"]["message"] = self.error.message[:_MESSAGE_CHARACTERS]
            values["error"]["remedy"] = self.error.remedy[:_MESSAGE_CHARACTERS]
        for droppable in ("metrics", "warnings", None):
            line = json.dumps({SHORT_RESULT_KEY: values}, sort_keys=True, ensure_ascii=False)
            if len(line.encode(errors="backslashreplace")) <= SHORT_RESULT_BYTES or droppable is None:
                return line
            values[droppable] = type(values[droppable])()
        raise AssertionError("unreachable")

    @classmethod
    def from_line(cls, line: str) -> "ShortResult | None":
        """The short result in a line of output, or None where the line is something else."""
        if SHORT_RESULT_KEY not in line:
            return None
        try:
            values = json.loads(line)[SHORT_RESULT_KEY]
            known = {item.name for item in fields(cls)}
            values = {key: value for key, value in values.items() if key in known}
            if values.get("error"):
                report = {item.name for item in fields(ErrorReport)}
                values["error"] = ErrorReport(**{k: v for k, v in values["error"].items() if k in report})
            return cls(**values)
        except (ValueError, TypeError, KeyError, AttributeError):
            return None

    @classmethod
    def of_result(cls, result: StageResult, io_folder: str) -> "ShortResult":
        """What the operator reads of a result that lies in ``io_folder``."""
        return cls(
            exit_code=int(ExitCode.COMPLETED),
            outcome=result.outcome.value,
            io_folder=io_folder,
            folders=result.folders,
            metrics=result.metrics,
            warnings=result.warnings,
            stage_key=result.stage_key,
            digest=result.digest,
        )

    @property
    def completed(self) -> bool:
        """Whether there is a result to read."""
        return self.exit_code == ExitCode.COMPLETED and self.outcome == Outcome.COMPLETED
