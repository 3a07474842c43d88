"""The largest distance across a mask, from edge to edge."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_FEW_POINTS = 64
"""Fewer points are compared pair by pair; a hull of them would cost more than it saves."""

_FLAT = 1e-9
"""Extent along an axis, as a part of the largest, that counts as none: indices are integers, so rounding is far below
and one voxel far above."""

_PAIRS = 1 << 21
"""Distances that are held at a time: 16 MiB."""


@dataclass(frozen=True, kw_only=True)
class Diameter:
    """The longest straight line between two points of an outline.

    Attributes:
        length_mm: Of the line.
        ends: Its ends as indices into the mask, shape ``(2, mask.ndim)``; a whole number is the centre of a voxel, a
            half the border between two.
    """

    length_mm: float
    ends: Floats


def largest_diameter(mask: npt.NDArray[np.bool_], steps_mm: Floats) -> Diameter:
    """The largest distance between two points of the outline of a mask.

    The outline goes through the middles of voxel faces (of pixel edges in a plane), where marching cubes puts the mesh
    of a mask: the definition of the Image Biomarker Standardisation Initiative (L0JK). So one voxel is as long as its
    longest edge, a row of n voxels is n edges long, and distances agree with those of other programs.

    Args:
        mask: Of two or three dimensions, with one voxel or more.
        steps_mm: From one voxel to the next along each axis of ``mask``, shape ``(mask.ndim, 3)`` or any other space.

    Raises:
        ValueError: The mask is empty.
    """
    found = _extremes(mask)
    if not len(found):
        raise ValueError("the mask has no voxel")
    corners = _hull(found)
    points = corners @ steps_mm
    longest_mm = float(np.sqrt(max(squares.max() for _, squares in _squared_distances(points))))
    # A pair whose centres are nearer by more than two half voxels cannot win.
    least_mm = longest_mm - float(np.linalg.norm(steps_mm, axis=1).max())
    first, second = _pairs(points, max(least_mm, 0.0))
    halves = np.concatenate([np.eye(mask.ndim), -np.eye(mask.ndim)]) / 2
    best = Diameter(length_mm=0.0, ends=np.zeros((2, mask.ndim)))
    for start, end in product(halves, halves):
        lengths = np.linalg.norm(points[second] - points[first] + (end - start) @ steps_mm, axis=1)
        pair = int(np.argmax(lengths))
        if lengths[pair] > best.length_mm:
            ends = np.stack([corners[first[pair]] + start, corners[second[pair]] + end])
            best = Diameter(length_mm=float(lengths[pair]), ends=ends)
    return best


def _extremes(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Indices of the voxels that are first or last on their line along every axis: the hull has no other corners."""
    others = np.argwhere(mask.any(axis=0))
    lines = tuple(others.T)
    first = mask.argmax(axis=0)[lines]
    last = len(mask) - 1 - mask[::-1].argmax(axis=0)[lines]
    ends = np.concatenate([np.column_stack([first, others]), np.column_stack([last, others])])
    for axis in range(1, mask.ndim):
        ends = _line_ends(ends, axis)
    return ends


def _line_ends(points: npt.NDArray[np.intp], axis: int) -> npt.NDArray[np.intp]:
    """Those of the points that have the lowest or the highest index among all on their line along an axis."""
    others = [other for other in range(points.shape[1]) if other != axis]
    points = points[np.lexsort((points[:, axis], *points[:, others].T))]
    is_new = (np.diff(points[:, others], axis=0) != 0).any(axis=1)
    edge = np.ones(min(len(points), 1), dtype=bool)
    ends: npt.NDArray[np.intp] = points[np.concatenate([edge, is_new]) | np.concatenate([is_new, edge])]
    return ends


def _hull(points: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """The corners of the convex hull, also of points in a plane or on a line; all points where they are few."""
    if len(points) < _FEW_POINTS:
        return points
    from scipy.spatial import ConvexHull

    centred = points - points.mean(axis=0)
    _, extents, axes = np.linalg.svd(centred, full_matrices=False)
    flat = centred @ axes[extents > _FLAT * extents[0]].T
    corners = [flat.argmin(), flat.argmax()] if flat.shape[1] == 1 else np.sort(ConvexHull(flat).vertices)
    hull: npt.NDArray[np.intp] = points[corners]
    return hull


def _squared_distances(points: Floats) -> Iterator[tuple[int, Floats]]:
    """(First row, squared distances of some rows of ``points`` to all), in turn."""
    from scipy.spatial.distance import cdist

    rows = max(1, _PAIRS // len(points))
    for start in range(0, len(points), rows):
        yield start, cdist(points[start : start + rows], points, "sqeuclidean")


def _pairs(points: Floats, least_mm: float) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Indices of all points that are at least so far apart, each pair once, a point with itself where that is 0."""
    found = []
    for start, squares in _squared_distances(points):
        first, second = np.nonzero(squares >= least_mm**2)
        once = second >= first + start
        found.append(np.stack([first[once] + start, second[once]]))
    first, second = np.concatenate(found, axis=1)
    return first, second
