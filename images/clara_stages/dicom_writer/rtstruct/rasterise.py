"""The pixels inside a polygon, by the crossings of pixel rows with its sides. Knows nothing of how it was drawn."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def add_polygon(count: npt.NDArray[np.int32], polygon: Floats) -> None:
    """Add 1 to each pixel whose centre lies inside a closed polygon (even-odd rule).

    Args:
        count: Shape ``(rows, columns)``; changed in place.
        polygon: Pixel coordinates (column, row), shape ``(n, 2)``; the last point is joined to the first. What lies
            outside of the image is left out.
    """
    rows, columns = count.shape
    left, top = np.clip(np.ceil(polygon.min(axis=0)), 0, [columns, rows]).astype(int)
    right, bottom = np.clip(np.floor(polygon.max(axis=0)) + 1, 0, [columns, rows]).astype(int)
    if left >= right or top >= bottom:
        return
    crossed_rows, crossed_at = _crossings(polygon, top, bottom)
    first_beyond = np.clip(np.ceil(crossed_at), left, right).astype(int) - left
    width = right - left + 1
    crossings = np.bincount((crossed_rows - top) * width + first_beyond, minlength=(bottom - top) * width)
    inside = np.cumsum(crossings.reshape(-1, width), axis=1)[:, :-1] % 2
    count[top:bottom, left:right] += inside.astype(np.int32)


def _crossings(polygon: Floats, top: int, bottom: int) -> tuple[npt.NDArray[np.int64], Floats]:
    """Where the centre lines of rows top..bottom-1 cross sides of a polygon: the row and the column of each."""
    (x, y), (next_x, next_y) = polygon.T, np.roll(polygon, -1, axis=0).T
    # Half open: a row through a corner crosses one of the two sides that meet there, and none that it runs along.
    first = np.maximum(np.ceil(np.minimum(y, next_y)), top).astype(int)
    end = np.minimum(np.ceil(np.maximum(y, next_y)), bottom).astype(int)
    number = np.maximum(end - first, 0)
    side = np.repeat(np.arange(len(x)), number)
    row = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number) + first[side]
    part = (row - y[side]) / (next_y - y)[side]
    return row, x[side] + part * (next_x - x)[side]
