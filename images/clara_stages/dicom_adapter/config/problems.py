"""What is wrong with a configuration: all of it at once, each with its line."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One fault: where, what was found, what was expected, what to do."""

    file: str
    line: int
    found: str
    expected: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.found}; expected {self.expected}. {self.remedy}"


class ConfigError(ValueError):
    """A configuration cannot be used; ``problems`` names every reason."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda item: (item.file, item.line)))
        super().__init__("\n".join(map(str, self.problems)))


def suggest(found: str, known: Iterable[str]) -> str:
    """A remedy for a name nobody knows: the nearest known one, or all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(found, names, n=1, cutoff=0.5)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"Known: {', '.join(names)}." if names else "None is defined."
