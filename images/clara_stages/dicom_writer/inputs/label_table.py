"""What each segment means: ``labels.json``, parsed and checked."""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from clara_stages.dicom_writer.header.text import readable
from clara_stages.kit import BadInputError

LABELS_FILE = "labels.json"

T = TypeVar("T")

_CODE_STRING = re.compile(r"[A-Z0-9_ ]{1,16}")
"""PS3.5 6.2."""

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
    """One value of a label map, or one channel of a stack: what may become a segment.

    Attributes:
        value: The voxel value, from 1.
        segment_number: From 1, without a gap over the labels of one map; those without a voxel come last.
        name: Segment Label, for people.
        voxels: How many voxels the writer of the map counted; of probabilities those above 0.
        category: Segmented Property Category.
        type: Segmented Property Type.
        laterality: Left, right or both as a code, or None for an unpaired structure.
        anatomic_region: Where the structure lies, or None where ``type`` says it.
        colour_rgb: Recommended display colour, 0..255 each.
        algorithm_type: AUTOMATIC, SEMIAUTOMATIC, MANUAL, or "" where the source of the segment does not say who drew
            it. A map that states none was made by the algorithm that it names: AUTOMATIC.
        channel: Which channel of a stack or of probabilities holds it, from 0.
        interpreted_type: RT ROI Interpreted Type where the table states one, else "".
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
    channel: int = 0
    interpreted_type: str = ""


@dataclass(frozen=True, kw_only=True)
class LabelTable:
    """The content of ``labels.json``.

    Attributes:
        labels: Those with voxels, in order of segment number, which runs from 1 without a gap.
        first_image: SOP Instance UID and frame number of the first image of the volume that the segments were made on;
            None where the table names none.
        absent: Those without a voxel; their segment numbers go on where those of ``labels`` end.
    """

    algorithm: Algorithm
    intended_use: str
    series_description: str
    content_label: str
    labels: tuple[Label, ...]
    absent: tuple[Label, ...] = ()
    first_image: tuple[str, int | None] | None = None

    def by_number(self, segment_number: int) -> Label:
        """The label of a segment number. Raises KeyError where there is none."""
        for label in (*self.labels, *self.absent):
            if label.segment_number == segment_number:
                return label
        raise KeyError(segment_number)


def load_label_table(folder: Path) -> LabelTable:
    """The label table of a folder of kind ``label_map``, ``segment_stack`` or ``probability_map``.

    Raises:
        BadInputError: The file is missing, no JSON, or a field is missing, of another type or contradicts another.
    """
    path = folder / LABELS_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInputError(
            f"{LABELS_FILE} is missing: it stands beside the voxels and says what they mean",
            remedy="give the folder `labels` of a finished segmentation stage",
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise BadInputError(f"{LABELS_FILE} cannot be read: {error}", remedy=_REMEDY) from None
    return parse_label_table(document)


def parse_label_table(document: Any) -> LabelTable:
    """The label table in a parsed ``labels.json``. Raises BadInputError, naming the field."""
    labels = [_label(item, f"labels[{index}]") for index, item in enumerate(_field(document, "labels", list))]
    present = sorted((label for label in labels if label.voxels), key=lambda label: label.segment_number)
    numbers = [label.segment_number for label in present]
    if numbers != list(range(1, len(numbers) + 1)):
        raise BadInputError(f"{LABELS_FILE}: segment numbers are {numbers}, expected 1..{len(numbers)}", remedy=_REMEDY)
    absent = [label for label in labels if not label.voxels]
    if len(labels) > _LARGEST_SEGMENT_NUMBER:
        raise BadInputError(
            f"{LABELS_FILE}: there are {len(labels)} labels, at most {_LARGEST_SEGMENT_NUMBER} fit an object",
            remedy=_REMEDY,
        )
    values = [label.value for label in labels]
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
        absent=tuple(replace(label, segment_number=len(present) + n) for n, label in enumerate(absent, start=1)),
        first_image=_first_image(document),
    )


def _first_image(document: Any) -> tuple[str, int | None] | None:
    if document.get("first_image") is None:
        return None
    image = _field(document, "first_image", dict)
    frame = image.get("frame")
    return (
        _field(image, "sop_instance_uid", str, "first_image"),
        None if frame is None else _field(image, "frame", int, "first_image"),
    )


def _label(item: Any, where: str) -> Label:
    """The label; one without a voxel (its ``segment_number`` is null) has segment number 0 here."""
    voxels = _field(item, "voxels", int, where)
    number = item.get("segment_number")
    if voxels < 0 or (number is None) != (voxels == 0):
        raise BadInputError(
            f"{LABELS_FILE}: {where} has {voxels} voxels and segment_number {number}; a label with voxels has a "
            "segment_number, one without has none",
            remedy=_REMEDY,
        )
    value = _field(item, "value", int, where)
    number = 0 if number is None else _field(item, "segment_number", int, where)
    if not (1 if voxels else 0) <= number <= _LARGEST_SEGMENT_NUMBER or value < 1:
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
        channel=_channel(item, number, where),
        interpreted_type=_interpreted_type(item.get("interpreted_type"), where),
    )


def _algorithm_type(found: Any, where: str) -> str:
    """Segment Algorithm Type (PS3.3 C.8.20.4): who drew a segment must not be misstated.

    A map that says nothing of it was made by the algorithm that it names; "" says that nobody knows.
    """
    if found is None:
        return _ALGORITHM_TYPES[0]
    if found not in (*_ALGORITHM_TYPES, ""):
        raise BadInputError(
            f"{LABELS_FILE}: {where}.algorithm_type is {found!r}, expected {' or '.join(_ALGORITHM_TYPES)}",
            remedy=_REMEDY,
        )
    return str(found)


def _channel(item: dict[str, Any], number: int, where: str) -> int:
    """Of a stack or of probabilities; by default the segments follow each other."""
    if item.get("channel") is None:
        return max(number - 1, 0)
    channel = _field(item, "channel", int, where)
    if channel < 0:
        raise BadInputError(f"{LABELS_FILE}: {where}.channel is {channel}, expected at least 0", remedy=_REMEDY)
    return channel


def _interpreted_type(found: Any, where: str) -> str:
    """RT ROI Interpreted Type (PS3.3 C.8.8.8.1), a code string; "" where the table states none."""
    if found is None or found == "":
        return ""
    if not isinstance(found, str) or not _CODE_STRING.fullmatch(found):
        raise BadInputError(
            f"{LABELS_FILE}: {where}.interpreted_type is {found!r}, expected a code string such as ORGAN",
            remedy=_REMEDY,
        )
    return found


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
    if isinstance(value, str):
        value = cast("T", readable(value))
        if not value:
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
