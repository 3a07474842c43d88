"""From stored values to values: slope and intercept of each image, the scale of CT, the smallest type that holds it."""

from __future__ import annotations  # Frame holds a Rescale, so it is named here but imported for the type checker only

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_reader.values.ucum import HOUNSFIELD
from clara_stages.kit import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clara_stages.dicom_reader.headers.frame import Frame
    from clara_stages.dicom_reader.values.ucum import Unit

LOWEST_HU = -1024
"""The lowest value of the usual 12-bit CT scale. Nothing in a body is below air at -1000 HU; what scanners write
lower (-2000, -3024) marks places outside the field of view, and it becomes this."""

Integers = npt.NDArray[np.integer]
Values = npt.NDArray[np.int16] | npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Wide = npt.NDArray[np.int32] | npt.NDArray[np.int64]

_INT16 = np.iinfo(np.int16)
_INT32 = np.iinfo(np.int32)
_FLOAT32_MAX = float(np.finfo(np.float32).max)


@dataclass(frozen=True, kw_only=True)
class RealWorld:
    """One linear Real World Value Mapping (PS3.3 C.7.6.16.2.11): from stored values, beside slope and intercept.

    Attributes:
        unit: Code of the Measurement Units Code Sequence, UCUM.
    """

    slope: float
    intercept: float
    unit: str


@dataclass(frozen=True, kw_only=True)
class Rescale:
    """How the header of one image says to rescale it; None where it does not say.

    Attributes:
        rescale_type: Rescale Type (0028,1054), or "".
        units: Units (0054,1001) of PET, or "".
        has_lookup_table: Whether a Modality LUT Sequence stands in place of slope and intercept.
        real_world: A mapping to real world values beside it.
        has_vendor_scale: Whether Philips' private scale slope (2005,xx0E) is there too.
    """

    slope: float | None = None
    intercept: float | None = None
    rescale_type: str = ""
    units: str = ""
    has_lookup_table: bool = False
    real_world: RealWorld | None = None
    has_vendor_scale: bool = False


@dataclass(frozen=True, kw_only=True)
class SliceValues:
    """Values ``[row, column]`` of one slice.

    Attributes:
        values: int16 where slope and intercept are whole and every value fits, else float32.
        padding_voxels: How many were padding and became ``LOWEST_HU`` (HU only).
        raised_voxels: How many others were below ``LOWEST_HU`` and became it (HU only).
    """

    values: Values
    padding_voxels: int = 0
    raised_voxels: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Line:
    """value = slope x stored + intercept, the factor of the unit included."""

    slope: float
    intercept: float

    @property
    def is_whole(self) -> bool:
        return (
            self.slope.is_integer()
            and self.intercept.is_integer()
            and max(abs(self.slope), abs(self.intercept)) <= _INT32.max
        )

    def ends(self, least: int, most: int) -> tuple[float, float]:
        """Lowest and highest value of stored values between two."""
        one, other = self.slope * least + self.intercept, self.slope * most + self.intercept
        return min(one, other), max(one, other)


def volume_dtype(frames: Sequence[Frame], unit: Unit) -> np.dtype[np.int16] | np.dtype[np.float32]:
    """The type of the volume that ``rescale_frame`` makes of frames, from their headers alone.

    float32 where a slope or intercept is no whole number: every slice fits it. int16 where all are whole: every slice
    fits it but one with values beyond int16, which is float32, and so must the volume become. That can only be where
    ``may_exceed_int16`` says so.
    """
    lines = {_line(frame.rescale, unit.factor) for frame in frames}
    return np.dtype(np.int16) if all(line.is_whole for line in lines) else np.dtype(np.float32)


def may_exceed_int16(frames: Sequence[Frame], unit: Unit) -> bool:
    """Whether the bits stored, with slope and intercept, leave room for a value beyond int16."""
    scales = {(_line(frame.rescale, unit.factor), *_stored_ends(frame)) for frame in frames}
    return not all(_fits(line.ends(least, most), unit) for line, least, most in scales)


def _stored_ends(frame: Frame) -> tuple[int, int]:
    """The lowest and highest value of the bits stored (PS3.5 8.1.1)."""
    pixels = frame.instance.pixels
    bits = max(1, pixels.bits_stored)
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if pixels.signed else (0, (1 << bits) - 1)


