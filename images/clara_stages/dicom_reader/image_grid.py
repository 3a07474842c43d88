"""The grid of images at one place: a projection, a single slice, cine."""

import numpy as np

from clara_stages.dicom_reader.geometry.grid import Grid
from clara_stages.dicom_reader.headers.frame import Frame

NOMINAL_MM = 1.0
"""Stands where nothing is known: between slices of which there is one, and between pixels without a spacing."""


def has_place(frame: Frame) -> bool:
    """Whether an image says where in the patient it lies."""
    plane = frame.plane
    return None not in (plane.position_lps_mm, plane.orientation_lps, plane.pixel_spacing_mm)


def image_grid(frame: Frame) -> Grid:
    """The grid of one slice that an image makes.

    With a place in the patient the affine is that of its plane; without one it is made of the spacing of pixels (of
    the detector's for projections) and begins at 0. The third axis is the normal, ``NOMINAL_MM`` long.
    """
    plane = frame.plane
    rows_mm, columns_mm = plane.pixel_spacing_mm or frame.imager_pixel_spacing_mm or (NOMINAL_MM, NOMINAL_MM)
    affine_lps = np.diag([columns_mm, rows_mm, NOMINAL_MM, 1.0])
    if has_place(frame):
        row, column = np.array(plane.orientation_lps, dtype=np.float64).reshape(2, 3)
        affine_lps[:3, 0] = row * columns_mm
        affine_lps[:3, 1] = column * rows_mm
        affine_lps[:3, 2] = np.cross(row, column) * NOMINAL_MM
        affine_lps[:3, 3] = plane.position_lps_mm
    return Grid(
        order=(0,),
        shape=(plane.columns, plane.rows, 1),
        spacing_mm=(columns_mm, rows_mm, NOMINAL_MM),
        affine_lps=affine_lps,
        unevenness_mm=0.0,
    )
