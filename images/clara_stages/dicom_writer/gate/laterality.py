"""Whether left is left: sides that codes, names and places state and that contradict each other. Warnings only.

A model may be wrong, a label table may be, and organs may lie on the other side: a person must look.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from clara_stages.dicom_writer.gate.finding import Finding, Severity
from clara_stages.dicom_writer.gate.written_file import WrittenFile
from clara_stages.dicom_writer.inputs.label_table import Label
from clara_stages.dicom_writer.inputs.segments import Segments
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.outputs import OUTPUTS

_SIDES = {"7771000": "left", "24028007": "right", "G-A101": "left", "G-A100": "right"}
"""SNOMED CT codes, and the older SNOMED RT ones, of CID 244 -> side. Right and left (51440002) is no side."""

_WORDS = {
    "left": re.compile(r"(?<![a-z])(?:left|links?|linke[rs]?|sinister|sinistra|gauche|lt)(?![a-z])"),
    "right": re.compile(r"(?<![a-z])(?:right|rechts?|rechte[rs]?|dexter|dextra|droite?|rt)(?![a-z])"),
}
"""Words of names that state a side."""

_PAIRED = frozenset(
    {
        *("64033007", "39607008", "23451007", "87953007", "81745001", "18234004", "76752008"),
        *("45289007", "54019009", "13561001", "15497006", "31435000", "40689003", "71341001"),
        *("2812003", "85050009", "79601000", "51299004", "12611008", "87342007", "131190003"),
        *("23416004", "64234005", "22356005", "85710004", "29836001", "5366008", "4958002"),
    }
)
"""SNOMED CT: kidney, lung, adrenal gland, ureter, eye, optic nerve, breast; parotid, submandibular and lacrimal gland,
ovary, fallopian tube, testis, femur; femoral head, humerus, scapula, clavicle, tibia, fibula, radius; ulna, patella,
ilium, ischium, hip, hippocampus, amygdala."""

_ONE_SIDED = 0.9
"""A paired organ without a side may be both of them in one segment; with this part of its voxels in one half of the
images it is one of them."""

_TRUNK_MM = 200.0
"""Images narrower than this may lie around one organ: their middle is not the middle of the patient."""

_CLEARLY = 0.1
"""A centroid this part of the images' width beyond their middle lies clearly on the other side; patients lie off the
middle by less."""


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where a segment lies across the patient.

    Attributes:
        x_mm: Of its centroid, LPS: rises to the patient's left.
        left_part: How much of it lies in the left half of the images, 0..1.
    """

    x_mm: float
    left_part: float


def check(written: Sequence[WrittenFile], job: Job) -> Iterator[Finding]:
    """Contradictions between codes, names and places of the segments."""
    output = next((file.output for file in written if OUTPUTS[file.output].needs_segments), None)
    if output is None or job.segments is None:
        return
    labels = job.segments.table.labels
    for name, message in (
        *_name_faults(labels),
        *(_place_faults(job.segments, labels) if job.source.has_place else ()),
    ):
        yield Finding(name=name, output=output, message=message, severity=Severity.WARNING)


def _side(label: Label) -> str:
    return _SIDES.get(label.laterality.value, "") if label.laterality else ""


def _named_side(label: Label) -> str:
    """The one side that the name states; "" where it states none, or both."""
    words = label.name.lower().replace("_", " ")
    said = [side for side, pattern in _WORDS.items() if pattern.search(words)]
    return said[0] if len(said) == 1 else ""


def _stated_side(label: Label) -> str:
    """By code, or else by name: many label tables have sides in names alone."""
    return _side(label) if label.laterality else _named_side(label)


def _how(label: Label) -> str:
    return "coded" if label.laterality else "named"


def _name_faults(labels: Sequence[Label]) -> Iterator[tuple[str, str]]:
    for label in labels:
        said = _named_side(label)
        if said and _side(label) and _side(label) != said:
            message = f"segment {label.segment_number}: its name says {said}, its code {_side(label)}"
            yield "laterality_name", message


