"""What can be wrong with a workflow file, always with file, line, found, expected and remedy."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One reason to refuse a file.

    Attributes:
        file: The file's name.
        line: 1-based line, 0 where the whole file is meant.
        found: What stands there.
        expected: What may stand there.
        remedy: What to do.
    """

    file: str
    line: int
    found: str
    expected: str
    remedy: str = ""

    def __str__(self) -> str:
        """``file:line: found ...; expected ... -> remedy``."""
        remedy = f" -> {self.remedy}" if self.remedy else ""
        return f"{self.file}:{self.line}: {self.found}; expected {self.expected}{remedy}"


class WorkflowError(ValueError):
    """A workflow file cannot be used.

    Attributes:
        problems: Every reason that was found, in the order of their lines.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.file, problem.line)))
        super().__init__("\n".join(map(str, self.problems)))


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint: the known name most like ``name``, or all that are known."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known are {', '.join(names)}" if names else "none is known"
