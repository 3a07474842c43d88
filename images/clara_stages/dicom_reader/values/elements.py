"""One element of a data set as a plain value, or nothing where it is absent, broken or of another type."""

import math
from collections.abc import Iterator
from typing import Any

from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

from clara_stages.dicom_reader.values.private_blocks import PRIVATE_BLOCKS


def element_value(dataset: Dataset, key: str | BaseTag) -> Any:
    """The value as pydicom makes it; None where the element is absent or cannot be converted."""
    try:
        element = dataset.get(Tag(key))
    except Exception:  # pydicom converts here, and each kind of broken value has its own exception
        return None
    return None if element is None else element.value


def element_items(dataset: Dataset, keyword: str) -> Iterator[Dataset]:
    """The items of a sequence; none where it is no sequence."""
    found = element_value(dataset, keyword)
    if hasattr(found, "__iter__"):
        yield from (item for item in found if isinstance(item, Dataset))


def element_text(dataset: Dataset, key: str | BaseTag) -> str:
    """The value as text without padding, or ""."""
    return as_text(element_value(dataset, key))


def element_number(dataset: Dataset, key: str | BaseTag) -> float | None:
    """The value as one finite number, or None."""
    return as_number(element_value(dataset, key))


def private_value(dataset: Dataset, group: int, creator: str, element: int) -> Any:
    """The value of a private element in the block that its creator reserved (PS3.5 7.8.1), or None."""
    for block in PRIVATE_BLOCKS:
        tag = Tag(group, block << 8 | element)
        if tag in dataset and element_text(dataset, Tag(group, block)) == creator:
            return element_value(dataset, tag)
    return None


def as_text(value: object) -> str:
    """A value as text without padding; of VR UN it comes as bytes."""
    if isinstance(value, bytes):
        value = value.decode("ascii", errors="replace")
    return "" if value is None else str(value).strip(" \0\t\r\n")


def as_number(value: object) -> float | None:
    """A value as one finite number, or None."""
    try:
        number = float(value) if isinstance(value, (int, float)) else float(as_text(value))
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
