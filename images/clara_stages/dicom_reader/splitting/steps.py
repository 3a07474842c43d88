"""The way from a whole series to one part: a chain of decisions, each about one attribute."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from clara_stages.dicom_reader.splitting.candidates import Candidate
from clara_stages.dicom_reader.splitting.clusters import Floats, Labels
from clara_stages.dicom_reader.splitting.parts import Value


@dataclass(frozen=True, kw_only=True)
class Step:
    """One decision.

    Attributes:
        attribute: The name in ``Part.values``.
        words: In messages.
        value: What this group has; None where the header does not say it.
        name: How it stands in a name; not yet safe.
        unit: In messages.
        order: Sorts the groups of one decision; those without a value come last.
    """

    attribute: str
    words: str
    value: Value | None
    name: str
    unit: str = ""
    order: tuple[Any, ...] = ()

    @property
    def shown(self) -> str:
        """The value as messages show it, without its unit."""
        if self.value is None:
            return "none"
        return f"{self.value:.6g}" if isinstance(self.value, float) else str(self.value)


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """Frames that no further decision divides, as indices into the frames that have a place.

    Attributes:
        rows: Their indices, shape ``(n,)``.
        steps: How they were found.
        times: Indices of each time point, earliest first; empty where there is no time.
        time_values: Of each of ``times``.
        time_attribute: What they are.
        is_explained: Whether each place occurs once in the leaf, or in each of its time points.
        kind_of: As in ``Part``.
        note: More to say about it.
    """

    rows: Labels
    steps: tuple[Step, ...] = ()
    times: tuple[Labels, ...] = ()
    time_values: tuple[float, ...] = ()
    time_attribute: str = ""
    is_explained: bool = True
    kind_of: str = "stack"
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Group:
    """One group of a decision."""

    rows: Labels
    step: Step = field(repr=False)


def build_steps(candidate: Candidate, values: Sequence[Any]) -> list[Step]:
    """One step for each distinct value of a decision, None for what the header does not say.

    Args:
        candidate: What was decided by.
        values: Ascending, None last.
    """
    common = set.intersection(*(set(value or ()) for value in values)) if candidate.attribute == "image_type" else set()
    steps = []
    for number, value in enumerate(values, start=1):
        shown: Value | None
        if value is None:
            shown, name = None, candidate.absent
        elif candidate.attribute == "image_type":
            shown = "/".join(value)
            name = "-".join(part for part in value if part not in common) or candidate.name.format(number)
        elif candidate.numbered:
            shown, name = number, candidate.name.format(number)
        else:
            shown = value if isinstance(value, (str, int, float)) else "/".join(map(str, value))
            name = candidate.name.format(value)
        order = (1, 0) if value is None else (0, number)
        steps.append(
            Step(
                attribute=candidate.attribute,
                words=candidate.words,
                value=shown,
                name=name,
                unit=candidate.unit,
                order=order,
            )
        )
    return steps


def gaps_are_even(along_mm: Floats, tolerance: float) -> bool:
    """Whether sorted places lie at one distance from each other, to a part of the usual distance."""
    gaps = along_mm[1:] - along_mm[:-1]
    if not len(gaps):
        return True
    usual = sorted(gaps)[len(gaps) // 2]
    return bool((abs(gaps - usual) <= tolerance * usual).all())
