"""Whether a picture shows a slice and its segments: worked out from the inputs, not by the code that draws."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_writer.inputs.label_table import Label
from clara_stages.dicom_writer.inputs.segments import THRESHOLD, Form
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.rendering.names import Colour, shown_colour
from clara_stages.dicom_writer.rendering.overlay import FILL_PERCENT
from clara_stages.dicom_writer.rendering.windowing import Window

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

SHADE_TOLERANCE = 2
"""Shades of 255: the picture is rounded after each direction of enlarging, and after mixing."""

_DEEP_PIXELS = 4
"""So far inside a segment there is no outline any more, only a light fill."""

_LEAST_OUTLINE = 16
"""Pixels for each segment there is: a shorter outline may lie wholly under the dashes of others."""


@dataclass(frozen=True, kw_only=True)
class _Drawn:
    """A segment in shown pixels: its box in the picture, and its mask in the box."""

    label: Label
    colour: Colour
    box: tuple[slice, slice]
    mask: Mask


def compare_picture(shown: npt.NDArray[np.uint8], job: Job, index: int, window: Window) -> Iterator[tuple[str, str]]:
    """What is wrong with a picture of a slice, as (name of the finding, message).

    Args:
        shown: The part of a picture that shows the slice, RGB, shape ``(rows, columns, 3)``.
        job: With segments and volume.
        index: Of the slice that it should show.
        window: That it should be shown with.
    """
    low, high = _expected_grey(job, index, window, *shown.shape[:2])
    drawn = list(_drawn(job, index, *shown.shape[:2]))
    pixels = shown.astype(np.int16)
    fill_low = _filled(low, drawn)
    fill_high = fill_low if high is low else _filled(high, drawn)
    is_fill: Mask = np.array(((pixels >= fill_low - SHADE_TOLERANCE) & (pixels <= fill_high + SHADE_TOLERANCE)).all(2))
    is_line = np.zeros(is_fill.shape, dtype=bool)
    for item in drawn:
        is_line[item.box] |= item.mask & (pixels[item.box] == item.colour).all(axis=2)
    wrong = int(np.count_nonzero(~is_fill & ~is_line))
    if wrong:
        yield "picture_differs", f"{wrong} of {is_fill.size} pixels are not those of slice {index + 1} and its segments"
    yield from _compare_outlines(pixels, drawn, is_line, index)
    shallow = np.zeros(is_line.shape, dtype=bool)
    for item in drawn:
        shallow[item.box] |= item.mask & ~_eroded(item.mask, _DEEP_PIXELS)
    covered = int(np.count_nonzero(is_line & ~is_fill & ~shallow))
    if covered:
        yield "picture_differs", f"{covered} pixels inside the segments of slice {index + 1} hide the image"


def _compare_outlines(
    pixels: npt.NDArray[np.int16], drawn: list[_Drawn], is_line: Mask, index: int
) -> Iterator[tuple[str, str]]:
    """Each segment has a closed outline, some of it in its own colour."""
    for item in drawn:
        where = f"segment {item.label.segment_number} on slice {index + 1}"
        edge = item.mask & ~_eroded(item.mask, 1)
        missing = int(np.count_nonzero(edge & ~is_line[item.box]))
        if missing:
            yield (
                "outline_differs",
                f"{missing} of {np.count_nonzero(edge)} pixels of the outline of {where} are missing",
            )
        own = (pixels[item.box][edge] == item.colour).all(axis=1).any()
        if np.count_nonzero(edge) >= _LEAST_OUTLINE * len(drawn) and not own:
            yield "outline_differs", f"no pixel of the outline of {where} has the colour of the segment"


def _expected_grey(job: Job, index: int, window: Window, rows: int, columns: int) -> tuple[Floats, Floats]:
    """The lowest and highest shade that each shown pixel may have, shape ``(rows, columns)``."""
    shown_values = job.source.on_slice(job.require_volume("sc").values, index)
    values = np.nan_to_num(shown_values.astype(np.float64), nan=-np.inf)
    if window.function == "SIGMOID":
        with np.errstate(over="ignore"):
            shades = 255 / (1 + np.exp(-4 * (values - window.centre) / window.width))
    else:
        offset, less = (0.5, 1.0) if window.function == "LINEAR" else (0.0, 0.0)
        bottom = window.centre - offset - (window.width - less) / 2
        shades = np.clip((values - bottom) / max(window.width - less, 1e-6), 0, 1) * 255
    shades = 255 - shades if window.inverted else shades
    if rows >= shades.shape[0] and columns >= shades.shape[1]:
        enlarged = _enlarged(_enlarged(shades, rows).T, columns).T
        return enlarged, enlarged
    return _bounds(shades, rows, columns)


def _enlarged(shades: Floats, rows: int) -> Floats:
    """Linear between the centres of rows, level beyond the outermost."""
    place = np.clip((np.arange(rows) + 0.5) * len(shades) / rows - 0.5, 0, len(shades) - 1)
    first = np.floor(place).astype(int)
    part = (place - first)[:, None]
    second = np.minimum(first + 1, len(shades) - 1)
    enlarged: Floats = shades[first] * (1 - part) + shades[second] * part
    return enlarged


def _bounds(shades: Floats, rows: int, columns: int) -> tuple[Floats, Floats]:
    """The range of what a reduced pixel is made of: a filter as wide as two shown pixels."""
    reach = int(np.ceil(max(shades.shape[0] / rows, shades.shape[1] / columns, 1)))
    y, x = _under(shades.shape[0], rows), _under(shades.shape[1], columns)
    low, high = np.full((rows, columns), np.inf), np.full((rows, columns), -np.inf)
    for down in range(-reach, reach + 1):
        for along in range(-reach, reach + 1):
            neighbour = shades[
                np.ix_(np.clip(y + down, 0, shades.shape[0] - 1), np.clip(x + along, 0, shades.shape[1] - 1))
            ]
            low, high = np.minimum(low, neighbour), np.maximum(high, neighbour)
    return low, high


def _drawn(job: Job, index: int, rows: int, columns: int) -> Iterator[_Drawn]:
    """Segments with a pixel on the slice."""
    segments = job.require_segments("sc")
    under = np.ix_(_under(job.source.rows, rows), _under(job.source.columns, columns))
    is_map = segments.form is Form.LABEL_MAP
    shown = job.source.on_slice(segments.values, index)[under] if is_map else None
    limit = THRESHOLD if segments.form is Form.PROBABILITY_MAP else 1
    for label in segments.table.labels:
        if shown is not None:
            mask = shown == label.value
        else:
            mask = (job.source.on_slice(segments.values[..., label.channel], index) >= limit)[under]
        if mask.any():
            first = [int(mask.any(axis=axis).argmax()) for axis in (1, 0)]
            last = [
                size - int(mask.any(axis=axis)[::-1].argmax()) for size, axis in zip(mask.shape, (1, 0), strict=True)
            ]
            box = (slice(first[0], last[0]), slice(first[1], last[1]))
            yield _Drawn(label=label, colour=shown_colour(label), box=box, mask=mask[box])


def _under(source: int, shown: int) -> npt.NDArray[np.int64]:
    """The source index under the centre of each shown pixel."""
    found: npt.NDArray[np.int64] = ((2 * np.arange(shown) + 1) * source) // (2 * shown)
    return found


def _filled(grey: Floats, drawn: list[_Drawn]) -> Floats:
    """The image with the fills of the segments, RGB."""
    count = np.zeros(grey.shape)
    total = np.zeros((*grey.shape, 3))
    for item in drawn:
        count[item.box] += item.mask
        total[item.box] += item.mask[..., None] * np.array(item.colour, dtype=np.float64)
    share = np.where(count > 0, FILL_PERCENT / 100, 0.0)[..., None]
    filled: Floats = grey[..., None] * (1 - share) + total / np.maximum(count, 1)[..., None] * share
    return filled


def _eroded(mask: Mask, pixels: int) -> Mask:
    """What remains of a mask that loses its edge pixels some times; beyond the array is outside."""
    padded: npt.NDArray[Any] = np.pad(mask, 1)
    for _ in range(pixels):
        neighbours = [np.roll(padded, step, axis=axis) for axis in (0, 1) for step in (-1, 1)]
        padded = padded & np.logical_and.reduce(neighbours)
        padded[[0, -1], :] = padded[:, [0, -1]] = False
    return padded[1:-1, 1:-1]
