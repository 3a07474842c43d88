"""From stored values to the values of the modality: Hounsfield units, PET units, MR signal."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_reader.pixels.format import PixelFormat
from clara_stages.dicom_reader.pixels.stored_values import Stored
from clara_stages.kit import BadInputError

LOWEST_HU = -1024.0
"""The lowest value of the usual 12-bit CT scale. Nothing in a body is below air at -1000 HU; what scanners write
lower (-2000, -3024) marks places outside the field of view, and it becomes this."""

PET_UNITS = {"BQML": "Bq/ml", "GML": "g/ml"}
"""Units (0054,1001) as UCUM writes them; others are kept as they are (PS3.3 C.8.9.1.1.3)."""

_UNITS_LIMIT = 16
"""Characters of a CS value: a longer one is no unit."""

Values = npt.NDArray[np.int16] | npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Rescale:
    """How the header of one image says to rescale it; None where it does not say.

    Attributes:
        rescale_type: Rescale Type (0028,1054), or "".
        units: Units (0054,1001) of PET, or "".
        has_lookup_table: Whether a Modality LUT Sequence stands in place of slope and intercept.
    """

    slope: float | None = None
    intercept: float | None = None
    rescale_type: str = ""
    units: str = ""
    has_lookup_table: bool = False


@dataclass(frozen=True, kw_only=True)
class SliceValues:
    """Values ``[row, column]`` of one slice.

    Attributes:
        values: int16 where every value is an integer that fits, else float32.
        padding_voxels: How many were padding and became ``LOWEST_HU`` (CT only).
        raised_voxels: How many others were below ``LOWEST_HU`` and became it (CT only).
    """

    values: Values
    padding_voxels: int = 0
    raised_voxels: int = 0


def find_unit(modality: str, rescales: Sequence[Rescale]) -> str:
    """The unit that all images of a series share once they are rescaled.

    Args:
        modality: CT, MR or PT.
        rescales: Of each image.

    Raises:
        BadInputError: A lookup table, a CT or PET image without slope and intercept, only some images with them, a
            slope of 0, a CT scale that is not HU, or several PET units.
    """
    total = len(rescales)
    tables = sum(item.has_lookup_table for item in rescales)
    if tables:
        raise BadInputError(
            f"{tables} of {total} images have a Modality LUT Sequence in place of slope and intercept",
            remedy="select a series with Rescale Slope and Rescale Intercept",
        )
    with_both = sum(item.slope is not None and item.intercept is not None for item in rescales)
    with_any = sum(item.slope is not None or item.intercept is not None for item in rescales)
    if with_any != with_both or with_both not in (0, total) or (with_both == 0 and modality != "MR"):
        raise BadInputError(
            f"{with_both} of {total} images have both Rescale Slope and Rescale Intercept, {with_any - with_both} have "
            "one of them: the values have no known unit",
            remedy="select a series with both in every image",
        )
    if any(item.slope == 0 for item in rescales):
        raise BadInputError("Rescale Slope is 0: every value would be the same", remedy="correct the source")
    if modality == "PT":
        return _pet_unit({item.units for item in rescales})
    if modality == "CT":
        _require_hu({item.rescale_type for item in rescales})
        return "HU"
    return "1"


def _require_hu(rescale_types: set[str]) -> None:
    others = sorted(rescale_types - {"", "HU"})
    if others:
        raise BadInputError(
            f"Rescale Type of the CT is {', '.join(map(_as_code, others))}, expected HU",
            remedy="select a series in Hounsfield units",
        )


def _pet_unit(units: set[str]) -> str:
    names = sorted(map(_as_code, units))
    if len(names) != 1:
        raise BadInputError(
            f"the PET series mixes {len(names)} units: {', '.join(names)}", remedy="select a series with one unit"
        )
    return PET_UNITS.get(names[0], names[0])


def _as_code(text: str) -> str:
    """A coded text as it is, and any other that stands in its place hidden: it may be anything."""
    is_code = 0 < len(text) <= _UNITS_LIMIT and text.replace("_", "").isalnum()
    return text if is_code else "no code" if text else "none"


def rescale_slice(stored: Stored, rescale: Rescale, pixels: PixelFormat, modality: str) -> SliceValues:
    """Values of one image from its stored values ``[row, column]``.

    Slope and intercept are those of this image: in PET they differ from slice to slice (PS3.3 C.8.9.4). The values of
    CT are never below ``LOWEST_HU`` afterwards; padding in other modalities stays as it is.

    Raises:
        BadInputError: A value is beyond float32.
    """
    slope = 1.0 if rescale.slope is None else rescale.slope
    intercept = 0.0 if rescale.intercept is None else rescale.intercept
    is_ct = modality == "CT"
    padding = _padding(stored, pixels) if is_ct else None
    values: npt.NDArray[np.float64] = stored.astype(np.float64) * slope + intercept
    padding_voxels = raised_voxels = 0
    if is_ct:
        if padding is not None:
            padding_voxels = int(np.count_nonzero(padding))
            values[padding] = LOWEST_HU
        raised_voxels = int(np.count_nonzero(values < LOWEST_HU))
        np.maximum(values, LOWEST_HU, out=values)
    return SliceValues(values=_compact(values), padding_voxels=padding_voxels, raised_voxels=raised_voxels)


def _padding(stored: Stored, pixels: PixelFormat) -> npt.NDArray[np.bool_] | None:
    ends = pixels.padding_range()
    if ends is None:
        return None
    padding: npt.NDArray[np.bool_] = (stored >= ends[0]) & (stored <= ends[1])
    return padding


def _compact(values: npt.NDArray[np.float64]) -> Values:
    least, most = float(values.min()), float(values.max())
    limits = np.iinfo(np.int16)
    if limits.min <= least and most <= limits.max and (values == np.rint(values)).all():
        return values.astype(np.int16)
    if not max(-least, most) <= float(np.finfo(np.float32).max):  # a slope of 1e308 gives infinity or NaN
        raise BadInputError(f"rescaled values run from {least:g} to {most:g}", remedy="correct the source")
    return values.astype(np.float32)
