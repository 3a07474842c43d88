"""The grid of images at one place: a projection, a single slice, cine."""

from collections.abc import Sequence

import numpy as np

from clara_stages.dicom_reader.geometry.findings import FindingKind
from clara_stages.dicom_reader.geometry.grid import Grid
from clara_stages.dicom_reader.geometry.stack import examine_stack
from clara_stages.dicom_reader.geometry.tolerances import SMALLEST_SPACING_MM
from clara_stages.dicom_reader.headers.attributes import MOSAIC
from clara_stages.dicom_reader.headers.frame import Frame

NOMINAL_MM = 1.0
"""Stands where nothing is known: between slices of which there is one, and between pixels without a spacing."""

SAME_IMAGE_MM = 0.1
"""Farthest that the first pixels of images at one place may be apart: positions with one decimal."""

_PLACELESS = frozenset(
    {
        FindingKind.NO_PLANE,
        FindingKind.BAD_ORIENTATION,
        FindingKind.ORIENTATIONS,
        FindingKind.FRAMES_OF_REFERENCE,
        FindingKind.PIXEL_SPACINGS,
    }
)
"""With one of these no affine holds for all of some images."""


def has_place(frames: Sequence[Frame]) -> bool:
    """Whether images say where in the patient they lie, and that is one place for all of them."""
    return not any(map(is_mosaic, frames)) and _is_one_place(frames)


def is_mosaic(frame: Frame) -> bool:
    """Whether an image shows the slices of a volume side by side: its position is that of no slice."""
    return MOSAIC in frame.attributes.image_type


def find_pixel_spacing(frame: Frame) -> tuple[float, float] | None:
    """Between rows, then columns, in mm: in the patient, else at the detector; None where a header says none or 0."""
    for spacing in (frame.plane.pixel_spacing_mm, frame.imager_pixel_spacing_mm):
        if spacing is not None and min(spacing) >= SMALLEST_SPACING_MM:
            return spacing
    return None


def image_grid(frames: Sequence[Frame]) -> Grid:
    """The grid of one slice that images of one size make.

    With one place in the patient the affine is that of their plane; without, it is made of the spacing of the first
    one's pixels (of the detector's for projections) and begins at 0. The third axis is the normal, ``NOMINAL_MM``
    long.
    """
    first = frames[0]
    rows_mm, columns_mm = find_pixel_spacing(first) or (NOMINAL_MM, NOMINAL_MM)
    affine_lps = np.diag([columns_mm, rows_mm, NOMINAL_MM, 1.0])
    if has_place(frames):
        row, column = np.array(first.plane.orientation_lps, dtype=np.float64).reshape(2, 3)
        affine_lps[:3, 0] = row * columns_mm
        affine_lps[:3, 1] = column * rows_mm
        affine_lps[:3, 2] = np.cross(row, column) * NOMINAL_MM
        affine_lps[:3, 3] = first.plane.position_lps_mm
    return Grid(
        order=(0,),
        shape=(first.plane.columns, first.plane.rows, 1),
        spacing_mm=(columns_mm, rows_mm, NOMINAL_MM),
        affine_lps=affine_lps,
        unevenness_mm=0.0,
    )


def _is_one_place(frames: Sequence[Frame]) -> bool:
    report = examine_stack([frame.plane for frame in frames])
    if report.kinds & _PLACELESS or not len(report.positions_lps_mm):
        return False
    return bool(np.ptp(report.positions_lps_mm, axis=0).max() <= SAME_IMAGE_MM)
