"""The segments of an annotation on the grid of a volume."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_reader.annotations.annotation import Annotation, SegmentFacts
from clara_stages.dicom_reader.annotations.canvas import Canvas
from clara_stages.kit import BadInputError, NothingToDoError
from clara_stages.kit.contract.kinds import Kind

KINDS = (Kind.LABEL_MAP, Kind.SEGMENT_STACK, Kind.PROBABILITY_MAP)
"""What an annotation may become."""


@dataclass(frozen=True, kw_only=True)
class SegmentLabel:
    """One segment that was read.

    Attributes:
        value: In a label map; from 1.
        facts: What the object says of it.
        voxels: How many it has on the grid (of fractions: above 0).
    """

    value: int
    facts: SegmentFacts
    voxels: int


@dataclass(frozen=True, kw_only=True)
class LeftOutSegment:
    """One segment that is not in the result, and why."""

    facts: SegmentFacts
    reason: str


@dataclass(frozen=True, kw_only=True)
class Segments:
    """The result of reading an annotation.

    Attributes:
        kind: ``label_map``, ``segment_stack`` or ``probability_map``.
        values: Label map: ``[i, j, k]`` uint8 or uint16. Else ``[i, j, k, 0, segment]``, uint8 0 and 1 or float32 0..1,
            one segment for each label with voxels, in the order of ``labels``.
        labels: In the order of the object; those without a voxel are there too.
        left_out: Segments that could not be read.
        notes: What a person must know of how they were read.
        annotation: Where they come from.
    """

    kind: Kind
    values: npt.NDArray[Any] = field(repr=False, compare=False)
    labels: tuple[SegmentLabel, ...]
    left_out: tuple[LeftOutSegment, ...] = ()
    notes: tuple[str, ...] = ()
    annotation: Annotation


def collect_segments(
    kind: Kind,
    canvas: Canvas,
    facts: list[tuple[int, SegmentFacts]],
    annotation: Annotation,
    *,
    left_out: list[LeftOutSegment],
    notes: list[str],
) -> Segments:
    """What was painted, with the value and facts of each segment.

    Raises:
        BadInputError: A label map was asked for and segments overlap.
        NothingToDoError: A stack was asked for and no segment has a voxel.
    """
    values, counts = canvas.finish()
    if kind is not Kind.LABEL_MAP:
        present = np.flatnonzero(counts)
        if not present.size:
            raise NothingToDoError(
                f"no segment of the {annotation.modality} has a voxel in the volume, so there is no {kind}"
            )
        values = values if present.size == len(counts) else values[..., present]
    labels = tuple(
        SegmentLabel(value=value, facts=item, voxels=count) for (value, item), count in zip(facts, counts, strict=True)
    )
    empty = [str(label.facts.number) for label in labels if not label.voxels]
    if empty:
        notes = [*notes, f"no voxel on the grid: {_noun(annotation)} {', '.join(empty)}"]
    return Segments(
        kind=kind,
        values=values,
        labels=labels,
        left_out=tuple(left_out),
        notes=tuple(notes + [f"left out: {item.reason}" for item in left_out]),
        annotation=annotation,
    )


def _noun(annotation: Annotation) -> str:
    return "ROI" if annotation.modality == "RTSTRUCT" else "segment"


def require_readable(annotation: Annotation, kind: Kind) -> None:
    """Refuse an object with a fault, and a kind that is none for annotations. Raises BadInputError."""
    if annotation.fault:
        raise BadInputError(
            f"the {annotation.modality} {annotation.sop_instance_uid} cannot be read: {annotation.fault}",
            remedy="export it again from the program that made it, or leave it out of the study",
        )
    if kind not in KINDS:
        raise BadInputError(
            f"an annotation cannot become a {kind}", remedy=f"ask for one of {', '.join(item.value for item in KINDS)}"
        )
