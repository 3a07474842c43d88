"""Collecting masks of segments, slice by slice: into one label map, or into one array for each segment."""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_reader.limits import Limits
from clara_stages.kit import BadInputError
from clara_stages.kit.contract.kinds import Kind

FRACTION_THRESHOLD = 0.5
"""A voxel of a fractional segment is in a label map from this part of the Maximum Fractional Value."""

_NAMED_SEGMENTS = 10

Array = npt.NDArray[Any]


class Canvas(Protocol):
    """Where masks are painted; fractions are 0..1 as float32, masks are booleans, both ``[j, i]``."""

    def paint(self, position: int, k: int, mask: Array) -> None:
        """Add a mask of the segment at a position of the list of segments to slice k."""

    def finish(self) -> tuple[Array, list[int]]:
        """The array, and how many voxels each segment has (of fractions: above 0)."""


def new_canvas(kind: Kind, shape: tuple[int, int, int], numbers: list[int], limits: Limits) -> Canvas:
    """An empty canvas.

    Args:
        kind: ``label_map``, ``segment_stack`` or ``probability_map``.
        shape: Columns, rows, slices.
        numbers: The value of each segment, from 1.
        limits: ``max_voxels`` bounds what is allocated.

    Raises:
        BadInputError: The arrays would be larger than the limits allow.
    """
    if kind is Kind.LABEL_MAP:
        return LabelCanvas(shape, numbers)
    voxels = int(np.prod(shape, dtype=np.int64)) * len(numbers)
    if voxels > limits.max_voxels:
        raise BadInputError(
            f"{len(numbers)} segments on {' x '.join(map(str, shape))} voxels are {voxels} values, at most "
            f"{limits.max_voxels} are written as a {kind}",
            remedy="ask for a label_map, which holds all segments in one array",
        )
    return StackCanvas(shape, len(numbers), np.float32 if kind is Kind.PROBABILITY_MAP else np.uint8)


class LabelCanvas:
    """One value for each voxel."""

    def __init__(self, shape: tuple[int, int, int], numbers: list[int]) -> None:
        self._numbers = numbers
        dtype = np.uint8 if max(numbers, default=0) <= np.iinfo(np.uint8).max else np.uint16
        self._labels: Array = np.zeros(shape[::-1], dtype=dtype)
        self._doubled: npt.NDArray[np.bool_] | None = None
        self._overlapping: set[int] = set()

    def paint(self, position: int, k: int, mask: Array) -> None:
        """Set the segment's value; where another one is, both are remembered."""
        inside = mask if mask.dtype == np.bool_ else mask >= FRACTION_THRESHOLD
        plane, value = self._labels[k], self._numbers[position]
        doubled = inside & (plane != 0) & (plane != value)
        if doubled.any():
            if self._doubled is None:
                self._doubled = np.zeros(self._labels.shape, dtype=np.bool_)
            self._doubled[k] |= doubled
            self._overlapping |= {value, *np.unique(plane[doubled]).tolist()}
        plane[inside] = value

    def finish(self) -> tuple[Array, list[int]]:
        """Labels ``[i, j, k]``. Raises BadInputError where segments overlap."""
        if self._doubled is not None:
            found = sorted(self._overlapping)
            more = f" and {len(found) - _NAMED_SEGMENTS} more" if len(found) > _NAMED_SEGMENTS else ""
            raise BadInputError(
                f"{int(self._doubled.sum())} voxels are in several of the segments "
                f"{', '.join(map(str, found[:_NAMED_SEGMENTS]))}{more}; a label map holds one value for each voxel",
                remedy="ask for a segment_stack, whose segments may overlap",
            )
        counts = np.bincount(self._labels.ravel(), minlength=max(self._numbers, default=0) + 1)
        return self._labels.transpose(2, 1, 0), [int(counts[number]) for number in self._numbers]


class StackCanvas:
    """One array for each segment."""

    def __init__(self, shape: tuple[int, int, int], segments: int, dtype: type[np.float32] | type[np.uint8]) -> None:
        self._stack: Array = np.zeros((segments, 1, *shape[::-1]), dtype=dtype)

    def paint(self, position: int, k: int, mask: Array) -> None:
        """Take the larger of what is there and the mask."""
        plane = self._stack[position, 0, k]
        if plane.dtype == np.uint8 and mask.dtype != np.bool_:
            mask = mask >= FRACTION_THRESHOLD
        np.maximum(plane, mask.astype(plane.dtype), out=plane)

    def finish(self) -> tuple[Array, list[int]]:
        """Values ``[i, j, k, 0, segment]``."""
        counts = [int(np.count_nonzero(segment)) for segment in self._stack]
        return self._stack.transpose(4, 3, 2, 1, 0), counts
