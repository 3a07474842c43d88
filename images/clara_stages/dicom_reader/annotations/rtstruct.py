"""Reading an RT Structure Set onto the grid of a volume: closed planar contours become masks of pixel centres."""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from clara_stages.dicom_reader.annotations.annotation import Annotation, SegmentFacts
from clara_stages.dicom_reader.annotations.canvas import Canvas, new_canvas
from clara_stages.dicom_reader.annotations.contour_data import ContourError, contour_points
from clara_stages.dicom_reader.annotations.open_object import ObjectError, open_object
from clara_stages.dicom_reader.annotations.polygon import count_crossings, fill_polygons
from clara_stages.dicom_reader.annotations.rtstruct_header import contour_images, is_closed
from clara_stages.dicom_reader.annotations.segments import LeftOutSegment, Segments, collect_segments
from clara_stages.dicom_reader.annotations.target_grid import TargetGrid
from clara_stages.dicom_reader.annotations.values import integer, items
from clara_stages.dicom_reader.limits import Limits
from clara_stages.kit import BadInputError
from clara_stages.kit.contract.kinds import Kind

NAMED_SLICE_PART = 0.5
"""A contour that names its image is taken to be on it up to half a gap away: farther, another slice is nearer."""

_LARGEST_VALUE = 65535
"""Of a label map."""

_MAX_CROSSINGS = 50_000_000
"""Of the contours of an object with the rows of the image: seconds of work. A plan with 60 organs has a million."""

_LARGEST_INDEX = 1e7
"""Points farther away than this many pixels are no part of the patient."""

_REMEDY = "select the series that the contours were drawn on"

Floats = npt.NDArray[np.float64]


@dataclass(kw_only=True)
class _Drawing:
    """What one ROI is made of: polygons (i, j) for each source slice, and what was found on the way."""

    polygons: dict[int, list[Floats]] = field(default_factory=lambda: defaultdict(list))
    open_contours: int = 0
    without_area: int = 0
    outside: int = 0
    clipped: int = 0
    moved: int = 0
    moved_mm: float = 0.0
    crossings: int = 0


def read_rtstruct(annotation: Annotation, grid: TargetGrid, limits: Limits, kind: Kind) -> Segments:
    """The ROIs of an RTSTRUCT on a grid.

    Several contours of one slice are joined by the even-odd rule: one inside another is a hole. A ROI with a contour
    that cannot be placed is left out as a whole, with its reason: a part of it would look like all of it.

    Raises:
        BadInputError: No ROI could be read, or ROIs overlap where a label map is asked for.
        NothingToDoError: A stack was asked for and no ROI has a voxel.
    """
    if kind is Kind.PROBABILITY_MAP:
        raise BadInputError("an RTSTRUCT has no probabilities", remedy="ask for a label_map or a segment_stack")
    contours = _contours_by_roi(annotation, limits)
    drawings: list[tuple[SegmentFacts, _Drawing]] = []
    left_out: list[LeftOutSegment] = []
    for facts in annotation.segments:
        try:
            _check_frame_of_reference(facts, annotation, grid)
            drawings.append((facts, _draw(contours.get(facts.number, []), grid)))
        except ContourError as error:
            left_out.append(LeftOutSegment(facts=facts, reason=f"ROI {facts.number}: {error}"))
    if not drawings:
        raise BadInputError(
            f"no ROI of the RTSTRUCT can be read: {'; '.join(item.reason for item in left_out[:5])}", remedy=_REMEDY
        )
    crossings = sum(drawing.crossings for _, drawing in drawings)
    if crossings > _MAX_CROSSINGS:
        raise BadInputError(
            f"the contours of the RTSTRUCT cross the rows of the image {crossings} times; at most {_MAX_CROSSINGS} "
            "are read",
            remedy="this is no drawing of a person or program: export it again",
        )
    values, notes = _values([facts.number for facts, _ in drawings])
    canvas = new_canvas(kind, grid.shape, values, limits)
    for position, (facts, drawing) in enumerate(drawings):
        _fill(position, drawing, grid, canvas)
        notes += _notes(facts.number, drawing)
    valued = [(value, facts) for value, (facts, _) in zip(values, drawings, strict=True)]
    return collect_segments(kind, canvas, valued, annotation, left_out=left_out, notes=notes)


def _check_frame_of_reference(facts: SegmentFacts, annotation: Annotation, grid: TargetGrid) -> None:
    """Refuse a ROI of another Frame of Reference, where the object has ROIs in several. Raises ContourError."""
    own = facts.frame_of_reference_uid
    if own and grid.frame_of_reference_uid in annotation.frame_of_reference_uids and own != grid.frame_of_reference_uid:
        raise ContourError("it was drawn in another Frame of Reference")


