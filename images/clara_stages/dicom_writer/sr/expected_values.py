"""What a report must state of each segment, found from the inputs by other means than the report's own."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_writer.gate.expected_masks import expected_masks
from clara_stages.dicom_writer.inputs.label_table import Label
from clara_stages.dicom_writer.inputs.segments import Form, Segments
from clara_stages.dicom_writer.job import Job

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_PLANE_DIRECTIONS = 1440
_SPACE_DIRECTIONS = 4000
"""A diameter is the largest width over all directions; widths are taken in so many of a half circle or half sphere."""

_PLANE_SLACK = 1e-6
_SPACE_SLACK = 1e-3
"""By this part the largest width may fall short of the diameter: 1 - cos of the way to the nearest direction, which is
a sixteenth of a degree in a plane and at most 2.5 degrees in space."""

_FEW_POINTS = 64
"""Of fewer points a hull is not worth its cost."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """A number lies between these: of lengths in mm."""

    least: float
    most: float


@dataclass(kw_only=True)
class Expected:
    """The numbers of one segment; those that cannot be measured are absent.

    Attributes:
        sizes: ``volume`` in ml; ``mean``, ``sd``, ``minimum``, ``maximum`` in the unit of the volume.
        lengths: ``long_axis``, ``diameter_3d``, in mm.
        largest_value: Of the absolute voxel values, in their unit: what a mean near zero is rounded against.
        slices: Indices of the source slices with a pixel of it.
    """

    sizes: dict[str, float] = field(default_factory=dict)
    lengths: dict[str, Bounds] = field(default_factory=dict)
    largest_value: float = 0.0
    slices: list[int] = field(default_factory=list)


def expected_values(job: Job) -> dict[int, tuple[Label, Expected]]:
    """Segment number -> the label and what must be said of it, for every segment that a report has a group for."""
    segments = job.require_segments("sr")
    kept = segments.table.absent if job.params.empty_segments == "keep" else ()
    found = {label.segment_number: (label, Expected()) for label in (*segments.table.labels, *kept)}
    has_depth = job.source.has_place and len(job.source.slices) > 1
    for number, corner, mask in _boxes(segments):
        expected = found[number][1]
        if has_depth:
            expected.lengths["diameter_3d"] = _space_bounds(mask, segments.affine_ras[:3, :3].T)
        if job.volume is not None:
            box = tuple(slice(start, start + size) for start, size in zip(corner, mask.shape, strict=True))
            _add_statistics(expected, np.asarray(job.volume.values[box], dtype=np.float64)[mask])
    if has_depth:
        i, j, k = segments.affine_ras[:3, :3].T
        voxels = _voxels(segments)
        for number, (_, expected) in found.items():
            expected.sizes["volume"] = voxels[number] * abs(float(np.dot(i, np.cross(j, k)))) / 1000
    for number, index, mask in expected_masks(job):
        _add_slice(found[number][1], index, mask, job)
    return found


def _voxels(segments: Segments) -> dict[int, int]:
    """Voxels of each segment, those without one included."""
    counts = {label.segment_number: 0 for label in (*segments.table.labels, *segments.table.absent)}
    if segments.form is not Form.LABEL_MAP:
        return {number: int(segments.mask(number).sum()) for number in counts}
    by_value = np.zeros(np.iinfo(segments.values.dtype).max + 1, dtype=np.int64)
    for k in range(segments.shape[2]):  # plane by plane: bincount makes its input 64 bits wide
        found = np.bincount(segments.values[:, :, k].ravel(order="K"))
        by_value[: len(found)] += found
    return counts | {label.segment_number: int(by_value[label.value]) for label in segments.table.labels}


def _boxes(segments: Segments) -> Iterator[tuple[int, tuple[int, ...], Mask]]:
    """Segment number, first corner and mask of the bounding box of each segment with a voxel."""
    if segments.form is not Form.LABEL_MAP:
        for label in segments.table.labels:
            mask = segments.mask(label.segment_number)
            if mask.any():
                corner, cut = _cut(mask)
                yield label.segment_number, corner, cut
        return
    numbers = segments.numbers()
    planes = [np.bincount(numbers[:, :, k].ravel(order="K")) for k in range(numbers.shape[2])]
    for label in segments.table.labels:
        number = label.segment_number
        ks = [k for k, counts in enumerate(planes) if number < len(counts) and counts[number]]
        if ks:
            corner, cut = _cut(numbers[:, :, ks[0] : ks[-1] + 1] == number)
            yield number, (corner[0], corner[1], corner[2] + ks[0]), cut


def _cut(mask: Mask) -> tuple[tuple[int, ...], Mask]:
    sides = []
    for axis in range(mask.ndim):
        lines = np.flatnonzero(mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        sides.append(slice(int(lines[0]), int(lines[-1]) + 1))
    return tuple(side.start for side in sides), mask[tuple(sides)]


def _add_statistics(expected: Expected, values: Floats) -> None:
    if not np.isfinite(values).all():
        return
    mean = float(values.sum() / values.size)
    expected.sizes["mean"] = mean
    expected.sizes["sd"] = float(np.sqrt(np.square(values - mean).sum() / values.size))
    expected.sizes["minimum"], expected.sizes["maximum"] = float(values.min()), float(values.max())
    expected.largest_value = float(np.abs(values).max())


def _add_slice(expected: Expected, index: int, mask: Mask, job: Job) -> None:
    expected.slices.append(index)
    if not job.source.has_place:
        return
    steps_mm = np.diag([job.source.row_spacing_mm, job.source.column_spacing_mm])
    before = expected.lengths.get("long_axis", Bounds(least=0.0, most=0.0))
    _, cut = _cut(mask)
    if float(np.linalg.norm(cut.shape @ steps_mm)) < before.least:
        return  # not even its box is as long
    least_mm = max(before.least, _largest_width(_corners(cut) @ steps_mm, steps_mm, _plane_directions()))
    expected.lengths["long_axis"] = Bounds(least=least_mm, most=least_mm / (1 - _PLANE_SLACK))


def _space_bounds(mask: Mask, steps_mm: Floats) -> Bounds:
    least_mm = _largest_width(_corners(mask) @ steps_mm, steps_mm, _space_directions())
    return Bounds(least=least_mm, most=least_mm / (1 - _SPACE_SLACK))


def _corners(mask: Mask) -> Floats:
    """Indices of voxels with all corners of the convex hull among them."""
    from scipy.spatial import ConvexHull, QhullError

    points = _line_ends(mask)
    if len(points) >= _FEW_POINTS:
        with suppress(QhullError):  # all in one plane or on one line
            points = points[ConvexHull(points).vertices]
    return points


def _line_ends(mask: Mask) -> Floats:
    """The first and the last voxel of each line along the first axis."""
    lines = np.nonzero(mask.any(axis=0))
    first = np.argmax(mask, axis=0)[lines]
    last = mask.shape[0] - 1 - np.argmax(mask[::-1], axis=0)[lines]
    return np.concatenate([np.stack([first, *lines], axis=1), np.stack([last, *lines], axis=1)]).astype(np.float64)


def _largest_width(points: Floats, steps_mm: Floats, directions: Floats) -> float:
    """The largest extent along any direction, to the middles of voxel faces."""
    widest = 0.0
    for some in np.array_split(directions, max(1, len(points) * len(directions) // 10_000_000)):
        along = points @ some.T
        faces = np.abs(steps_mm @ some.T).max(axis=0)
        widest = max(widest, float((np.ptp(along, axis=0) + faces).max()))
    return widest


@cache
def _plane_directions() -> Floats:
    angles = np.arange(_PLANE_DIRECTIONS) * np.pi / _PLANE_DIRECTIONS
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


@cache
def _space_directions() -> Floats:
    """A half sphere, evenly: heights in equal steps, turned by the golden angle."""
    number = np.arange(_SPACE_DIRECTIONS) + 0.5
    height = number / _SPACE_DIRECTIONS
    angle = number * np.pi * (3 - np.sqrt(5))
    radius = np.sqrt(1 - height**2)
    directions: npt.NDArray[Any] = np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=1)
    return directions
