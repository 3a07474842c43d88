"""Voxel values as shades of grey."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_writer.inputs.planes import ImageHeader
from clara_stages.dicom_writer.inputs.source_stack import SourceSlice
from clara_stages.dicom_writer.inputs.volume import Volume

Grey = npt.NDArray[np.uint8]

_PERCENTILES = (1.0, 99.0)
"""Black and white where nobody states a window: padding and metal do not flatten the rest."""

_SAMPLES = 1 << 20
"""Voxels that the percentiles are taken of: more do not change them visibly."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """How values become grey.

    Attributes:
        centre: In the unit of the volume.
        width: In the unit of the volume, above 0.
        function: VOI LUT Function: LINEAR, LINEAR_EXACT or SIGMOID (PS3.3 C.11.2.1.2, C.11.2.1.3).
        inverted: Whether high values are dark (MONOCHROME1).
    """

    centre: float
    width: float
    function: str = "LINEAR_EXACT"
    inverted: bool = False

    def grey(self, values: npt.NDArray[Any]) -> Grey:
        """Shades 0..255 of values of any shape; what is no number is black."""
        numbers = np.asarray(values, dtype=np.float32)
        if self.function == "SIGMOID":
            with np.errstate(over="ignore"):
                shade = 1.0 / (1.0 + np.exp(-4.0 * (numbers - self.centre) / self.width))
        elif self.function == "LINEAR":
            shade = (numbers - (self.centre - 0.5)) / max(self.width - 1.0, 1e-6) + 0.5
        else:
            shade = (numbers - self.centre) / self.width + 0.5
        shade = np.clip(np.nan_to_num(shade, nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0)
        grey: Grey = np.rint((1.0 - shade if self.inverted else shade) * 255.0).astype(np.uint8)
        return grey


def window_chooser(chosen: list[float] | None, volume: Volume) -> Callable[[SourceSlice], Window]:
    """Which window a slice is shown with: the chosen one, else its own, else percentiles of the volume.

    Args:
        chosen: Centre and width, in the unit of the volume; None leaves it to the source.
        volume: What is shown. The windows of PET images are not used: they are in the unit of the stored values, which
            the reader may have converted.
    """
    if chosen is not None:
        centre, width = chosen
        return lambda item: Window(centre=centre, width=width, inverted=_is_inverted(item))
    is_stored_unit = volume.document.modality != "PT"
    percentiles = cache(lambda: _percentiles(volume.values))

    def choose(item: SourceSlice) -> Window:
        stated = stated_window(item) if is_stored_unit else None
        if stated is not None:
            return stated
        low, high = percentiles()
        return Window(centre=(low + high) / 2, width=max(high - low, 1e-6), inverted=_is_inverted(item))

    return choose


def stated_window(item: SourceSlice) -> Window | None:
    """The first window that the header of a slice or frame states, None where it states none that can be used."""
    for header in ImageHeader(item.instance, item.frame).layers:
        try:
            centre, width = _first(header.get("WindowCenter")), _first(header.get("WindowWidth"))
        except (TypeError, ValueError, IndexError):
            continue
        function = str(header.get("VOILUTFunction") or "LINEAR")
        smallest = 1.0 if function == "LINEAR" else 0.0
        if not (math.isfinite(centre) and math.isfinite(width) and width > 0 and width >= smallest):
            continue
        known = function if function in ("LINEAR", "LINEAR_EXACT", "SIGMOID") else "LINEAR"
        return Window(centre=centre, width=width, function=known, inverted=_is_inverted(item))
    return None


def _first(value: Any) -> float:
    """The first of one or several values. Raises TypeError or ValueError where there is none."""
    return float(value[0] if hasattr(value, "__getitem__") and not isinstance(value, str) else value)


def _is_inverted(item: SourceSlice) -> bool:
    return str(item.instance.get("PhotometricInterpretation") or "") == "MONOCHROME1"


def _percentiles(values: npt.NDArray[Any]) -> tuple[float, float]:
    """Of a part of the finite values, spread evenly over the volume."""
    step = max(1, round((values.size / _SAMPLES) ** (1 / 3)))
    sample = np.asarray(values[::step, ::step, ::step], dtype=np.float64)
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return 0.0, 1.0
    low, high = np.percentile(sample, _PERCENTILES)
    return float(low), float(high)
