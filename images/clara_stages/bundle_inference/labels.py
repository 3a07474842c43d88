"""The label table of a bundle, and ``labels.json``."""

import colorsys
import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from clara_stages.bundle_inference.bundle import Bundle
from clara_stages.kit import BadInputError

Code = dict[str, str]
"""``{"scheme", "value", "meaning"}``: Coding Scheme Designator, Code Value and Code Meaning (PS3.3 Table 8.8-1)."""

ANATOMICAL_STRUCTURE: Code = {"scheme": "SCT", "value": "123037004", "meaning": "Anatomical Structure"}
ARTIFICIAL_INTELLIGENCE: Code = {"scheme": "DCM", "value": "123110", "meaning": "Artificial Intelligence"}
PRIVATE_SCHEME = "99CLARA"
"""Coding Scheme Designator of codes made from a name; private designators begin with 99 (PS3.16 section 8.2)."""

_SH_CHARACTERS = 16
_LO_CHARACTERS = 64
"""Longest Code Value (VR SH) and Code Meaning (VR LO)."""

_HUE_STEP = 0.618034
"""The golden section spreads the hues of neighbouring values."""

_BACKGROUND = frozenset({"background", "bg", "other", "0"})


@dataclass(frozen=True, kw_only=True)
class Label:
    """One value of the label map. ``value`` runs from 1; 0 is background and has no label."""

    value: int
    name: str
    category: Code
    type: Code
    laterality: Code | None
    anatomic_region: Code | None
    colour_rgb: tuple[int, int, int]


def label_table(bundle: Bundle) -> tuple[list[Label], list[str]]:
    """The labels of a bundle in order of value, and warnings.

    Without ``labels`` in its metadata (a Zoo bundle) names come from ``channel_def`` and codes are private.

    Raises:
        BadInputError: The table is broken, or there is neither a table nor channel names.
    """
    rows = bundle.metadata.get("labels")
    if rows is None:
        return _zoo_table(bundle)
    if not isinstance(rows, list):
        raise BadInputError(f"labels in the metadata of {bundle.name} is no list", remedy="correct metadata.json")
    table = sorted((_parse_label(row, index) for index, row in enumerate(rows)), key=lambda label: label.value)
    for attribute in ("value", "name"):
        seen = [getattr(label, attribute) for label in table]
        twice = next((item for item in seen if seen.count(item) > 1), None)
        if twice is not None:
            raise BadInputError(f"labels: the {attribute} {twice!r} is given twice", remedy="correct metadata.json")
    return table, []


def keep_labels(table: list[Label], names: list[str]) -> list[Label]:
    """The labels a workflow wants; all of them where it names none.

    Raises:
        BadInputError: A name that the table does not hold.
    """
    known = {label.name: label for label in table}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise BadInputError(
            f"the workflow wants the label {unknown[0]!r}, the bundle has {', '.join(known)}",
            remedy="correct params.labels of this stage",
        )
    return [label for label in table if label.name in names] if names else table


def channel_values(bundle: Bundle, channels: int) -> list[int]:
    """The label value of each output channel of a network whose channels are thresholded one by one.

    Where channel 0 is called background, a channel's value is its number, else its number plus one.
    """
    first = str(_channel_names(bundle).get(0, "")).lower()
    offset = 0 if first in _BACKGROUND else 1
    return [channel + offset for channel in range(channels)]


def check_values(bundle: Bundle, table: list[Label], voxels: Mapping[int, int]) -> None:
    """Refuse a map with a value that the table does not know. ``voxels`` maps each value found to its count."""
    known = {label.value for label in table}
    unknown = sorted(value for value, count in voxels.items() if value != 0 and count and value not in known)
    if unknown:
        raise BadInputError(
            f"the label map holds {', '.join(map(str, unknown[:10]))}, the label table of {bundle.name} knows "
            f"{', '.join(map(str, sorted(known))) or 'no value'}",
            remedy="complete labels (or channel_def) in the bundle's metadata.json",
        )


