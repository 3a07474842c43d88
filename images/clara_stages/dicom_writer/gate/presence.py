"""Whether the attributes that the module tables want are there, and have values where they must."""

from collections.abc import Iterator

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.gate.fault import Fault, name_of
from clara_stages.dicom_writer.gate.module_tables import Node, Tables
from clara_stages.dicom_writer.gate.written_file import Element, elements, items, raw, vr_of

_TEXT = frozenset(
    ["AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"]
)
"""Padding alone is no value of these."""


def presence_faults(dataset: Dataset, tables: Tables) -> Iterator[Fault]:
    """Missing Type 1 and 2, empty Type 1 and 1C, at every depth (PS3.5 7.4)."""
    yield from _faults(dataset, tables.root, ())
    present = {int(tag) for tag in dataset.keys()}  # noqa: SIM118 - a data set iterates over decoded elements
    for module in tables.optional:
        if module.marks & present:
            yield from _faults(dataset, module.root, ())


def is_empty(element: Element | None) -> bool:
    """Whether an element is absent, has no value, or nothing but padding."""
    if element is None:
        return True
    if isinstance(element, DataElement):
        return element.is_empty or (element.VR in _TEXT and not str(element.value).strip(" \0"))
    if element.length == 0:
        return True
    value = element.value
    return isinstance(value, bytes) and vr_of(element) in _TEXT and not value.strip(b" \0")


def _faults(dataset: Dataset, node: Node, path: tuple[str, ...]) -> Iterator[Fault]:
    for tag, child in node.required():
        if tag not in dataset:
            keyword = name_of(tag)
            yield Fault(
                name=f"missing_type_{child.type}", path=(*path, keyword), detail=f"is missing, Type {child.type}"
            )
    for element in elements(dataset):
        rule = node.children.get(int(element.tag))
        if rule is None:
            continue
        if rule.children and (nested := items(dataset, element.tag)):
            inner = (*path, name_of(int(element.tag)))
            for item in nested:
                yield from _faults(item, rule, inner)
        elif rule.type in ("1", "1C") and is_empty(raw(dataset, element.tag)):
            yield Fault(
                name=f"empty_type_{rule.type.lower()}",
                path=(*path, name_of(int(element.tag))),
                detail=f"is empty, Type {rule.type} must have a value where it is present",
            )
