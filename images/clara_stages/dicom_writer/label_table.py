"""What each value of a label map means: ``labels.json``, parsed and checked."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from clara_stages.kit import BadInputError

LABELS_FILE = "labels.json"

T = TypeVar("T")

_REMEDY = "correct the label table of the bundle that wrote this label map; kinds.md in the kit shows the format"

_LARGEST_SEGMENT_NUMBER = 65535
"""Segment Number is US (PS3.3 C.8.20.2)."""


_ALGORITHM_TYPES = ("AUTOMATIC", "SEMIAUTOMATIC", "MANUAL")


@dataclass(frozen=True, kw_only=True)
class Code:
    """A coded concept: coding scheme designator, code value and meaning."""

    scheme: str
    value: str
    meaning: str


@dataclass(frozen=True, kw_only=True)
class Algorithm:
    """The model that made the label map; ``digest`` is empty where nobody stated one."""

    name: str
    version: str
    digest: str
    family: Code


@dataclass(frozen=True, kw_only=True)
class Label:
    """One value of the label map that has voxels, and so becomes one segment.

    Attributes:
        value: The voxel value, from 1.
        segment_number: From 1, without a gap over the labels of one map.
        name: Segment Label, for people.
        voxels: How many voxels the writer of the map counted.
        category: Segmented Property Category.
        type: Segmented Property Type.
        laterality: Left, right or both as a code, or None for an unpaired structure.
        anatomic_region: Where the structure lies, or None where ``type`` says it.
        colour_rgb: Recommended display colour, 0..255 each.
        algorithm_type: AUTOMATIC, SEMIAUTOMATIC or MANUAL.
    """

    value: int
    segment_number: int
    name: str
    voxels: int
    category: Code
    type: Code
    laterality: Code | None
    anatomic_region: Code | None
    colour_rgb: tuple[int, int, int]
    algorithm_type: str = "AUTOMATIC"


@dataclass(frozen=True, kw_only=True)
class LabelTable:
    """The content of ``labels.json``; ``labels`` holds those with voxels, in order of segment number."""

    algorithm: Algorithm
    intended_use: str
    series_description: str
    content_label: str
    labels: tuple[Label, ...]


def load_label_table(folder: Path) -> LabelTable:
    """The label table of a folder of kind ``label_map``.

    Raises:
        BadInputError: The file is missing, no JSON, or a field is missing, of another type or contradicts another.
    """
    path = folder / LABELS_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInputError(
            f"{LABELS_FILE} is missing: a label map needs it beside labels.nii to say what its values mean",
            remedy="give the folder `labels` of a finished segmentation stage as the input labels",
        ) from None
    except (OSError, ValueError) as error:
        raise BadInputError(f"{LABELS_FILE} cannot be read: {error}", remedy=_REMEDY) from None
    return parse_label_table(document)


def parse_label_table(document: Any) -> LabelTable:
    """The label table in a parsed ``labels.json``. Raises BadInputError, naming the field."""
    labels = [_label(item, f"labels[{index}]") for index, item in enumerate(_field(document, "labels", list))]
    present = sorted((label for label in labels if label is not None), key=lambda label: label.segment_number)
    numbers = [label.segment_number for label in present]
    if numbers != list(range(1, len(numbers) + 1)):
        raise BadInputError(f"{LABELS_FILE}: segment numbers are {numbers}, expected 1..{len(numbers)}", remedy=_REMEDY)
    values = [label.value for label in present]
    if len(set(values)) != len(values):
        raise BadInputError(f"{LABELS_FILE}: two labels have the same value ({sorted(values)})", remedy=_REMEDY)
    algorithm = _field(document, "algorithm", dict)
    return LabelTable(
        algorithm=Algorithm(
            name=_field(algorithm, "name", str, "algorithm"),
            version=_field(algorithm, "version", str, "algorithm"),
            digest=algorithm.get("digest") or "",
            family=_code(_field(algorithm, "family", dict, "algorithm"), "algorithm.family"),
        ),
        intended_use=_field(document, "intended_use", str) if document.get("intended_use") != "" else "",
        series_description=_field(document, "series_description", str),
        content_label=_field(document, "content_label", str),
        labels=tuple(present),
    )


def _label(item: Any, where: str) -> Label | None:
    """The label, or None for one without a voxel (its ``segment_number`` is null)."""
    voxels = _field(item, "voxels", int, where)
    number = item.get("segment_number")
    if number is None and voxels == 0:
        return None
    if number is None or voxels < 1:
        raise BadInputError(
            f"{LABELS_FILE}: {where} has {voxels} voxels and segment_number {number}; a label with voxels has a "
            "segment_number, one without has none",
            remedy=_REMEDY,
        )
    value = _field(item, "value", int, where)
    number = _field(item, "segment_number", int, where)
    if not 1 <= number <= _LARGEST_SEGMENT_NUMBER or value < 1:
        raise BadInputError(
            f"{LABELS_FILE}: {where} has value {value} and segment_number {number}; both start at 1", remedy=_REMEDY
        )
    return Label(
        value=value,
        segment_number=number,
        name=_field(item, "name", str, where),
        voxels=voxels,
        category=_code(_field(item, "category", dict, where), f"{where}.category"),
        type=_code(_field(item, "type", dict, where), f"{where}.type"),
        laterality=_optional_code(item, "laterality", where),
        anatomic_region=_optional_code(item, "anatomic_region", where),
        colour_rgb=_colour(_field(item, "colour_rgb", list, where), where),
        algorithm_type=_algorithm_type(item.get("algorithm_type"), where),
    )


def _algorithm_type(found: Any, where: str) -> str:
    """Segment Algorithm Type (PS3.3 C.8.20.4): who drew a segment must not be misstated.

    A map that states none, or "", was made by the algorithm that it names.
    """
    if found is None or found == "":
        return _ALGORITHM_TYPES[0]
    if found not in _ALGORITHM_TYPES:
        raise BadInputError(
            f"{LABELS_FILE}: {where}.algorithm_type is {found!r}, expected {' or '.join(_ALGORITHM_TYPES)}",
            remedy=_REMEDY,
        )
    return str(found)


def _field(document: Any, name: str, kind: type[T], where: str = "") -> T:
    path = f"{where}.{name}" if where else name
    if not isinstance(document, dict):
        raise BadInputError(
            f"{LABELS_FILE}: {where or 'the document'} is {type(document).__name__}, expected an object", remedy=_REMEDY
        )
    if name not in document:
        raise BadInputError(f"{LABELS_FILE}: {path} is missing", remedy=_REMEDY)
    value = document[name]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise BadInputError(
            f"{LABELS_FILE}: {path} is {type(value).__name__}, expected {kind.__name__}", remedy=_REMEDY
        )
    if isinstance(value, str) and not value.strip():
        raise BadInputError(f"{LABELS_FILE}: {path} is empty, expected a text", remedy=_REMEDY)
    return value


def _code(document: dict[str, Any], where: str) -> Code:
    return Code(
        scheme=_field(document, "scheme", str, where),
        value=_field(document, "value", str, where),
        meaning=_field(document, "meaning", str, where),
    )


def _optional_code(item: dict[str, Any], name: str, where: str) -> Code | None:
    return None if item.get(name) is None else _code(_field(item, name, dict, where), f"{where}.{name}")


def _colour(values: list[Any], where: str) -> tuple[int, int, int]:
    if len(values) != 3 or not all(type(value) is int and 0 <= value <= 255 for value in values):
        raise BadInputError(
            f"{LABELS_FILE}: {where}.colour_rgb is {values}, expected three integers 0..255", remedy=_REMEDY
        )
    return values[0], values[1], values[2]
