"""Segments drawn into a grey image: a light fill and a crisp outline for each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Picture = npt.NDArray[np.uint8]

FILL_PERCENT = 18
"""Share of the colour inside a segment: the image stays readable through it."""

DASH_PIXELS = 4
"""Length of the dashes where outlines of several segments run on each other."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One segment in a picture.

    Attributes:
        colour: RGB, 0..255.
        box: Rows and columns of the picture that hold all of it.
        mask: Where it is in the box, of the shape of the box.
    """

    colour: tuple[int, int, int]
    box: tuple[slice, slice]
    mask: Mask


def draw_segments(grey: npt.NDArray[np.uint8], layers: Sequence[Layer], thickness: int) -> Picture:
    """The image in colour with all segments visible, also where they overlap.

    Inside, the colour is mixed with the mean of the segments that are there. On an outline it is that of the segment;
    where several outlines meet they alternate in dashes. No fill covers an outline.

    Args:
        grey: Shape ``(rows, columns)``.
        layers: The segments.
        thickness: Of the outlines, which lie inside the masks, in pixels.

    Returns:
        RGB, shape ``(rows, columns, 3)``.
    """
    picture = _filled(grey, layers)
    outlines = [outline(layer.mask, thickness) for layer in layers]
    meeting = np.zeros(grey.shape, dtype=np.int32)
    for layer, line in zip(layers, outlines, strict=True):
        meeting[layer.box] += line
    rows, columns = grey.shape
    dash = (np.arange(rows)[:, None] + np.arange(columns)) // DASH_PIXELS
    turn = dash % np.maximum(meeting, 1)
    seen = np.zeros(grey.shape, dtype=np.int32)
    for layer, line in zip(layers, outlines, strict=True):
        picture[layer.box][line & (turn[layer.box] == seen[layer.box])] = layer.colour
        seen[layer.box] += line
    return picture


def outline(mask: Mask, thickness: int) -> Mask:
    """The pixels of a mask that are at most ``thickness`` pixels (along rows and columns) from its outside.

    Beyond the edge of the array is outside: the line is closed there.
    """
    inner = np.pad(mask, 1)
    for _ in range(thickness):
        core = inner[1:-1, 1:-1]
        around = inner[:-2, 1:-1] & inner[2:, 1:-1] & inner[1:-1, :-2] & inner[1:-1, 2:]
        inner = np.pad(core & around, 1)
    return mask & ~inner[1:-1, 1:-1]


def _filled(grey: npt.NDArray[np.uint8], layers: Sequence[Layer]) -> Picture:
    count = np.zeros(grey.shape, dtype=np.int32)
    total = np.zeros((*grey.shape, 3), dtype=np.int32)
    for layer in layers:
        count[layer.box] += layer.mask
        total[layer.box] += layer.mask[..., None] * np.array(layer.colour, dtype=np.int32)
    picture = np.repeat(grey[..., None], 3, axis=2)
    inside = count > 0
    mean = total[inside] / count[inside][:, None]
    mixed = (picture[inside].astype(np.int32) * (100 - FILL_PERCENT) + mean * FILL_PERCENT) / 100
    picture[inside] = np.rint(mixed).astype(np.uint8)
    return picture
