"""Whether segments or a volume lie on the grid of their source images."""

import numpy as np

from clara_stages.dicom_writer.inputs.source_stack import LPS_FROM_RAS, Floats, SourceStack
from clara_stages.kit import BadInputError

ROUNDING_MM = 0.1
"""Positions are often written with one decimal: a slice may be this far from its place in an even stack."""

DRIFT_PART = 0.1
"""Or this part of the gap between slices: what dicom_reader accepts as one even stack."""

_SLACK_MM = 1e-3
"""NIfTI holds an affine in 32 bits."""

PIXEL_PART = 0.1
"""Largest distance inside a slice, as a part of the pixel spacing. A resampled map that is off by half a pixel, the
usual fault, lies well above."""

_SNAP_INDEX = 1e-3
"""How far an index computed in floating point may be beyond the last voxel."""

_REMEDY = "the segments must be on the grid of the source series: resample them, or give the source they were made from"


def check_same_grid(
    affine_ras: Floats, shape: tuple[int, int, int], source: SourceStack, *, whose: str = "segments"
) -> None:
    """Compare a grid of voxels with the source's headers.

    Of a resampled volume (``source.origin_index``) each slice's first pixel is compared with its place in the volume.
    Where the source has no place in the patient only shapes are.

    Args:
        affine_ras: ``(i, j, k, 1)`` to RAS mm, shape ``(4, 4)``.
        shape: ``(i, j, k)``.
        source: The images.
        whose: What errors call the grid.

    Raises:
        BadInputError: Shapes differ, the pixels of a slice lie elsewhere, or a slice does; the message holds the
            numbers.
    """
    _check_shape(shape, source, whose)
    if source.has_place:
        affine_lps = LPS_FROM_RAS @ affine_ras
        _check_pixels(affine_lps, source, whose)
        _check_slices(affine_lps, source, whose)


def _check_shape(shape: tuple[int, int, int], source: SourceStack, whose: str) -> None:
    if source.origin_index is None:
        expected = source.columns, source.rows, len(source.slices)
        if shape != expected:
            raise BadInputError(
                f"the {whose} have shape (i, j, k) = {shape}, the source series has {expected}", remedy=_REMEDY
            )
        return
    first = source.origin_index.min(axis=0)
    last = source.origin_index.max(axis=0) + np.array([source.columns - 1, source.rows - 1, 0])
    if (first < -_SNAP_INDEX).any() or (last > np.array(shape) - 1 + _SNAP_INDEX).any():
        reach = " to ".join(str(tuple(round(float(value), 2) for value in end)) for end in (first, last))
        raise BadInputError(
            f"the {whose} have shape (i, j, k) = {shape}, the slices of the resampled source series reach from index "
            f"{reach}",
            remedy=_REMEDY,
        )


def _check_pixels(affine_lps: Floats, source: SourceStack, whose: str) -> None:
    """The far corner of a slice, seen from its first pixel (PS3.3 equation C.7.6.2.1-1)."""
    along_row = source.row_direction * source.column_spacing_mm * (source.columns - 1)
    down_column = source.column_direction * source.row_spacing_mm * (source.rows - 1)
    tolerance_mm = PIXEL_PART * min(source.column_spacing_mm, source.row_spacing_mm)
    for name, found, expected in (
        ("row", affine_lps[:3, 0] * (source.columns - 1), along_row),
        ("column", affine_lps[:3, 1] * (source.rows - 1), down_column),
    ):
        distance_mm = float(np.linalg.norm(found - expected))
        if distance_mm > tolerance_mm:
            raise BadInputError(
                f"a {name} of the {whose} ends {distance_mm:.3f} mm from the end of the source's {name}, at most "
                f"{tolerance_mm:.3f} mm is one grid",
                remedy=_REMEDY,
            )


def _check_slices(affine_lps: Floats, source: SourceStack, whose: str) -> None:
    """The first pixel of each slice: each may drift a little, all together may not be shifted inside the plane."""
    index = source.origin_index
    if index is None:
        index = np.zeros((len(source.slices), 3))
        index[:, 2] = np.arange(len(source.slices))
    offsets = affine_lps[:3, 3] + index @ affine_lps[:3, :3].T - source.positions_lps_mm
    distances_mm = np.linalg.norm(offsets, axis=1)
    worst = int(np.argmax(distances_mm))
    tolerance_mm = max(ROUNDING_MM, DRIFT_PART * (source.slice_gap_mm() or 0))
    if distances_mm[worst] > tolerance_mm + _SLACK_MM:
        raise BadInputError(
            f"slice {worst} of the {whose} lies {distances_mm[worst]:.3f} mm from that of the source series, at most "
            f"{tolerance_mm:.3f} mm is one grid",
            remedy=_REMEDY,
        )
    shift = offsets.mean(axis=0)
    shift_mm = float(np.linalg.norm(shift - (shift @ source.normal) * source.normal))
    tolerance_mm = max(ROUNDING_MM, PIXEL_PART * min(source.column_spacing_mm, source.row_spacing_mm))
    if shift_mm > tolerance_mm:
        raise BadInputError(
            f"the {whose} are shifted by {shift_mm:.3f} mm inside the slices of the source series, at most "
            f"{tolerance_mm:.3f} mm is one grid",
            remedy=_REMEDY,
        )
