"""Whether a label map lies on the grid of its source series."""

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_writer.label_map import LabelMap
from clara_stages.dicom_writer.source_series import SourceSeries
from clara_stages.kit import BadInputError

LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""The first two axes change sign, the third does not; its own inverse."""

ROUNDING_MM = 0.1
"""Positions are often written with one decimal: a slice may be this far from its place in an even stack."""

DRIFT_PART = 0.1
"""Or this part of the gap between slices: what dicom_reader accepts as one even stack."""

_SLACK_MM = 1e-3
"""NIfTI holds an affine in 32 bits."""

PIXEL_PART = 0.1
"""Largest distance inside a slice, as a part of the pixel spacing. A resampled map that is off by half a pixel, the
usual fault, lies well above."""

_REMEDY = "the label map must be on the grid of the source series: resample it, or give the source it was made from"


def check_same_grid(labels: LabelMap, source: SourceSeries) -> None:
    """Compare the label map's affine with the source's headers.

    Raises:
        BadInputError: Shapes differ, the pixels of a slice lie elsewhere, or a slice does; the message holds the
            numbers.
    """
    shape = tuple(labels.values.shape)
    if shape != source.shape:
        raise BadInputError(
            f"labels.nii has shape (i, j, k) = {shape}, the source series has {source.shape}", remedy=_REMEDY
        )
    affine_lps = LPS_FROM_RAS @ labels.affine_ras
    _check_pixels(affine_lps, source)
    _check_slices(affine_lps, source)


def _check_pixels(affine_lps: npt.NDArray[np.float64], source: SourceSeries) -> None:
    """The far corner of a slice, seen from its first pixel (PS3.3 equation C.7.6.2.1-1)."""
    columns, rows, _ = source.shape
    along_row = source.row_direction * source.column_spacing_mm * (columns - 1)
    down_column = source.column_direction * source.row_spacing_mm * (rows - 1)
    tolerance_mm = PIXEL_PART * min(source.column_spacing_mm, source.row_spacing_mm)
    for name, found, expected in (
        ("row", affine_lps[:3, 0] * (columns - 1), along_row),
        ("column", affine_lps[:3, 1] * (rows - 1), down_column),
    ):
        distance_mm = float(np.linalg.norm(found - expected))
        if distance_mm > tolerance_mm:
            raise BadInputError(
                f"a {name} of labels.nii ends {distance_mm:.3f} mm from the end of the source's {name}, at most "
                f"{tolerance_mm:.3f} mm is one grid",
                remedy=_REMEDY,
            )


def _check_slices(affine_lps: npt.NDArray[np.float64], source: SourceSeries) -> None:
    """The first pixel of each slice: each may drift a little, all together may not be shifted inside the plane."""
    k = np.arange(len(source.instances))[:, None]
    offsets = affine_lps[:3, 3] + k * affine_lps[:3, 2] - source.positions_lps_mm
    distances_mm = np.linalg.norm(offsets, axis=1)
    worst = int(np.argmax(distances_mm))
    tolerance_mm = max(ROUNDING_MM, DRIFT_PART * (source.slice_gap_mm() or 0))
    if distances_mm[worst] > tolerance_mm + _SLACK_MM:
        raise BadInputError(
            f"slice {worst} of labels.nii lies {distances_mm[worst]:.3f} mm from that of the source series, at most "
            f"{tolerance_mm:.3f} mm is one grid",
            remedy=_REMEDY,
        )
    normal = np.cross(source.row_direction, source.column_direction)
    shift = offsets.mean(axis=0)
    shift_mm = float(np.linalg.norm(shift - (shift @ normal) * normal))
    tolerance_mm = max(ROUNDING_MM, PIXEL_PART * min(source.column_spacing_mm, source.row_spacing_mm))
    if shift_mm > tolerance_mm:
        raise BadInputError(
            f"labels.nii is shifted by {shift_mm:.3f} mm inside the slices of the source series, at most "
            f"{tolerance_mm:.3f} mm is one grid",
            remedy=_REMEDY,
        )
