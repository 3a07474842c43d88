"""Numbers as DS values."""

from collections.abc import Iterable

from pydicom.valuerep import DSfloat


def decimal_strings(values: Iterable[float]) -> list[DSfloat]:
    """Each number's shortest text, or the nearest number whose text has at most 16 characters (PS3.5 6.2)."""
    return [DSfloat(float(value), auto_format=True) for value in values]
