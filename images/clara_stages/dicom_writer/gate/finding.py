"""What the gate found wrong with a result."""

from dataclasses import dataclass, replace
from enum import StrEnum


class Severity(StrEnum):
    """What a finding means for the result."""

    ERROR = "error"
    """We caused it: nothing is handed on, exit 20."""

    WARNING = "warning"
    """A person should look; the result is handed on."""

    INHERITED = "inherited"
    """The source has it already; the result is handed on."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        name: Stable, for people and for the parameter ``accept``: lower case words joined by ``_``, such as
            ``frame_position`` or ``dangling_reference``.
        output: The output it was found in (``seg``, ``sr`` ...).
        message: What was found and what was expected, with numbers; attributes are named, values of patients never.
        severity: ERROR unless said otherwise.
    """

    name: str
    output: str
    message: str
    severity: Severity = Severity.ERROR

    def as_warning(self) -> "Finding":
        """The same, where a workflow accepts it."""
        return replace(self, severity=Severity.WARNING)
