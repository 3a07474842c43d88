"""The points of a contour, read from the bytes of Contour Data (3006,0050)."""

from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

_CONTOUR_DATA = 0x30060050


class ContourError(ValueError):
    """The points of a contour cannot be used; the text says why."""


def count_values(contour: Dataset) -> int:
    """How many numbers the contour holds, without converting them."""
    value = _value(contour)
    if isinstance(value, bytes):
        return value.count(b"\\") + 1 if value.strip(b" \0") else 0
    return len(value)


def contour_points(contour: Dataset) -> npt.NDArray[np.float64]:
    """All points, LPS mm, shape ``(n, 3)``.

    Raises:
        ContourError: Not three numbers for each point, or no finite numbers.
    """
    value = _value(contour)
    parts = _split(value) if isinstance(value, bytes) else list(value)
    if len(parts) % 3:
        raise ContourError(f"a contour has {len(parts)} numbers, which is no multiple of three")
    return _numbers(parts).reshape(-1, 3)


def sample_points(contour: Dataset) -> npt.NDArray[np.float64]:
    """First, second and last point, LPS mm, shape ``(3, 3)``; NaN where the contour cannot be used."""
    value = _value(contour)
    count = count_values(contour)
    if count == 0 or count % 3:
        return np.full((3, 3), np.nan)
    if isinstance(value, bytes):
        parts = [*_split(value, 6)[:6], *value.rstrip(b" \0").rsplit(b"\\", 3)[-3:]]
    else:
        parts = [*value[:6], *value[-3:]]
    try:
        points = _numbers(parts).reshape(-1, 3)
    except ContourError:
        return np.full((3, 3), np.nan)
    return points[[0, min(1, len(points) - 1), -1]]


def _value(contour: Dataset) -> Any:
    """The value as it was read: bytes until somebody asks pydicom for numbers, which is slow for a million points."""
    element = contour.get_item(_CONTOUR_DATA)
    if element is None or element.value is None:
        return b""
    return element.value if hasattr(element.value, "__len__") else [element.value]


def _split(value: bytes, most: int = -1) -> list[bytes]:
    stripped = value.rstrip(b" \0")
    return stripped.split(b"\\", most) if stripped else []


def _numbers(parts: list[Any]) -> npt.NDArray[np.float64]:
    try:
        points = np.array(parts).astype(np.float64) if parts else np.zeros(0)
    except (TypeError, ValueError):
        raise ContourError("a contour holds something that is no number") from None
    if not np.isfinite(points).all():
        raise ContourError("a contour holds a number that is not finite")
    return points
