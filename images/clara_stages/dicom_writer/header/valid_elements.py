"""Elements of a source that obey the Standard, copied so that the source is never changed through a result."""

import copy

from pydicom import config
from pydicom.datadict import dictionary_VM
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.valuerep import validate_value

_ENUMERATED = {"PatientSex": {"M", "F", "O"}, "PatientIdentityRemoved": {"YES", "NO"}}
"""Enumerated Values (PS3.3 C.7.1.1)."""


def decoded_element(source: Dataset, keyword: str) -> DataElement | None:
    """A copy of an element with decoded values, or None where there is none or its bytes cannot be decoded.

    Items of a sequence lose their own Specific Character Set: their texts are decoded, and written in the result's.
    """
    try:
        element = source[keyword]
        return _copy(element)
    except Exception:  # whatever pydicom raises for these bytes, the attribute is unusable
        return None


def valid_element(source: Dataset, keyword: str) -> DataElement | None:
    """A copy of an element that is there, not empty and valid; else None."""
    element = decoded_element(source, keyword) if keyword in source else None
    return element if element is not None and not element.is_empty and is_valid(element) else None


def is_valid(element: DataElement) -> bool:
    """Whether every value obeys its VR, multiplicity and Enumerated Values; an empty element does."""
    if element.is_empty:
        return True
    if element.VR == "SQ":
        return all(is_valid(inner) for item in element.value for inner in item if inner.VR != "UN")
    keyword = element.keyword
    values = element.value if element.VM > 1 else [element.value]
    if element.VM > 1 and keyword and dictionary_VM(keyword) == "1":
        return False
    if keyword in _ENUMERATED and element.value not in _ENUMERATED[keyword]:
        return False
    if element.VR in ("DS", "IS"):  # converted to numbers: the conversion was the check
        return True
    try:
        for value in values:
            validate_value(element.VR, value, config.RAISE)
    except ValueError:
        return False
    return True


def _copy(element: DataElement) -> DataElement:
    if element.VR != "SQ":
        return copy.copy(element)
    return DataElement(element.tag, "SQ", [_copy_item(item) for item in element.value or ()])


def _copy_item(item: Dataset) -> Dataset:
    copied = Dataset()
    for element in item:
        if element.keyword != "SpecificCharacterSet":
            copied.add(_copy(element))
    return copied
