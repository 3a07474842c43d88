"""What a header says of one image of it: a classic instance, or one frame of a multi-frame one."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

Floats = npt.NDArray[np.float64]

UNIT_TOLERANCE = 0.01
"""How far a direction's length may be from 1, and two directions from a right angle: dicom_reader accepts a tenth of
it. What lies beyond is no orientation."""

SHARED, PER_FRAME = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"

_VALUES = {"PixelSpacing": 2, "ImageOrientationPatient": 6, "ImagePositionPatient": 3}
"""Image Plane attributes (PS3.3 C.7.6.2) -> number of values."""


class ImageHeader:
    """Attributes of one image, wherever its instance holds them.

    A frame's functional groups come before the shared ones, these before the detector of a nuclear medicine frame, and
    that before the top level: some scanners keep the plane of an Enhanced object there (PS3.3 C.7.6.16).

    Args:
        instance: Without its pixels.
        frame: From 1; None of a single-frame instance.

    Attributes:
        layers: The data sets that its attributes stand in, the first one first.
    """

    def __init__(self, instance: Dataset, frame: int | None) -> None:
        self.instance = instance
        self.frame = frame
        self.layers = [instance] if frame is None else [*_groups(instance, frame), instance]

    def layer_with(self, keyword: str) -> Dataset | None:
        """The data set that the value comes from: the first one that has the attribute, with or without a value."""
        return next((layer for layer in self.layers if keyword in layer), None)

    def get(self, keyword: str, default: Any = None) -> Any:
        """The value of the first layer that has one; the default also where its bytes cannot be decoded."""
        for layer in self.layers:
            if keyword in layer:
                try:
                    value = layer.get(keyword)
                except Exception:  # whatever pydicom raises for these bytes, the attribute is unusable
                    return default
                if value is not None and value != "":
                    return value
        return default

    def numbers(self, keyword: str, count: int) -> Floats | None:
        """``count`` finite numbers, or None."""
        try:
            values = np.atleast_1d(np.array(self.get(keyword), dtype=np.float64))
        except (ValueError, TypeError):
            return None
        return values if values.shape == (count,) and np.isfinite(values).all() else None


@dataclass(frozen=True, kw_only=True)
class Plane:
    """Where an image lies; None stands for what its header does not say, or says in a way that cannot be used.

    Attributes:
        position_lps_mm: Image Position (Patient), shape ``(3,)``.
        orientation_lps: Unit vectors of row and column, one after the other, shape ``(6,)``.
        spacing_mm: Pixel Spacing: between rows, then between columns, shape ``(2,)``.
    """

    position_lps_mm: Floats | None
    orientation_lps: Floats | None
    spacing_mm: Floats | None

    @property
    def missing(self) -> tuple[str, int] | None:
        """The first attribute that is missing and how many values it has; None where the place is known."""
        found = (self.spacing_mm, self.orientation_lps, self.position_lps_mm)
        for (keyword, count), value in zip(_VALUES.items(), found, strict=True):
            if value is None:
                return keyword, count
        return None


def read_plane(header: ImageHeader) -> Plane:
    """The plane of an image."""
    spacing, orientation, position = (header.numbers(keyword, count) for keyword, count in _VALUES.items())
    return Plane(
        position_lps_mm=position,
        orientation_lps=None if orientation is None else _unit_vectors(orientation),
        spacing_mm=spacing if spacing is not None and (spacing > 0).all() else None,
    )


def _unit_vectors(orientation: Floats) -> Floats | None:
    axes = orientation.reshape(2, 3)
    lengths = np.linalg.norm(axes, axis=1)
    if np.abs(lengths - 1).max() > UNIT_TOLERANCE or abs(axes[0] @ axes[1]) > UNIT_TOLERANCE:
        return None
    units: Floats = (axes / lengths[:, None]).ravel()
    return units


def _groups(instance: Dataset, frame: int) -> Iterator[Dataset]:
    """The functional group macros of a frame, its own before the shared ones, and its detector."""
    items = _items(instance, PER_FRAME)
    for group in (*items[frame - 1 : frame], *_items(instance, SHARED)[:1]):
        yield from _macros(group)
    detectors = _items(instance, "DetectorInformationSequence")
    if detectors:
        numbers = np.atleast_1d(instance.get("DetectorVector") or 1)
        number = int(numbers[frame - 1]) if frame <= len(numbers) else 1
        yield from detectors[number - 1 : number]


def _macros(group: Dataset) -> Iterator[Dataset]:
    for element in group:
        if element.VR == "SQ" and not element.tag.is_private and element.value:
            yield element.value[0]


def _items(instance: Dataset, keyword: str) -> list[Dataset]:
    found: Iterable[Dataset] = instance.get(keyword) or ()
    return list(found)