def rescale_frame(stored: Integers, frame: Frame, unit: Unit) -> SliceValues:
    """Values of one image from its stored values ``[row, column]``, which stay as they are.

    Slope and intercept are those of this frame: in PET they differ from slice to slice (PS3.3 C.8.9.4). Whole values
    are computed with integers, others in float64 and rounded once, to float32. The values of HU are never below
    ``LOWEST_HU`` afterwards, and padding is ``LOWEST_HU``; padding in other units stays as it is.

    Raises:
        BadInputError: A value is beyond float32.
    """
    line = _line(frame.rescale, unit.factor)
    is_hounsfield = unit.name == HOUNSFIELD
    padding = _find_padding(stored, frame) if is_hounsfield else None
    if padding is not None:
        if padding.all():
            return _all_padding(stored.shape, is_whole=line.is_whole)
        stored = _without(stored, padding)
    least, most = int(stored.min()), int(stored.max())
    ends = line.ends(least, most)
    floor = LOWEST_HU if is_hounsfield and ends[0] < LOWEST_HU else None
    if line.is_whole and _fits(ends, unit):
        return _settle(_whole_values(stored, line, floor, ends), padding, floor)
    _require_float32(ends)
    return _settle(_real_values(stored, line), padding, floor)


def _line(rescale: Rescale, factor: float) -> _Line:
    slope = 1.0 if rescale.slope is None else rescale.slope
    intercept = 0.0 if rescale.intercept is None else rescale.intercept
    return _Line(slope=slope * factor, intercept=intercept * factor)


def _fits(ends: tuple[float, float], unit: Unit) -> bool:
    """Whether values between two ends fit int16, those below the floor of HU raised."""
    least, most = (max(end, LOWEST_HU) for end in ends) if unit.name == HOUNSFIELD else ends
    return _INT16.min <= least and most <= _INT16.max


def _find_padding(stored: Integers, frame: Frame) -> Mask | None:
    """Where the stored values are padding; None where nothing is."""
    ends = frame.instance.pixels.padding_range()
    if ends is None:
        return None
    mask: Mask = stored == ends[0] if ends[0] == ends[1] else (stored >= ends[0]) & (stored <= ends[1])
    return mask if mask.any() else None


def _all_padding(shape: tuple[int, ...], *, is_whole: bool) -> SliceValues:
    values = np.full(shape, LOWEST_HU, dtype=np.int16)
    return SliceValues(values=values if is_whole else values.astype(np.float32), padding_voxels=values.size)


def _without(stored: Integers, padding: Mask) -> Integers:
    """Stored values with another of the image in place of padding, which may lie anywhere, far beyond int16 too."""
    inside = stored.copy()
    inside[padding] = stored.flat[int(padding.argmin())]  # the first that is none
    return inside


def _whole_values(
    stored: Integers, line: _Line, floor: int | None, ends: tuple[float, float]
) -> Wide | npt.NDArray[np.int16]:
    slope, intercept = int(line.slope), int(line.intercept)
    if floor is None:
        # Modulo 2^16, which is exact because each result fits; a stored value or the intercept alone need not.
        narrow: npt.NDArray[np.int16] = stored.astype(np.int16, copy=False)
        if slope != 1:
            narrow = narrow * _modulo_int16(slope)
        return narrow + _modulo_int16(intercept)
    products = (ends[0] - intercept, ends[1] - intercept)
    fits_int32 = _INT32.min <= min(ends[0], *products) and max(ends[1], *products) <= _INT32.max
    wide: Wide = stored.astype(np.int32) if fits_int32 else stored.astype(np.int64)
    if slope != 1:
        wide *= slope
    wide += intercept
    return wide


def _modulo_int16(value: int) -> np.int16:
    return np.int16((value - _INT16.min) % (1 << 16) + _INT16.min)


def _real_values(stored: Integers, line: _Line) -> npt.NDArray[np.float64]:
    values = np.multiply(stored, line.slope, dtype=np.float64)
    if line.intercept:
        values += line.intercept
    return values


def _require_float32(ends: tuple[float, float]) -> None:
    if not max(-ends[0], ends[1]) <= _FLOAT32_MAX:  # a slope of 1e308 gives infinity or NaN
        raise BadInputError(f"rescaled values run from {ends[0]:g} to {ends[1]:g}", remedy="correct the source")


def _settle(
    values: Wide | npt.NDArray[np.int16] | npt.NDArray[np.float64], padding: Mask | None, floor: int | None
) -> SliceValues:
    """Values with the floor and the padding of HU in their final type."""
    raised_voxels = 0
    if floor is not None:
        below = values < floor
        if padding is not None:
            below &= ~padding
        raised_voxels = int(np.count_nonzero(below))
        np.maximum(values, floor, out=values)
    final: Values = values.astype(np.int16, copy=False) if values.dtype != np.float64 else values.astype(np.float32)
    if padding is None:
        return SliceValues(values=final, raised_voxels=raised_voxels)
    final[padding] = LOWEST_HU
    return SliceValues(values=final, padding_voxels=int(np.count_nonzero(padding)), raised_voxels=raised_voxels)
