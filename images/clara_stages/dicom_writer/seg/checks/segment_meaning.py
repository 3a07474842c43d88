"""Whether the segments of a written segmentation mean what the label table says."""

from collections.abc import Iterator, Mapping
from typing import Any

from highdicom.color import CIELabColor
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.gate.finding import Finding
from clara_stages.dicom_writer.header.text import long_string
from clara_stages.dicom_writer.inputs.label_table import Code, Label

_COLOUR_STEPS = 3
"""Largest difference of one component, of 255: CIELab in 16 bits rounds, and colours outside its gamut are clipped."""

Meaning = Mapping[str, Any]


def check_segments(segmentation: Dataset, labels: tuple[Label, ...]) -> Iterator[Finding]:
    """Compare numbers, names, codes, sides, colours and origin of every segment with its label.

    Args:
        segmentation: As it was read from the file.
        labels: Those that must be described.
    """
    items = {int(item.SegmentNumber): item for item in segmentation.SegmentSequence}
    if segmentation.SegmentationType == "LABELMAP":
        items.pop(0, None)  # the background, which a label map describes too (PS3.3 C.8.20.2.3.1)
    expected = {label.segment_number: label for label in labels}
    described = sorted(number for item in segmentation.SegmentSequence if (number := int(item.SegmentNumber)) in items)
    if described != sorted(expected):
        yield _finding(f"segments {described} are described, expected {sorted(expected)}")
    for number in sorted(items.keys() & expected.keys()):
        found, wanted = _written_meaning(items[number]), _meaning(expected[number])
        for name in wanted:
            if found[name] != wanted[name]:
                yield _finding(f"segment {number}: {name} is {found[name]!r}, the label table says {wanted[name]!r}")
        if not _same_colour(items[number], expected[number]):
            yield _finding(f"segment {number}: its colour is not the label table's {expected[number].colour_rgb}")


def _finding(message: str) -> Finding:
    return Finding(name="segment_meaning", output="seg", message=message)


def _meaning(label: Label) -> Meaning:
    return {
        "name": long_string(label.name),
        "category": _code(label.category),
        "type": _code(label.type),
        "anatomic region": _code(label.anatomic_region),
        "laterality": _code(label.laterality),
        "algorithm type": label.algorithm_type or "SEMIAUTOMATIC",
    }


def _code(code: Code | None) -> tuple[str, str] | None:
    return None if code is None else (code.scheme, code.value)


def _written_meaning(item: Dataset) -> Meaning:
    regions = item.get("AnatomicRegionSequence") or []
    types = item.SegmentedPropertyTypeCodeSequence
    sides = [code for region in regions for code in region.get("AnatomicRegionModifierSequence") or []]
    sides += [code for kind in types for code in kind.get("SegmentedPropertyTypeModifierCodeSequence") or []]
    return {
        "name": str(item.SegmentLabel),
        "category": _written_code(item.SegmentedPropertyCategoryCodeSequence),
        "type": _written_code(types),
        "anatomic region": _written_code(regions),
        "laterality": _written_code(sides),
        "algorithm type": str(item.SegmentAlgorithmType),
    }


def _written_code(items: Any) -> tuple[str, str] | None:
    """Scheme and value of the one code in a sequence; None of an empty one, and a name for more than one."""
    if not items:
        return None
    if len(items) > 1:
        return ("", f"{len(items)} codes")
    item = items[0]
    value = item.get("CodeValue") or item.get("LongCodeValue") or item.get("URNCodeValue") or ""
    return str(item.CodingSchemeDesignator), str(value)


def _same_colour(item: Dataset, label: Label) -> bool:
    found = CIELabColor.from_dicom_value(list(item.RecommendedDisplayCIELabValue)).to_rgb(clip=True)
    return all(abs(one - other) <= _COLOUR_STEPS for one, other in zip(found, label.colour_rgb, strict=True))
