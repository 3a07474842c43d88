"""What a set of planes is: all that can be said about it before anybody decides what to do.

Only Image Position and Image Orientation (Patient) count (PS3.3 C.7.6.2.1.1). Slice Thickness, Slice Location and
Spacing Between Slices are what somebody thought; they are wrong often enough. So are file order and Instance Number.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from clara_stages.dicom_reader.geometry.axes import Axes, Floats, find_axes, positions_lps_mm
from clara_stages.dicom_reader.geometry.findings import Finding, FindingKind, counted
from clara_stages.dicom_reader.geometry.gaps import Integers, examine_gaps
from clara_stages.dicom_reader.geometry.lean import examine_lean
from clara_stages.dicom_reader.geometry.plane import Plane
from clara_stages.dicom_reader.geometry.tolerances import SAME_PLANE_MM

_ONE_IMAGE_REMEDY = "select a series with one image for each position"


def _nothing() -> Floats:
    return np.empty(0)


@dataclass(frozen=True, kw_only=True, eq=False)
class StackReport:
    """What a set of planes is.

    Arrays have length 0, and ``order`` is empty, where the planes have no common direction or no positions; then a
    finding says why. Where images share a position, the one that came first comes first in ``order``.

    Attributes:
        planes: How many.
        findings: All that keeps them from being an even, straight stack; empty for one that is.
        shape: Columns, rows of each image; of the first where sizes differ.
        order: For each k the index of its plane; k runs along row x column.
        positions_lps_mm: Image Position (Patient) in that order, shape ``(n, 3)``.
        places_mm: Of the slices along the normal, increasing in that order, shape ``(n,)``.
        row: Unit vector along a row, LPS.
        column: Unit vector along a column, LPS.
        normal: Unit vector along row x column, LPS.
        pixel_spacing_mm: Between rows, then between columns, in the order of the Standard; 0 where not known.
        slope_lps: mm sideways for each mm along the normal, LPS.
        tilt_degrees: Angle between the direction of stacking and the normal.
        usual_gap_mm: The lower median of the gaps between positions; 0 where there is none.
        smallest_gap_mm: The smallest of the spacings; 0 where there is none.
        is_single_place: One plane, or all at one position.
    """

    planes: int
    findings: tuple[Finding, ...]
    shape: tuple[int, int]
    order: tuple[int, ...] = ()
    positions_lps_mm: Floats = field(default_factory=_nothing)
    places_mm: Floats = field(default_factory=_nothing)
    row: Floats = field(default_factory=_nothing)
    column: Floats = field(default_factory=_nothing)
    normal: Floats = field(default_factory=_nothing)
    pixel_spacing_mm: tuple[float, float] = (0.0, 0.0)
    slope_lps: Floats = field(default_factory=_nothing)
    tilt_degrees: float = 0.0
    usual_gap_mm: float = 0.0
    smallest_gap_mm: float = 0.0
    is_single_place: bool = False

    @property
    def kinds(self) -> frozenset[FindingKind]:
        """The kinds of all findings."""
        return frozenset(finding.kind for finding in self.findings)


def examine_stack(planes: Sequence[Plane]) -> StackReport:
    """What a set of planes is; whatever is wrong with them becomes findings, never an exception.

    Args:
        planes: In any order; the report does not depend on it.
    """
    axes, findings = find_axes(planes)
    shape = (planes[0].columns, planes[0].rows) if planes else (0, 0)
    positions = positions_lps_mm(planes)
    if len(planes) <= 1:
        findings.append(_too_few(len(planes)))
    if axes is None or positions is None or not planes:
        return StackReport(planes=len(planes), findings=tuple(findings), shape=shape, is_single_place=len(planes) == 1)
    return _examine_places(axes, positions, findings, shape)


def _too_few(images: int) -> Finding:
    message = "the series has one slice, and one slice is no volume" if images else "the series has no slice"
    return Finding(kind=FindingKind.ONE_PLACE, message=message, remedy="select another series")


def _examine_places(axes: Axes, positions: Floats, findings: list[Finding], shape: tuple[int, int]) -> StackReport:
    """Order the planes along their normal and look at what lies where."""
    along = positions @ axes.normal
    order = np.argsort(along, kind="stable")
    group = np.concatenate([[0], np.cumsum(np.diff(along[order]) > SAME_PLANE_MM)])
    order = order[np.lexsort((order, group))]
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    counts = np.diff(np.append(starts, len(order)))
    positions, places = positions[order], along[order]
    findings = [*findings, *_shared_positions(counts)]
    slope, degrees, usual_gap_mm, smallest_gap_mm = np.zeros(3), 0.0, 0.0, 0.0
    is_one_space = all(finding.kind != FindingKind.FRAMES_OF_REFERENCE for finding in findings)
    if len(starts) > 1 and is_one_space:  # positions in two frames of reference have no distance
        gaps = examine_gaps(places[starts])
        lean = examine_lean(positions[starts], places[starts], axes.normal, gaps.usual_mm)
        findings += [*lean.findings, *gaps.findings]
        slope, degrees = lean.slope_lps, lean.degrees
        usual_gap_mm, smallest_gap_mm = gaps.usual_mm, gaps.smallest_mm
    return StackReport(
        planes=len(order),
        findings=tuple(findings),
        shape=shape,
        order=tuple(order.tolist()),
        positions_lps_mm=positions,
        places_mm=places,
        row=axes.row,
        column=axes.column,
        normal=axes.normal,
        pixel_spacing_mm=axes.pixel_spacing_mm,
        slope_lps=slope,
        tilt_degrees=degrees,
        usual_gap_mm=usual_gap_mm,
        smallest_gap_mm=smallest_gap_mm,
        is_single_place=len(starts) == 1,
    )


def _shared_positions(counts: Integers) -> list[Finding]:
    """What it means that images share positions, given how many there are at each."""
    images, positions = int(counts.sum()), len(counts)
    if (counts == 1).all():
        return []
    found = f"the series has {images} images at {counted(positions, 'position')}"
    if positions == 1:
        kind, looks = FindingKind.ONE_PLACE, "that is no stack"
    elif (counts == counts[0]).all():
        kind, looks = FindingKind.SEVERAL_VOLUMES, f"each has {counts[0]}, which looks like {counts[0]} volumes"
    else:
        usual = int(np.median(counts))
        odd = np.flatnonzero(counts != usual)
        kind = FindingKind.REPEATED
        looks = (
            f"position {odd[0] + 1} of {positions} along the normal is the first that has {counts[odd[0]]}, the "
            f"others have {usual}"
        )
        looks += f" ({len(odd)} such positions)" if len(odd) > 1 else ""
    return [Finding(kind=kind, message=f"{found}: {looks}", remedy=_ONE_IMAGE_REMEDY)]
