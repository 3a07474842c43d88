"""Numbers and table rows of the report."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from clara_stages.dicom_writer.measurements import SegmentMeasurements
from clara_stages.dicom_writer.rendering.names import shown_unit

NOT_MEASURED = "-"

_SMALLEST = 1e-3
_LARGEST = 1e6
"""Outside of these a number is written with a power of ten."""


class Column(NamedTuple):
    """Heading, one text for each segment, and how wide it is beside the others."""

    heading: str
    texts: list[str]
    weight: float = 1.0


def shown_number(value: float | None) -> str:
    """Four significant digits, none of them made up before the point; three with a power of ten; a dash for None."""
    if value is None:
        return NOT_MEASURED
    if value != 0 and not _SMALLEST <= abs(value) < _LARGEST:
        return f"{value:.2e}"
    decimals = 3 - (math.floor(math.log10(abs(value))) if value else 3)
    return f"{value:.{max(0, decimals)}f}"


def shown_length(value_mm: float | None) -> str:
    """Millimetres with one decimal; a dash for None."""
    return NOT_MEASURED if value_mm is None else f"{value_mm:.1f}"


def table_columns(measured: Sequence[SegmentMeasurements]) -> list[Column]:
    """The columns of the table; what was measured of no segment has none.

    The long axis lies in one slice, which is named from 1; the diameter is that of the whole body.
    """
    unit = next((shown_unit(item.unit) for item in measured if item.unit), "")
    in_unit = f" ({unit})" if unit else ""
    columns = [
        Column("Voxels", [str(item.voxels) for item in measured], weight=1.25),
        Column("Volume (ml)", [shown_number(item.volume_ml) for item in measured]),
        Column(f"Mean{in_unit}", [shown_number(item.mean) for item in measured]),
        Column(f"SD{in_unit}", [shown_number(item.sd) for item in measured]),
        Column(f"Minimum{in_unit}", [shown_number(item.minimum) for item in measured]),
        Column(f"Maximum{in_unit}", [shown_number(item.maximum) for item in measured]),
        Column("Long axis in plane (mm)", [shown_length(item.long_axis_mm) for item in measured]),
        Column("in slice", [_shown_slice(item.long_axis_slice) for item in measured], weight=0.7),
        Column("3D diameter (mm)", [shown_length(item.diameter_3d_mm) for item in measured]),
    ]
    return [column for column in columns if any(text != NOT_MEASURED for text in column.texts)]


def _shown_slice(index: int | None) -> str:
    return NOT_MEASURED if index is None else str(index + 1)
