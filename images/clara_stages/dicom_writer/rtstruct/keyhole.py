"""Loops with holes as one loop each, that runs into its holes through channels without width (PS3.3 C.8.8.6.3)."""

import numpy as np

from clara_stages.dicom_writer.rtstruct.voxel_edges import Boundary, Ints, walk


def join_holes(boundary: Boundary) -> list[Ints]:
    """One polygon (x, y), shape ``(n, 2)``, for each part of the mask.

    From the left end of its uppermost edge, a channel leads up from each hole along pixel edges to the next loop of
    the same part. That loop begins higher: so channels never lead in a circle, and they do not cross.
    """
    following: list[int] = boundary.following.tolist()
    x, y = boundary.x.tolist(), boundary.y.tolist()
    # Channels that end on the same edge are joined from its far end to its near end.
    for hole in sorted(boundary.holes, key=lambda corner: -x[corner]):
        end = _channel_end(boundary, hole)
        before = _corner_before(boundary, x[hole], end)
        entry, back, leave = range(len(x), len(x) + 3)
        x += [x[hole]] * 3
        y += [end, y[hole], end]
        following += [hole, leave, following[before]]
        following[before] = entry
        following[hole + 1] = back
    points = np.stack([x, y], axis=1)
    return [_without_straight_points(points[walk(following, start)]) for start in boundary.outer]


def _channel_end(boundary: Boundary, hole: int) -> int:
    """How far up (y) the line from a hole has the mask on both sides."""
    x, y = boundary.x[hole], boundary.y[hole]
    beside = boundary.padded[: y + 1, x] & boundary.padded[: y + 1, x + 1]
    return int(y - np.argmin(beside[::-1]))


def _corner_before(boundary: Boundary, x: int, y: int) -> int:
    """The corner at a point on a loop, or the last one before it; the mask lies below the point on both sides."""
    start, end = np.searchsorted(boundary.y, [y, y + 1])
    place = int(start + np.searchsorted(boundary.x[start:end], x))
    return place if place < end and boundary.x[place] == x else place - 1


def _without_straight_points(polygon: Ints) -> Ints:
    """Without repeated points and those where the line goes straight on."""
    came: Ints = np.sign(polygon - np.roll(polygon, 1, axis=0))
    is_new = came.any(axis=1)
    polygon, came = polygon[is_new], came[is_new]
    return polygon[np.any(came != np.roll(came, -1, axis=0), axis=1)]
