"""Single values of a data set as plain types; what is absent, empty or of another type reads as nothing."""

import math
import re
from collections.abc import Iterable, Iterator

from pydicom.dataset import Dataset

_UID = re.compile(r"[0-9.]{1,64}")
"""PS3.5 9.1. Anything else in a UID may be text that a person typed."""


def text(dataset: Dataset, keyword: str) -> str:
    """The value as text, or ""."""
    value = dataset.get(keyword)
    return "" if value is None else str(value).strip().strip("\0")


def uid(dataset: Dataset, keyword: str) -> str:
    """The value where it is a UID, else ""."""
    found = text(dataset, keyword)
    return found if _UID.fullmatch(found) else ""


def integer(dataset: Dataset, keyword: str) -> int | None:
    """The value where it is one integer, else None."""
    value = dataset.get(keyword)
    try:
        return None if value is None or value == "" else int(value)
    except (TypeError, ValueError):
        return None


def numbers(dataset: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """Exactly ``count`` finite numbers, else None."""
    value = dataset.get(keyword)
    if value is None or isinstance(value, str):
        return None
    items = value if hasattr(value, "__len__") else [value]
    try:
        found = tuple(float(item) for item in items)
    except (TypeError, ValueError):
        return None
    return found if len(found) == count and all(map(math.isfinite, found)) else None


def items(dataset: Dataset, keyword: str) -> Iterator[Dataset]:
    """The items of a sequence; none where it is absent or no sequence."""
    value = dataset.get(keyword)
    if value is not None and not isinstance(value, (str, bytes, int, float)):
        yield from (item for item in value if isinstance(item, Dataset))


def once(uids: Iterable[str]) -> tuple[str, ...]:
    """Each UID once, in order, without empty ones."""
    return tuple(dict.fromkeys(found for found in uids if found))
