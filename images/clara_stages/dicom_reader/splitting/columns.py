"""The values of one attribute in all frames of a series, as small integers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clara_stages.dicom_reader.headers.frame import Frame
from clara_stages.dicom_reader.splitting.candidates import Candidate
from clara_stages.dicom_reader.splitting.clusters import Labels, cluster_numbers, cluster_vectors

UNKNOWN = -1
"""Label of frames whose header does not say the value."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One attribute of all frames.

    Attributes:
        labels: Of each frame, shape ``(n,)``: index into ``values``, or ``UNKNOWN``.
        values: Distinct values, ascending.
    """

    candidate: Candidate
    labels: Labels
    values: tuple[Any, ...]

    def value(self, label: int) -> Any:
        """The value that a label stands for, or None."""
        return None if label == UNKNOWN else self.values[label]


def build_column(candidate: Candidate, frames: Sequence[Frame]) -> Column:
    """Label each frame by its value; values that differ by rounding only are one."""
    raw = [candidate.read(frame) for frame in frames]
    labels = np.full(len(raw), UNKNOWN, dtype=np.int64)
    known = [index for index, value in enumerate(raw) if value is not None and value not in ("", ())]
    if not known:
        return Column(candidate=candidate, labels=labels, values=())
    found = [raw[index] for index in known]
    distinct = sorted(set(found))
    of_value = dict(zip(distinct, _cluster(candidate, distinct), strict=True))
    labels[known] = [of_value[value] for value in found]
    members: dict[int, list[Any]] = {}
    for value, label in of_value.items():
        members.setdefault(label, []).append(value)
    middles = tuple(members[label][len(members[label]) // 2] for label in sorted(members))
    return Column(candidate=candidate, labels=labels, values=middles)


def _cluster(candidate: Candidate, distinct: list[Any]) -> list[int]:
    if candidate.vector_tolerance is not None:
        return [int(label) for label in cluster_vectors(distinct, candidate.vector_tolerance)]
    if candidate.absolute:
        numbers = np.array(distinct, dtype=np.float64)
        return [int(label) for label in cluster_numbers(numbers, candidate.absolute, candidate.relative)]
    return list(range(len(distinct)))
