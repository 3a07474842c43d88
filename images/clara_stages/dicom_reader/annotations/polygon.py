"""Filling polygons on a pixel grid, by pixel centres and the even-odd rule."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_MAX_CROSSINGS = 1 << 22
"""Crossings of edges and rows that are worked on at once: a hundred MiB."""


def fill_polygons(polygons: Sequence[npt.NDArray[np.float64]], columns: int, rows: int) -> npt.NDArray[np.bool_]:
    """The pixels whose centre lies inside an odd number of polygons, ``[j, i]``.

    So a polygon inside another is a hole, and a keyhole (a hole joined to its outside by a channel without width)
    needs no care. A centre on an edge belongs to the polygon on the left and upper side only, so neighbours share no
    pixel. What lies beyond the grid is cut off.

    Args:
        polygons: Corners ``(n, 2)`` as (i, j), pixel centres at whole numbers; the last is joined to the first.
        columns: Size along i.
        rows: Size along j.
    """
    toggles = np.zeros(rows * (columns + 1), dtype=np.int64)
    if polygons:
        start = np.concatenate(polygons)
        end = np.concatenate([np.roll(polygon, -1, axis=0) for polygon in polygons])
        size = max(_MAX_CROSSINGS // max(rows, 1), 1)
        for first in range(0, len(start), size):
            batch = slice(first, first + size)
            toggles += np.bincount(_crossings(start[batch], end[batch], columns, rows), minlength=toggles.size)
    return (np.cumsum(toggles.reshape(rows, columns + 1), axis=1) & 1).astype(np.bool_)[:, :columns]


def count_crossings(polygon: npt.NDArray[np.float64], rows: int) -> int:
    """About how many crossings of edges and rows filling a polygon takes: its cost."""
    return int(np.minimum(np.abs(np.diff(polygon[:, 1], append=polygon[:1, 1])), rows).sum())


def _crossings(
    start: npt.NDArray[np.float64], end: npt.NDArray[np.float64], columns: int, rows: int
) -> npt.NDArray[np.intp]:
    """Flat index ``j * (columns + 1) + i`` of the first pixel right of each crossing of an edge with a row of centres.

    An edge crosses the rows from its upper end, included, to its lower end, left out: a corner counts once.
    """
    upper, lower = np.minimum(start[:, 1], end[:, 1]), np.maximum(start[:, 1], end[:, 1])
    first = np.clip(np.ceil(upper), 0, rows).astype(np.intp)
    counts = np.clip(np.ceil(lower), 0, rows).astype(np.intp) - first
    edges = np.repeat(np.arange(len(start)), counts)
    j = np.arange(len(edges)) - np.repeat(np.cumsum(counts) - counts, counts) + first[edges]
    step = (end[edges] - start[edges]).T
    i = start[edges, 0] + (j - start[edges, 1]) * step[0] / step[1]
    return np.asarray(j * (columns + 1) + np.clip(np.ceil(i), 0, columns).astype(np.intp))
