"""Voxel values as the 16 bits that an image stores, with the slope and intercept that lead back."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.valuerep import format_number_as_ds

from clara_stages.kit import BadInputError

_INT16 = np.iinfo(np.int16)

_STEPS = 65534
"""Between the lowest and the highest value: one step of 16 bits is left for rounding."""

REPORTED_PART = 1e-3
"""A quantisation error above this part of the range of values is told."""


@dataclass(frozen=True, kw_only=True)
class Storage:
    """How values are stored: ``value = stored * slope + intercept``, stored int16.

    Attributes:
        slope: As the text of a DS says it.
        intercept: As the text of a DS says it.
        low: The lowest value.
        high: The highest value.
    """

    slope: float
    intercept: float
    low: float
    high: float

    @property
    def is_exact(self) -> bool:
        """Whether values are stored as they are."""
        return self.slope == 1 and self.intercept == 0

    def encode(self, values: npt.NDArray[Any]) -> npt.NDArray[np.int16]:
        """Stored values of one plane, of the same shape; the nearest ones."""
        if self.is_exact:
            return values.astype(np.int16)
        stored = np.rint((values.astype(np.float64) - self.intercept) / self.slope)
        return stored.clip(_INT16.min, _INT16.max).astype(np.int16)

    def decode(self, stored: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """The values that a reader finds."""
        values: npt.NDArray[np.float64] = stored.astype(np.float64) * self.slope + self.intercept
        return values


def choose_storage(values: npt.NDArray[Any], *, may_shift: bool) -> Storage:
    """One slope and intercept for all planes; 1 and 0 where every value is a whole number that fits 16 bits.

    Args:
        values: Shape ``(i, j, k)``.
        may_shift: Whether the intercept may be another than 0: not in PET (PS3.3 C.8.9.4).

    Raises:
        BadInputError: A value is not finite.
    """
    low, high = math.inf, -math.inf
    is_whole = True
    for plane in planes(values):
        low, high = min(low, float(plane.min())), max(high, float(plane.max()))
        if not math.isfinite(low) or not math.isfinite(high) or np.isnan(plane).any():
            raise BadInputError(
                "the volume has a voxel that is not finite; an image cannot store it",
                remedy="replace such voxels in the stage that wrote the volume",
            )
        is_whole = is_whole and bool(values.dtype.kind == "i" or (np.rint(plane) == plane).all())
    if is_whole and low >= _INT16.min and high <= _INT16.max:
        return Storage(slope=1.0, intercept=0.0, low=low, high=high)
    if not may_shift:
        return Storage(slope=_decimal(max(abs(low), abs(high)) / _INT16.max) or 1.0, intercept=0.0, low=low, high=high)
    slope = _decimal((high - low) / _STEPS) or 1.0
    intercept = _decimal(low / 2 + high / 2)
    return Storage(slope=slope, intercept=intercept, low=low, high=high)


def planes(values: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    """Each plane ``[row, column]`` of a volume ``[i, j, k]``; a view."""
    for k in range(values.shape[2]):
        yield values[:, :, k].T


def _decimal(number: float) -> float:
    """The number that the text of a DS holds (PS3.5 6.2)."""
    return float(format_number_as_ds(number))