def _place_faults(segments: Segments, labels: Sequence[Label]) -> Iterator[tuple[str, str]]:
    looked_at = [
        label for label in labels if _stated_side(label) or (label.type.value in _PAIRED and not label.laterality)
    ]
    middle_mm, width_mm = _middle_and_width_mm(segments)
    places = {label.segment_number: _place(segments, label, middle_mm) for label in looked_at}
    pairs = list(_pairs(looked_at))
    for left, right in pairs:
        apart_mm = places[left.segment_number].x_mm - places[right.segment_number].x_mm
        if apart_mm <= 0:
            yield (
                "laterality_swapped",
                f"segment {left.segment_number}, {_how(left)} left, lies {-apart_mm:.0f} mm to the patient's right of "
                f"segment {right.segment_number}, which is {_how(right)} right",
            )
    paired = {label.segment_number for pair in pairs for label in pair}
    for label in looked_at:
        if label.type.value in _PAIRED or label.laterality:
            alone = label.segment_number not in paired
            yield from _alone_faults(label, places[label.segment_number], middle_mm, width_mm if alone else 0.0)


def _alone_faults(label: Label, place: _Place, middle_mm: float, width_mm: float) -> Iterator[tuple[str, str]]:
    """Of one segment by itself, in images of a width; 0 for one whose counterpart says more."""
    side = _stated_side(label)
    if not label.laterality and max(place.left_part, 1 - place.left_part) >= _ONE_SIDED:
        yield "laterality_missing", f"segment {label.segment_number} is one of a paired organ, no code says which"
    beyond_mm = (middle_mm - place.x_mm) * (1 if side == "left" else -1)
    if side and width_mm >= _TRUNK_MM and beyond_mm > _CLEARLY * width_mm:
        yield (
            "laterality_place",
            f"segment {label.segment_number}, {_how(label)} {side}, lies {beyond_mm:.0f} mm on the other side of the "
            "images' middle",
        )


def _pairs(labels: Sequence[Label]) -> Iterator[tuple[Label, Label]]:
    """(left, right) segments of the same structure; none where there are several of one side."""
    groups: dict[tuple[str, str], dict[str, list[Label]]] = {}
    for label in labels:
        if _stated_side(label):
            key = (label.type.value, label.anatomic_region.value if label.anatomic_region else "")
            groups.setdefault(key, {}).setdefault(_stated_side(label), []).append(label)
    for sides in groups.values():
        if len(sides.get("left", [])) == len(sides.get("right", [])) == 1:
            yield sides["left"][0], sides["right"][0]


def _middle_and_width_mm(segments: Segments) -> tuple[float, float]:
    """Of the grid across the patient: LPS x of its middle, and how wide it is."""
    to_x = -segments.affine_ras[0]
    extents_mm = to_x[:3] * (np.array(segments.shape) - 1)
    return float(extents_mm.sum() / 2 + to_x[3]), float(np.abs(extents_mm).sum())


def _place(segments: Segments, label: Label, middle_mm: float) -> _Place:
    """From how many voxels of the segment each column, row and slice holds."""
    mask = segments.mask(label.segment_number)
    to_x = -segments.affine_ras[0]
    across = int(np.argmax(np.abs(to_x[:3])))
    means = []
    for axis in range(3):
        counts = mask.sum(axis=tuple({0, 1, 2} - {axis}))
        means.append(float(counts @ np.arange(len(counts)) / max(counts.sum(), 1)))
        if axis == across:
            along = counts
    x_mm = float(to_x[:3] @ means + to_x[3])
    rest_mm = x_mm - to_x[across] * means[across]
    is_left = rest_mm + to_x[across] * np.arange(len(along)) > middle_mm
    return _Place(x_mm=x_mm, left_part=float(along[is_left].sum() / max(along.sum(), 1)))