def _contours_by_roi(annotation: Annotation, limits: Limits) -> dict[int, list[Dataset]]:
    try:
        header = open_object(annotation.path, limits).header
    except ObjectError as error:
        raise BadInputError(
            f"the RTSTRUCT {annotation.sop_instance_uid} cannot be read: {error}",
            remedy="export it again from the program that made it",
        ) from None
    contours: dict[int, list[Dataset]] = defaultdict(list)
    for roi in items(header, "ROIContourSequence"):
        number = integer(roi, "ReferencedROINumber")
        if number is not None:
            contours[number] += items(roi, "ContourSequence")
    return contours


def _values(numbers: list[int]) -> tuple[list[int], list[str]]:
    """The value of each ROI in a label map: its number, or its place where a number is none from 1 to 65535."""
    if all(1 <= number <= _LARGEST_VALUE for number in numbers):
        return numbers, []
    return list(range(1, len(numbers) + 1)), ["ROI Numbers are no label values; values follow the order of the ROIs"]


def _draw(contours: list[Dataset], grid: TargetGrid) -> _Drawing:
    """Place the contours of one ROI. Raises ContourError."""
    drawing = _Drawing()
    uids = {item.sop_instance_uid: number for number, item in enumerate(grid.slices)}
    for contour in contours:
        if not is_closed(contour):
            drawing.open_contours += 1
            continue
        points = contour_points(contour)
        if len(points) < 3:
            drawing.without_area += 1
            continue
        index = grid.to_index(points)
        if not np.abs(index).max() <= _LARGEST_INDEX:  # NaN is no distance either
            raise ContourError("a contour has a point kilometres away")
        named = {uids[found] for found in contour_images(contour) if found in uids}
        source = _slice_of(index[:, 2], named, grid, drawing)
        if source is None:
            drawing.outside += 1
        else:
            drawing.polygons[source].append(index[:, :2])
            drawing.clipped += _leaves(index[:, :2], grid)
            drawing.crossings += count_crossings(index[:, :2], grid.shape[1])
    return drawing


def _slice_of(depth: Floats, named: set[int], grid: TargetGrid, drawing: _Drawing) -> int | None:
    """The source slice that a contour is drawn on; None where it lies outside of the volume.

    A contour between slices is taken to be on the nearest only if it names the image of that slice: its writer then
    drew it there. Otherwise it was drawn on another series, such as the CT of a PET.
    """
    tolerance, middle = grid.plane_tolerance, (depth.min() + depth.max()) / 2
    across = np.ptp(depth)
    if across > 2 * tolerance:
        raise ContourError(
            f"a contour leaves its plane by {across * grid.gap_mm:.2f} mm against the slices, which are "
            f"{grid.gap_mm:.2f} mm apart"
        )
    nearest, away = grid.nearest_slice(np.array([middle]))
    source, distance = int(nearest[0]), float(away[0])
    if distance <= tolerance:
        return source
    if source in named and distance <= NAMED_SLICE_PART:
        drawing.moved += 1
        drawing.moved_mm = max(drawing.moved_mm, distance * grid.gap_mm)
        return source
    if grid.is_outside(np.array([middle]), tolerance)[0]:
        return None
    raise ContourError(
        f"a contour lies {distance * grid.gap_mm:.2f} mm from the nearest of slices {grid.gap_mm:.2f} mm apart: it "
        "was drawn on another series"
    )


def _leaves(polygon: Floats, grid: TargetGrid) -> bool:
    """Whether a contour leaves the image, whose outermost pixels end half a pixel beyond their centres."""
    return bool((polygon < -0.5).any() or (polygon > np.array(grid.shape[:2]) - 0.5).any())


def _fill(position: int, drawing: _Drawing, grid: TargetGrid, canvas: Canvas) -> None:
    columns, rows = grid.shape[:2]
    for source, polygons in sorted(drawing.polygons.items()):
        mask = fill_polygons(polygons, columns, rows)
        for k in grid.targets.get(source, ()):
            canvas.paint(position, k, mask)


def _notes(number: int, drawing: _Drawing) -> list[str]:
    used = sorted(drawing.polygons)
    skipped = used[-1] - used[0] + 1 - len(used) if used else 0
    found = [
        (drawing.open_contours, "points or open lines, which have no area, are left out"),
        (drawing.without_area, "contours of fewer than three points are left out"),
        (drawing.outside, "contours lie before the first slice or after the last and are left out"),
        (drawing.clipped, "contours leave the image and are cut at its edge"),
        (
            drawing.moved,
            f"contours lie up to {drawing.moved_mm:.2f} mm from the slice they name and are taken to be on it",
        ),
        (skipped, "slices between its first contour and its last have none and stay empty"),
    ]
    return [f"ROI {number}: {count} {text}" for count, text in found if count]
