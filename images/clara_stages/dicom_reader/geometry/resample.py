"""The slices of a tilted or unevenly spaced stack as an even, orthogonal volume, and the way back.

The planes of the volume are parallel to the slices, so each slice is only shifted in its own plane, and planes between
slices are a mixture of two. Interpolation is linear.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_reader.geometry.axes import Floats
from clara_stages.dicom_reader.geometry.gaps import Integers
from clara_stages.dicom_reader.geometry.tolerances import SNAP_PART

Values = npt.NDArray[Any]

Progress = Callable[[int, int], None]

_Window = tuple[slice, slice]


@dataclass(frozen=True, kw_only=True, eq=False)
class Resampling:
    """How the planes of a volume come from source slices; slices are counted from 0 along the normal.

    Attributes:
        kind: ``tilt``, ``spacing``, or ``tilt and spacing``.
        degrees: The tilt of the source.
        source_shape: Columns, rows, slices of the source.
        shape: Columns, rows, planes of the volume.
        source_origin_index: Voxel index ``(i, j, k)`` of each slice's first pixel, shape ``(slices, 3)``. Exact: pixel
            ``(i, j)`` of slice s lies at voxel index ``source_origin_index[s] + (i, j, 0)``.
        shift_pixels: By how much interpolation shifts each slice along i and j, shape ``(slices, 2)``: 0 where the
            stack is not straightened.
        lower: For each plane the slice below it, or at it, shape ``(planes,)``.
        upper: The slice above it; ``lower`` again where the plane is a slice.
        weight: Of the upper slice, 0 to 1; that of the lower one is the rest.
        source_affine_lps: Pixel (column, row) and slice to LPS mm, shape ``(4, 4)``, where the source is evenly spaced.
    """

    kind: str
    degrees: float
    source_shape: tuple[int, int, int]
    shape: tuple[int, int, int]
    source_origin_index: Floats
    shift_pixels: Floats
    lower: Integers
    upper: Integers
    weight: Floats
    source_affine_lps: Floats | None

    def to_json(self) -> dict[str, Any]:
        """What a writer needs to bring results back onto the source slices, as plain JSON values."""
        affine = self.source_affine_lps
        return {
            "kind": self.kind,
            "degrees": self.degrees,
            "interpolation": "linear",
            "source_shape": list(self.source_shape),
            "shape": list(self.shape),
            "source_origin_index": self.source_origin_index.tolist(),
            "source_affine_lps": None if affine is None else affine.tolist(),
            "planes": [
                {"lower": lower, "upper": upper, "weight": weight}
                for lower, upper, weight in zip(
                    self.lower.tolist(), self.upper.tolist(), self.weight.tolist(), strict=True
                )
            ],
        }


def resample(values: Values, resampling: Resampling, padding: float, progress: Progress | None = None) -> Values:
    """The planes of the volume.

    A voxel has a value where its centre lies on a pixel of the slice; pixels at an edge reach half a pixel beyond
    their centre. Between two slices of which only one covers the voxel, the nearer one decides. All other voxels are
    padding, which is never mixed with values.

    Args:
        values: Source slices ``[slice, row, column]``, in order of slices; any real dtype.
        resampling: What ``build_grid`` found.
        padding: For voxels that no slice covers, such as air; a value of the dtype.
        progress: Called with the number of planes made, and of all.

    Returns:
        ``[k, j, i]`` of the same dtype, C order; integers are rounded to the nearest.

    Raises:
        ValueError: The array is not of the source's shape, or padding is no value of its dtype.
    """
    if values.shape != resampling.source_shape[::-1]:
        raise ValueError(f"values have the shape {values.shape}, expected {resampling.source_shape[::-1]}")
    if np.issubdtype(values.dtype, np.integer):
        least, greatest = np.iinfo(values.dtype).min, np.iinfo(values.dtype).max
        if not (least <= padding <= greatest and float(padding).is_integer()):
            raise ValueError(f"padding {padding:g} is no value of {values.dtype}")
    volume: Values = np.full(resampling.shape[::-1], padding, dtype=values.dtype)
    shifted: dict[int, tuple[Values, _Window]] = {}
    for plane in range(len(volume)):
        lower, upper = int(resampling.lower[plane]), int(resampling.upper[plane])
        # Neighbouring planes share slices: two shifted ones are kept, and no more.
        shifted = {
            index: shifted[index] if index in shifted else _shift(values[index], resampling.shift_pixels[index], volume)
            for index in (lower, upper)
        }
        _write_plane(volume[plane], shifted[lower], shifted[upper], float(resampling.weight[plane]))
        if progress is not None:
            progress(plane + 1, len(volume))
    return volume


def _write_plane(plane: Values, lower: tuple[Values, _Window], upper: tuple[Values, _Window], weight: float) -> None:
    """Fill a plane ``[j, i]`` from one or two shifted slices."""
    pixels, window = upper if weight >= 0.5 else lower
    plane[window] = _rounded(pixels, plane.dtype)
    if weight == 0:
        return
    both = (_overlap(lower[1][0], upper[1][0]), _overlap(lower[1][1], upper[1][1]))
    below, above = _part(lower, both), _part(upper, both)
    work = np.dtype(_working_type(np.result_type(below, above)))
    mixed = above.astype(work)
    mixed -= below
    mixed *= work.type(weight)
    mixed += below
    plane[both] = _rounded(mixed, plane.dtype)


def _shift(pixels: Values, shift: Floats, volume: Values) -> tuple[Values, _Window]:
    """One slice ``[row, column]`` moved by a part of a pixel, and where in a plane of the volume it lies."""
    moved, rows = _shift_axis(pixels, float(shift[1]), 0, volume.shape[1])
    moved, columns = _shift_axis(moved, float(shift[0]), 1, volume.shape[2])
    return moved, (rows, columns)


def _shift_axis(pixels: Values, shift: float, axis: int, size: int) -> tuple[Values, slice]:
    """Move an array along one axis, where pixel x goes to index ``x + shift``.

    Returns:
        The array at those whole indices that lie on a pixel, and which they are; at most ``size`` is reached.
    """
    whole = math.floor(shift + SNAP_PART)
    part = shift - whole
    count = pixels.shape[axis]
    if part <= SNAP_PART:
        return pixels, slice(whole, whole + count)
    work = np.dtype(_working_type(pixels.dtype))
    ends: list[tuple[int, int]] = [(0, 0), (0, 0)]
    ends[axis] = (1, 1)
    held = np.pad(pixels, ends, mode="edge").astype(work)
    first, last = (slice(None),) * axis + (slice(1, None),), (slice(None),) * axis + (slice(None, -1),)
    moved = held[last] - held[first]
    moved *= work.type(part)
    moved += held[first]  # index n is pixel n - part; in this form equal values stay exactly equal
    start, stop = int(part > 0.5 + SNAP_PART), min(count + int(part >= 0.5 - SNAP_PART), size - whole)
    kept: Values = moved[(slice(None),) * axis + (slice(start, stop),)]
    return kept, slice(whole + start, whole + stop)


def _working_type(dtype: np.dtype[Any]) -> type[np.floating[Any]]:
    """float32 holds integers of 16 bits exactly; larger ones need float64."""
    return np.float32 if dtype.itemsize <= 2 or dtype == np.float32 else np.float64


def _overlap(one: slice, other: slice) -> slice:
    start = max(one.start, other.start)
    return slice(start, max(start, min(one.stop, other.stop)))


def _part(shifted: tuple[Values, _Window], window: _Window) -> Values:
    pixels, (rows, columns) = shifted
    part: Values = pixels[
        window[0].start - rows.start : window[0].stop - rows.start,
        window[1].start - columns.start : window[1].stop - columns.start,
    ]
    return part


def _rounded(pixels: Values, dtype: np.dtype[Any]) -> Values:
    if np.issubdtype(dtype, np.integer) and not np.issubdtype(pixels.dtype, np.integer):
        pixels = np.rint(pixels)
    return pixels.astype(dtype, copy=False)
