"""From the planes of single images to one grid of voxels, or the exact reason why there is none.

Only Image Position and Image Orientation (Patient) count (PS3.3 C.7.6.2.1.1). Slice Thickness, Slice Location and
Spacing Between Slices are what somebody thought; they are wrong often enough.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_reader.geometry.plane import Plane
from clara_stages.kit import BadInputError

Floats = npt.NDArray[np.float64]

UNIT_TOLERANCE = 1e-3
"""How far a direction's length may be from 1, and two directions from a right angle (0.06 degrees): cosines written
with three or four decimals. Directions are made unit vectors before they are used."""

ORIENTATION_ATOL = 1e-4
"""How far a cosine may differ between slices of one stack: rounding of text. Over 400 mm this moves a voxel 0.04 mm."""

PIXEL_SPACING_RTOL = 1e-4
"""How far pixel spacing may differ between slices: rounding of text."""

SPACING_RTOL = 0.01
"""Largest variation of gaps accepted as one grid, as a part of the usual gap."""

ROUNDING_MM = 0.1
"""Positions are often written with one decimal: each is then off by up to 0.05 mm, and a gap by up to 0.1 mm."""

DRIFT_PART = 0.1
"""Largest distance of a slice from its place in the even grid, as a part of the spacing: many gaps that are each
within tolerance may still add up."""

SAME_PLANE_MM = 1e-3
"""Images closer than this along the normal show one plane: two objects write one plane with equal text or nearly so."""

TILT_TOLERANCE_DEGREES = 0.1
"""Largest angle between the direction of stacking and the normal of the slices. A tilted gantry has degrees; rounded
positions have hundredths. The affine keeps the true direction, so that nothing moves below this."""

_SLACK_MM = 1e-6
"""Binary fractions of decimal text."""

_RAS_FROM_LPS: Floats = np.diag([-1.0, -1.0, 1.0, 1.0])


class NoStackError(BadInputError):
    """The images are no stack of slices and were not meant as one: a localizer, several volumes, a single image."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """An even grid of voxels ``[i, j, k]``: i along a row, j down a column, k along row x column.

    Attributes:
        order: For each k the index of its plane.
        shape: Number of voxels along i, j, k.
        spacing_mm: Distance of voxel centres along i, j, k.
        affine_ras: Voxel index to RAS mm, shape ``(4, 4)``.
        unevenness_mm: Largest distance of a slice from its place in the grid.
    """

    order: tuple[int, ...]
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    affine_ras: Floats
    unevenness_mm: float


def build_grid(planes: Sequence[Plane]) -> Grid:
    """The grid that the planes of one series make.

    Args:
        planes: At least one, in any order.

    Raises:
        NoStackError: One slice, mixed orientations, or as many images at each position.
        BadInputError: Missing or otherwise mixed geometry, a position repeated here and there, a missing slice, uneven
            spacing, a tilted gantry. The text has the numbers.
    """
    row, column, pixel_spacing_mm = _common_plane(planes)
    if len(planes) == 1:
        raise NoStackError("the series has one slice, and one slice is no volume", remedy="select another series")
    normal = np.cross(row, column)
    positions = np.array([plane.position_lps_mm for plane in planes], dtype=np.float64)
    along = positions @ normal
    order = np.argsort(along, kind="stable")
    _require_single_positions(along[order])
    step, unevenness_mm = _even_step(positions[order], normal)
    affine_lps = np.eye(4)
    affine_lps[:3, 0] = row * pixel_spacing_mm[1]
    affine_lps[:3, 1] = column * pixel_spacing_mm[0]
    affine_lps[:3, 2] = step
    affine_lps[:3, 3] = positions[order[0]]
    return Grid(
        order=tuple(int(index) for index in order),
        shape=(planes[0].columns, planes[0].rows, len(planes)),
        spacing_mm=(pixel_spacing_mm[1], pixel_spacing_mm[0], float(np.linalg.norm(step))),
        affine_ras=_RAS_FROM_LPS @ affine_lps,
        unevenness_mm=unevenness_mm,
    )


def _common_plane(planes: Sequence[Plane]) -> tuple[Floats, Floats, tuple[float, float]]:
    """Unit vectors along row and column, LPS, and the pixel spacing, which all planes share."""
    total = len(planes)
    lacking = {
        "Image Position (Patient)": sum(plane.position_lps_mm is None for plane in planes),
        "Image Orientation (Patient)": sum(plane.orientation_lps is None for plane in planes),
        "Pixel Spacing": sum(plane.pixel_spacing_mm is None for plane in planes),
    }
    for name, count in lacking.items():
        if count:
            raise BadInputError(
                f"{count} of {total} images have no {name} of finite numbers: where they lie is unknown",
                remedy="select a series with position, orientation and pixel spacing in every image",
            )
    orientations = np.array([plane.orientation_lps for plane in planes], dtype=np.float64)
    _require_one_orientation(orientations)
    row, column = _unit_directions(orientations[0])
    _require_same("sizes (rows x columns)", [f"{plane.rows} x {plane.columns}" for plane in planes])
    frames = [plane.frame_of_reference_uid or "none" for plane in planes]
    _require_same("frames of reference", frames)
    spacings = np.array([plane.pixel_spacing_mm for plane in planes], dtype=np.float64)
    if (spacings <= 0).any():
        raise BadInputError(
            f"Pixel Spacing is {spacings.min():g} mm, expected more than 0", remedy="correct the source"
        )
    if not np.allclose(spacings, spacings[0], rtol=PIXEL_SPACING_RTOL, atol=0):
        _require_same("pixel spacings (mm)", [f"{rows:g} x {columns:g}" for rows, columns in spacings])
    return row, column, (float(spacings[0][0]), float(spacings[0][1]))


def _require_same(what: str, texts: Iterable[str]) -> None:
    counts = Counter(texts)
    if len(counts) > 1:
        found = ", ".join(f"{count} images with {text}" for text, count in counts.most_common(4))
        raise BadInputError(
            f"the series mixes {len(counts)} {what}: {found}; one volume has one",
            remedy="select a series that is one stack, or have the sender split it",
        )


def _require_one_orientation(orientations: Floats) -> None:
    """Refuse cosines, shape ``(n, 6)``, that differ by more than rounding."""
    left = np.ones(len(orientations), dtype=bool)
    found = []
    while left.any():
        first = orientations[left][0]
        alike = left & (np.abs(orientations - first) <= ORIENTATION_ATOL).all(axis=1)
        alike[np.argmax(left)] = True
        found.append(f"{int(alike.sum())} images along ({', '.join(f'{cosine:.3f}' for cosine in first)})")
        left &= ~alike
    if len(found) > 1:
        raise NoStackError(
            f"the series mixes {len(found)} orientations: {'; '.join(found[:4])}; one volume has one",
            remedy="select a series that is one stack: this may be a localizer",
        )


def _unit_directions(orientation: Floats) -> tuple[Floats, Floats]:
    row, column = orientation[:3], orientation[3:]
    lengths = float(np.linalg.norm(row)), float(np.linalg.norm(column))
    if any(abs(length - 1) > UNIT_TOLERANCE for length in lengths):
        raise BadInputError(
            f"Image Orientation (Patient) has directions of length {lengths[0]:.4f} and {lengths[1]:.4f}, expected 1",
            remedy="correct the source of the images",
        )
    row, column = row / lengths[0], column / lengths[1]
    if abs(float(row @ column)) > UNIT_TOLERANCE:
        angle = math.degrees(math.acos(float(row @ column)))
        raise BadInputError(
            f"rows and columns are at {angle:.2f} degrees, expected 90", remedy="correct the source of the images"
        )
    return row, column


def _require_single_positions(along: Floats) -> None:
    """Refuse planes, given by their sorted places along the normal in mm, of which two are one."""
    starts = np.flatnonzero(np.concatenate([[True], np.diff(along) > SAME_PLANE_MM]))
    counts = np.diff(np.append(starts, len(along)))
    if (counts == 1).all():
        return
    images, positions = len(along), len(starts)
    error = BadInputError
    if (counts == counts[0]).all():
        error = NoStackError
        looks = f"each has {counts[0]}, which looks like {counts[0]} volumes" if positions > 1 else "that is no stack"
    else:
        repeated = int(np.argmax(counts > 1))
        looks = f"position {repeated + 1} of {positions} along the normal is the first that has {counts[repeated]}"
    raise error(
        f"the series has {images} images at {positions} {'positions' if positions > 1 else 'position'}: {looks}",
        remedy="select a series with one image for each position; series of several volumes are not split",
    )


def _even_step(positions: Floats, normal: Floats) -> tuple[Floats, float]:
    """The step from slice to slice, LPS mm, and the largest distance of a slice from its place in the grid.

    Args:
        positions: Sorted along the normal, LPS mm, shape ``(n, 3)``, n >= 2.
        normal: Unit normal of the slices, LPS.
    """
    slices = len(positions)
    step: Floats = (positions[-1] - positions[0]) / (slices - 1)
    findings = [*_tilt(step, normal, slices), *_uneven_gaps(np.diff(positions @ normal))]
    if findings:
        raise BadInputError(
            "the slices make no even, straight stack: " + "; ".join(findings),
            remedy="send the complete series again, or select a straight reconstruction of it",
        )
    places = positions[0] + np.arange(slices)[:, None] * step
    distances = np.linalg.norm(positions - places, axis=1)
    worst, limit_mm = int(np.argmax(distances)), max(ROUNDING_MM, DRIFT_PART * float(np.linalg.norm(step)))
    if distances[worst] > limit_mm + _SLACK_MM:
        raise BadInputError(
            f"slice {worst + 1} of {slices} lies {distances[worst]:.2f} mm from its place in an even stack with steps "
            f"of {np.linalg.norm(step):.2f} mm; accepted are {limit_mm:.2f} mm",
            remedy="the table or the patient was moved, or positions are wrong: select another series",
        )
    return step, float(distances[worst])


def _tilt(step: Floats, normal: Floats, slices: int) -> list[str]:
    along = float(step @ normal)
    beside = float(np.linalg.norm(step - along * normal))
    degrees = math.degrees(math.atan2(beside, along))
    if beside * (slices - 1) <= ROUNDING_MM + _SLACK_MM or degrees <= TILT_TOLERANCE_DEGREES:
        return []
    return [
        f"each slice lies {beside:.2f} mm beside the one before it, so that the stack leans {degrees:.1f} degrees "
        "(tilted gantry)"
    ]


def _uneven_gaps(gaps_mm: Floats) -> list[str]:
    """What is uneven about the gaps along the normal, all of them positive."""
    usual_mm = float(np.sort(gaps_mm)[(len(gaps_mm) - 1) // 2])  # the lower median: of 5 and 10 mm, 5 is usual
    accepted_mm = max(SPACING_RTOL * usual_mm, min(ROUNDING_MM, usual_mm / 2)) + _SLACK_MM
    deviations_mm = np.abs(gaps_mm - usual_mm)
    uneven = np.flatnonzero(deviations_mm > accepted_mm)
    if not len(uneven):
        return []
    worst = int(np.argmax(deviations_mm))
    missing = round(float(gaps_mm[worst]) / usual_mm) - 1
    is_multiple = missing >= 1 and abs(gaps_mm[worst] - (missing + 1) * usual_mm) <= (missing + 1) * accepted_mm
    cause = (
        f"{missing} {'slices are' if missing > 1 else 'slice is'} missing there" if is_multiple else "uneven spacing"
    )
    more = f" ({len(uneven)} such gaps)" if len(uneven) > 1 else ""
    return [
        f"the gap between slices {worst + 1} and {worst + 2} of {len(gaps_mm) + 1} is {gaps_mm[worst]:.2f} mm, the "
        f"usual gap {usual_mm:.2f} mm: {cause}{more}"
    ]
