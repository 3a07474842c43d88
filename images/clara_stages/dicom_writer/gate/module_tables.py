"""Which attributes the Standard wants in an object: the module tables of PS3.3 as highdicom ships them.

They are made by machine from an edition of the Standard; nothing is added here but what tables cannot say, and each
such line gives its clause.
"""

import json
import pkgutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.uid import SegmentationStorage

from clara_stages.dicom_writer.sop_classes import LABEL_MAP_SEGMENTATION_STORAGE

_SAME_MODULES: dict[str, str] = {LABEL_MAP_SEGMENTATION_STORAGE: SegmentationStorage}
"""SOP classes that the tables do not have -> another one of the same IOD."""

_PIXELS = {"PixelData", "FloatPixelData", "DoubleFloatPixelData"}

_STRENGTH = {"3": 0, "2C": 1, "1C": 2, "2": 3, "1": 4}
"""Where two modules of an IOD have the same attribute, both must be obeyed."""

_CHOICE = "1C"
"""Type of an attribute that is wanted only in some cases: present, it must have a value."""

_FUNCTIONAL_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")

_SR_CONTENT = "sr-document-content"


@dataclass
class Node:
    """One attribute of an IOD, or the root of a data set.

    Attributes:
        type: ``1``, ``1C``, ``2``, ``2C`` or ``3``.
        children: Of a sequence: the attributes of its items by tag.
    """

    type: str = "3"
    children: dict[int, "Node"] = field(default_factory=dict)

    def required(self) -> list[tuple[int, "Node"]]:
        """The children of Type 1 and 2."""
        if self._required is None:
            self._required = [(tag, child) for tag, child in self.children.items() if child.type in ("1", "2")]
        return self._required

    _required: list[tuple[int, "Node"]] | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class OptionalModule:
    """A module of usage U or C: its rules hold once one of the attributes that only it has is there."""

    marks: frozenset[int]
    root: Node


@dataclass(frozen=True, kw_only=True)
class Tables:
    """The rules of one SOP class.

    Attributes:
        root: Those of the mandatory modules.
        optional: Those of the others.
    """

    root: Node
    optional: tuple[OptionalModule, ...]


@cache
def tables_for(sop_class_uid: str) -> Tables | None:
    """The rules of a SOP class, or None where the tables do not have it."""
    iod = _load("sop_class_iod_map.json").get(_SAME_MODULES.get(sop_class_uid, sop_class_uid))
    modules = _load("iod_module_map.json").get(iod)
    if modules is None:
        return None
    attributes = _attributes([module["key"] for module in modules])
    owners: dict[str, int] = {}
    for rows in attributes.values():
        for keyword in {row["keyword"] for row in rows if not row["path"]}:
            owners[keyword] = owners.get(keyword, 0) + 1
    root, optional = Node(), []
    for module in modules:
        rows = attributes[module["key"]]
        if module["usage"] == "M":
            _add(root, rows)
            continue
        own = Node()
        _add(own, rows)
        marks = {row["keyword"] for row in rows if not row["path"] and owners[row["keyword"]] == 1} - _PIXELS
        _free_functional_groups(own)
        optional.append(OptionalModule(marks=frozenset(map(_tag, marks)), root=own))
    _free_functional_groups(root)
    if _SR_CONTENT in attributes:
        _free_content_items(root)
    return Tables(root=root, optional=tuple(optional))


def top_level_keywords(modules: Iterable[str]) -> frozenset[str]:
    """The keywords of the attributes that some modules have outside sequences."""
    return frozenset(row["keyword"] for rows in _attributes(list(modules)).values() for row in rows if not row["path"])


def _add(root: Node, rows: Iterable[dict[str, Any]]) -> None:
    for row in rows:
        node = root
        for keyword in row["path"]:
            node = node.children.setdefault(_tag(keyword), Node())
        child = node.children.setdefault(_tag(row["keyword"]), Node())
        if _STRENGTH.get(row["type"], 0) > _STRENGTH[child.type]:
            child.type = row["type"]


def _free_functional_groups(root: Node) -> None:
    """A functional group stands in the shared or the per-frame groups (PS3.3 C.7.6.16), the tables want it in both."""
    for keyword in _FUNCTIONAL_GROUPS:
        for group in root.children.get(_tag(keyword), Node()).children.values():
            group.type = _CHOICE if group.type == "1" else "3"


def _free_content_items(root: Node) -> None:
    """Which attributes a content item has depends on its value type (PS3.3 C.17.3), which ``sr_content.py`` knows.

    Its children are content items again, to any depth, which the tables cannot say.
    """
    content = Node()
    _add(content, _attributes([_SR_CONTENT])[_SR_CONTENT])
    content.children[_tag("ContentSequence")] = Node(type=_CHOICE, children=content.children)
    for tag, child in content.children.items():
        child.type = {"1": _CHOICE, "2": "2C"}.get(child.type, child.type)
        root.children[tag] = child


def _tag(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    return int(tag) if tag is not None else 0


@cache
def _load(name: str) -> Any:
    return json.loads(_text(name))


def _text(name: str) -> str:
    data = pkgutil.get_data("highdicom", f"_standard/{name}")
    if data is None:
        raise FileNotFoundError(f"highdicom ships no {name}: the module tables are missing")
    return data.decode("utf-8")


_parsed: dict[str, list[dict[str, Any]]] = {}


def _attributes(modules: list[str]) -> dict[str, list[dict[str, Any]]]:
    """The attributes of some modules. The file has 22 MB, of which an IOD needs a twentieth: the rest is not parsed."""
    missing = [module for module in modules if module not in _parsed]
    if missing:
        text, decoder = _text("module_attribute_map.json"), json.JSONDecoder()
        for module in missing:
            opening = f'"{module}": '
            start = text.find(opening + "[")
            if start < 0:
                raise KeyError(f"the module tables of highdicom have no module {module}")
            _parsed[module] = decoder.raw_decode(text, start + len(opening))[0]
    return {module: _parsed[module] for module in modules}
