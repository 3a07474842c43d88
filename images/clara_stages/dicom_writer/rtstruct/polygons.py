"""What contours are drawn on one slice."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_writer.rtstruct.keyhole import join_holes
from clara_stages.dicom_writer.rtstruct.voxel_edges import Ints, trace_boundary, walk

Floats = npt.NDArray[np.float64]

CENTRE_TO_EDGE = 0.5
"""Pixel coordinates count from the centre of the first pixel, whose edge is half a pixel before it."""


@dataclass(frozen=True, kw_only=True)
class SlicePolygons:
    """Closed polygons of one segment on one slice.

    Attributes:
        polygons: Pixel coordinates (column, row) of the corners, shape ``(n, 2)``; the last is joined to the first.
        has_holes: Whether some of the polygons are holes in others.
    """

    polygons: list[Floats]
    has_holes: bool


def draw_slice(mask: npt.NDArray[np.bool_], holes: str) -> SlicePolygons:
    """The polygons around a mask of shape ``(rows, columns)``.

    Args:
        mask: Where the segment is.
        holes: ``keyhole``: a hole is a bay of the polygon around it. ``xor``: a hole is a polygon of its own.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return SlicePolygons(polygons=[], has_holes=False)
    boundary = trace_boundary(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    is_joined = holes == "keyhole"
    if is_joined and boundary.holes:
        found = join_holes(boundary)
    else:
        points, following = np.stack([boundary.x, boundary.y], axis=1), boundary.following.tolist()
        found = [points[walk(following, start)] for start in (*boundary.outer, *boundary.holes)]
    first = np.array([columns[0], rows[0]]) - CENTRE_TO_EDGE
    return SlicePolygons(
        polygons=[_closed_along_row(polygon) + first for polygon in found],
        has_holes=not is_joined and bool(boundary.holes),
    )


def _closed_along_row(polygon: Ints) -> Ints:
    """The polygon, begun so that its closing side runs along a row.

    Down a column it would run along z on coronal and sagittal slices. Plastimatch takes a last point with the x and y
    of the first for the first again, and drops it.
    """
    return np.roll(polygon, -1, axis=0) if polygon[0, 0] == polygon[-1, 0] else polygon
