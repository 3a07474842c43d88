"""Whether the content items of a document have what their value types want (PS3.3 C.17.3)."""

import math
from collections.abc import Iterator

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.gate.fault import Fault
from clara_stages.dicom_writer.gate.presence import is_empty
from clara_stages.dicom_writer.gate.written_file import Element, items, raw

_WANTED = {
    "CONTAINER": ("ContinuityOfContent",),
    "TEXT": ("ConceptNameCodeSequence", "TextValue"),
    "CODE": ("ConceptNameCodeSequence", "ConceptCodeSequence"),
    "NUM": ("ConceptNameCodeSequence", "MeasuredValueSequence"),
    "DATETIME": ("ConceptNameCodeSequence", "DateTime"),
    "DATE": ("ConceptNameCodeSequence", "Date"),
    "TIME": ("ConceptNameCodeSequence", "Time"),
    "UIDREF": ("ConceptNameCodeSequence", "UID"),
    "PNAME": ("ConceptNameCodeSequence", "PersonName"),
    "IMAGE": ("ReferencedSOPSequence",),
    "COMPOSITE": ("ReferencedSOPSequence",),
    "WAVEFORM": ("ReferencedSOPSequence",),
    "SCOORD": ("GraphicType", "GraphicData"),
    "SCOORD3D": ("GraphicType", "GraphicData", "ReferencedFrameOfReferenceUID"),
    "TCOORD": ("TemporalRangeType",),
}
"""Value type -> what an item of it must have. A number may have no value (Type 2) if it says why."""

_SINGLE = ("ConceptNameCodeSequence", "ConceptCodeSequence", "MeasuredValueSequence", "ReferencedSOPSequence")
"""Sequences that only ever have one item (PS3.3 C.17.3, C.18.1, C.18.3); of several each program takes another."""

_TEXT_OF_A_NUMBER = 1e-9
"""Largest relative difference of a number and its text of 16 characters: sign, exponent and point may take seven."""

_RELATIONS = frozenset(
    {
        *("CONTAINS", "HAS PROPERTIES", "HAS CONCEPT MOD", "HAS OBS CONTEXT", "HAS ACQ CONTEXT"),
        *("INFERRED FROM", "SELECTED FROM"),
    }
)
"""Enumerated Values of Relationship Type (PS3.3 table C.17-6)."""

_CONTENT = "ContentSequence"


def content_faults(dataset: Dataset) -> Iterator[Fault]:
    """Faults of the content tree of a document; none where there is no tree."""
    if "ValueType" not in dataset:
        return
    if dataset.get("ValueType") != "CONTAINER" or is_empty(_element(dataset, "ConceptNameCodeSequence")):
        yield Fault(name="sr_content", path=("ValueType",), detail="the root is no container with a title")
    yield from _item_faults(dataset, ())


def _item_faults(item: Dataset, path: tuple[str, ...]) -> Iterator[Fault]:
    value_type = str(item.get("ValueType") or "")
    if "ReferencedContentItemIdentifier" in item:  # by reference: the item it points to has the value (C.17.3.2.5)
        return
    if value_type not in _WANTED:
        yield Fault(name="sr_content", path=(*path, "ValueType"), detail="is no value type of PS3.3 C.17.3")
        return
    for keyword in _WANTED[value_type]:
        element = _element(item, keyword)
        may_be_empty = keyword == "MeasuredValueSequence" and not is_empty(
            _element(item, "NumericValueQualifierCodeSequence")
        )
        if element is None or (is_empty(element) and not may_be_empty):
            detail = f"is missing or empty in an item of value type {value_type}"
            yield Fault(name="sr_content", path=(*path, keyword), detail=detail)
    for keyword in _SINGLE:
        if len(items(item, keyword)) > 1:
            yield Fault(name="sr_content", path=(*path, keyword), detail="has several items, one is permitted")
    for measured in items(item, "MeasuredValueSequence"):
        yield from _number_faults(measured, (*path, "MeasuredValueSequence"))
    for child in items(item, _CONTENT):
        if child.get("RelationshipType") not in _RELATIONS:
            detail = "is no relationship of PS3.3 table C.17-6"
            yield Fault(name="sr_content", path=(*path, _CONTENT, "RelationshipType"), detail=detail)
        yield from _item_faults(child, (*path, _CONTENT))


def _number_faults(measured: Dataset, path: tuple[str, ...]) -> Iterator[Fault]:
    """One unit; and a number that is stated twice, as text and in binary, is one number (PS3.3 table C.18.1-1)."""
    if len(items(measured, "MeasurementUnitsCodeSequence")) > 1:
        detail = "has several items, one is permitted"
        yield Fault(name="sr_content", path=(*path, "MeasurementUnitsCodeSequence"), detail=detail)
    text, binary = measured.get("NumericValue"), measured.get("FloatingPointValue")
    if text is not None and binary is not None and not math.isclose(text, binary, rel_tol=_TEXT_OF_A_NUMBER):
        detail = "is another number than Numeric Value"
        yield Fault(name="sr_content", path=(*path, "FloatingPointValue"), detail=detail)


def _element(item: Dataset, keyword: str) -> Element | None:
    return raw(item, tag_for_keyword(keyword) or 0)
