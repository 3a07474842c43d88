"""The boundary of a mask along the edges of its pixels, as closed loops of corners.

Contouring libraries run through pixel centres or the midpoints between them (scikit-image, contourpy, OpenCV), which
moves the boundary by up to half a pixel; a planning system would then state another volume than the segmentation has.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Boundary:
    """The loops between a mask and what is not in it.

    The mask is always on the right hand, seen on the image: outer loops run clockwise, loops around a hole
    counterclockwise. Parts of the mask are connected over edges only, what surrounds them over corners too. So two
    parts that touch in a corner have a loop each, no loop crosses itself or another, and a loop passes a corner twice
    at most.

    Attributes:
        padded: The mask with one row or column of False on each side, shape ``(rows + 2, columns + 2)``.
        x: Of each corner, the pixel edge from 0 (left of the first column) to ``columns``. Corners are in order of y,
            then of x; where two parts touch there are two, first the one at the end of the edge from the left.
        y: Of each corner, the pixel edge from 0 (above the first row) to ``rows``.
        following: Of each corner, the number of the next one on its loop. Every corner is a turn.
        outer: The first corner, in that order, of each loop around a part of the mask.
        holes: The same of each loop around a hole. It is the left end of the hole's uppermost edge, and the other
            end is the corner after it.
    """

    padded: npt.NDArray[np.bool_]
    x: Ints
    y: Ints
    following: Ints
    outer: tuple[int, ...]
    holes: tuple[int, ...]


def trace_boundary(mask: npt.NDArray[np.bool_]) -> Boundary:
    """The boundary of a mask of shape ``(rows, columns)``.

    Along a row of pixel edges, corners alternate between the left and the right end of an edge of the boundary, down
    a column of them between the upper and the lower end. So sorting them twice finds both neighbours of each.
    """
    padded = np.pad(mask, 1)
    upper_left, upper_right = padded[:-1, :-1], padded[:-1, 1:]
    lower_left, lower_right = padded[1:, :-1], padded[1:, 1:]
    turns = upper_left ^ upper_right ^ lower_left ^ lower_right
    touches = (upper_left == lower_right) & (upper_right == lower_left) & (upper_left != upper_right)
    points = np.argwhere(turns | touches)
    double = touches[points[:, 0], points[:, 1]]
    y, x = np.repeat(points, 1 + double, axis=0).T
    number = np.arange(len(x))
    is_second = np.zeros(len(x), dtype=bool)
    is_second[np.flatnonzero(np.repeat(double, 1 + double))[1::2]] = True
    # Where two parts touch, the edge from the left belongs to the upper left part, else to the lower left one.
    is_lower = is_second ^ (np.repeat(double, 1 + double) & ~upper_left[y, x])
    downward = np.lexsort((is_lower, y, x))
    above_or_below = np.empty_like(number)
    above_or_below[downward] = downward.reshape(-1, 2)[:, ::-1].ravel()
    # The mask lies below an edge that is walked to the right, above one that is walked to the left.
    to_right = np.repeat(lower_right[y[::2], x[::2]], 2)
    starts_edge = to_right ^ (number % 2 == 1)
    following = np.where(starts_edge, number ^ 1, above_or_below)
    first = _first_of_loops(following.tolist())
    is_outer = lower_right[y[first], x[first]]
    return Boundary(
        padded=padded,
        x=x,
        y=y,
        following=following,
        outer=tuple(first[is_outer].tolist()),
        holes=tuple(first[~is_outer].tolist()),
    )


def _first_of_loops(following: list[int]) -> Ints:
    """The smallest number on each loop, rising."""
    seen = bytearray(len(following))
    first = []
    for start in range(len(following)):
        if seen[start]:
            continue
        first.append(start)
        corner = start
        while not seen[corner]:
            seen[corner] = True
            corner = following[corner]
    return np.array(first, dtype=np.int64)


def walk(following: Sequence[int], start: int) -> list[int]:
    """The numbers on the loop of ``start``, which is the first of them."""
    corners = [start]
    corner = following[start]
    while corner != start:
        corners.append(corner)
        corner = following[corner]
    return corners