def labels_document(
    bundle: Bundle, table: list[Label], voxels: Mapping[int, int], series: Mapping[str, Any]
) -> dict[str, Any]:
    """``labels.json`` (see the kit's kinds.md) for a map with ``voxels`` voxels of each value.

    ``series`` is the ``series.json`` of the volume that the map was made on.
    """
    present = [label.value for label in table if voxels.get(label.value)]
    metadata = bundle.metadata
    return {
        "algorithm": {
            "name": bundle.name[:_LO_CHARACTERS],
            "version": bundle.version,
            "digest": bundle.digest(),
            "family": _code(metadata.get("algorithm_family", ARTIFICIAL_INTELLIGENCE), "algorithm_family"),
        },
        "intended_use": str(metadata.get("intended_use", "")),
        "series_description": str(metadata.get("series_description", bundle.name))[:_LO_CHARACTERS],
        "content_label": str(metadata.get("content_label", "SEGMENTATION")),
        **_first_image(series),
        "labels": [
            asdict(label)
            | {
                "colour_rgb": list(label.colour_rgb),
                "voxels": voxels.get(label.value, 0),
                "segment_number": present.index(label.value) + 1 if label.value in present else None,
            }
            for label in table
        ],
    }


def _first_image(series: Mapping[str, Any]) -> dict[str, Any]:
    """What tells the volume from another on the same grid; nothing where ``series.json`` names no images."""
    slices = series.get("slices")
    if not slices:
        return {}
    return {"first_image": {"sop_instance_uid": slices[0]["sop_instance_uid"], "frame": slices[0].get("frame")}}


def _parse_label(row: Any, index: int) -> Label:
    where = f"labels[{index}]"
    if not isinstance(row, dict):
        raise BadInputError(f"{where} is no object", remedy="correct metadata.json")
    value, name, colour = row.get("value"), row.get("name"), row.get("colour_rgb")
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 65535:
        raise BadInputError(f"{where}.value is {value!r}, expected an integer of 1 to 65535", remedy="correct it")
    if not isinstance(name, str) or not name.strip():
        raise BadInputError(f"{where}.name is {name!r}, expected a text", remedy="correct metadata.json")
    if colour is not None and not _is_colour(colour):
        raise BadInputError(f"{where}.colour_rgb is {colour!r}, expected three integers 0..255", remedy="correct it")
    laterality, region = row.get("laterality"), row.get("anatomic_region")
    return Label(
        value=value,
        name=name,
        category=_code(row.get("category"), f"{where}.category"),
        type=_code(row.get("type"), f"{where}.type"),
        laterality=None if laterality is None else _code(laterality, f"{where}.laterality"),
        anatomic_region=None if region is None else _code(region, f"{where}.anatomic_region"),
        colour_rgb=_default_colour(value) if colour is None else (colour[0], colour[1], colour[2]),
    )


def _is_colour(colour: Any) -> bool:
    return (
        isinstance(colour, list)
        and len(colour) == 3
        and all(isinstance(part, int) and 0 <= part <= 255 for part in colour)
    )


def _code(value: Any, where: str) -> Code:
    keys = ("scheme", "value", "meaning")
    if not isinstance(value, dict) or not all(isinstance(value.get(key), str) and value[key] for key in keys):
        raise BadInputError(
            f"{where} is {value!r}, expected a code {{scheme, value, meaning}}", remedy="correct metadata.json"
        )
    return {key: value[key] for key in keys}


def _channel_names(bundle: Bundle) -> dict[int, str]:
    names = bundle.output_map.get("channel_def")
    if not isinstance(names, dict):
        return {}
    return {int(key): str(name) for key, name in names.items() if str(key).isdigit()}


def _zoo_table(bundle: Bundle) -> tuple[list[Label], list[str]]:
    names = _channel_names(bundle)
    values = dict(zip(names, channel_values(bundle, len(names)), strict=True))
    rows = [(values[channel], name) for channel, name in sorted(names.items()) if values[channel] > 0]
    if not rows:
        raise BadInputError(
            f"the metadata of {bundle.name} has neither labels nor network_data_format.outputs.pred.channel_def",
            remedy="name what the values of the label map mean in configs/metadata.json",
        )
    table = [
        Label(
            value=value,
            name=name,
            category=ANATOMICAL_STRUCTURE,
            type={"scheme": PRIVATE_SCHEME, "value": _private_value(name), "meaning": name[:_LO_CHARACTERS]},
            laterality=None,
            anatomic_region=None,
            colour_rgb=_default_colour(value),
        )
        for value, name in rows
    ]
    warning = f"the bundle {bundle.name} has no label table: names from channel_def, codes private ({PRIVATE_SCHEME})"
    return table, [warning]


def _private_value(name: str) -> str:
    plain = re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_")
    if plain and len(plain) <= _SH_CHARACTERS:
        return plain
    digest = hashlib.sha256(name.encode()).hexdigest()[:6].upper()
    return f"{plain[: _SH_CHARACTERS - 7]}_{digest}"


def _default_colour(value: int) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(value * _HUE_STEP % 1.0, 0.6, 0.9)
    return round(red * 255), round(green * 255), round(blue * 255)
