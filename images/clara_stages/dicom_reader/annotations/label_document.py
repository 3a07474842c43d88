"""``labels.json`` of an annotation: what each value or channel means, and where it comes from."""

import colorsys
from typing import Any

from clara_stages.dicom_reader.annotations.annotation import SegmentFacts
from clara_stages.dicom_reader.annotations.codes import MANUAL_PROCESSING, UNKNOWN_FAMILY
from clara_stages.dicom_reader.annotations.segments import Segments
from clara_stages.dicom_reader.annotations.target_grid import SourceSlice
from clara_stages.kit.contract.kinds import Kind

_LO_CHARACTERS = 64
"""Longest name (VR LO) that the objects made from a label map may hold."""

_HUE_STEP = 0.618034
"""The golden section spreads the hues of neighbouring values."""

NOT_STATED = "not stated"


def labels_document(segments: Segments, first_image: SourceSlice) -> dict[str, Any]:
    """The content of ``labels.json`` (see the kit's kinds.md); ``first_image`` is that of the volume they lie on.

    Beside what the kind asks for it says where the segments come from (``source``), what was left out and how it was
    read (``left_out``, ``notes``), and for each label the ``source_number`` (Segment or ROI Number), the ``channel`` of
    a stack (from 0, null without a voxel), ``algorithm_type`` and ``interpreted_type``.
    """
    annotation = segments.annotation
    present = [label.value for label in segments.labels if label.voxels]
    is_stack = segments.kind is not Kind.LABEL_MAP
    rows = []
    for label in segments.labels:
        place = present.index(label.value) if label.voxels else None
        facts = label.facts
        rows.append(
            {
                "value": label.value,
                "segment_number": None if place is None else place + 1,
                "channel": place if is_stack else None,
                "name": facts.name[:_LO_CHARACTERS],
                "voxels": label.voxels,
                "category": facts.category,
                "type": facts.type,
                "laterality": facts.laterality,
                "anatomic_region": facts.anatomic_region,
                "colour_rgb": list(facts.colour_rgb or _default_colour(label.value)),
                "source_number": facts.number,
                "algorithm_type": facts.algorithm_type,
                "interpreted_type": facts.interpreted_type,
            }
        )
    return {
        "algorithm": _algorithm([label.facts for label in segments.labels], annotation.modality),
        "intended_use": "a result of another system, taken over as it is",
        "series_description": f"Segments of a {annotation.modality}",
        "content_label": "SEGMENTATION",
        "first_image": {"sop_instance_uid": first_image.sop_instance_uid, "frame": first_image.frame},
        "labels": rows,
        "source": {
            "modality": annotation.modality,
            "kind": annotation.kind.value,
            "sop_instance_uid": annotation.sop_instance_uid,
            "series_instance_uid": annotation.series_instance_uid,
            "study_instance_uid": annotation.study_instance_uid,
        },
        "left_out": [
            {"source_number": item.facts.number, "name": item.facts.name, "reason": item.reason}
            for item in segments.left_out
        ],
        "notes": list(segments.notes),
    }


def _algorithm(facts: list[SegmentFacts], modality: str) -> dict[str, Any]:
    """What made the segments, where all say the same; drawn by hand where all say that."""
    types = {item.algorithm_type for item in facts}
    families = {tuple(sorted(item.algorithm_family.items())) for item in facts if item.algorithm_family}
    family = dict(families.pop()) if len(families) == 1 else UNKNOWN_FAMILY
    if types == {"MANUAL"}:
        return {"name": "drawn by hand", "version": NOT_STATED, "digest": "", "family": MANUAL_PROCESSING}
    return {
        "name": _common([item.algorithm_name for item in facts]) or f"{modality} of another system",
        "version": _common([item.algorithm_version for item in facts]) or NOT_STATED,
        "digest": "",
        "family": family,
    }


def _common(texts: list[str]) -> str:
    return texts[0][:_LO_CHARACTERS] if len(set(texts)) == 1 else ""


def _default_colour(value: int) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(value * _HUE_STEP % 1.0, 0.6, 0.9)
    return round(red * 255), round(green * 255), round(blue * 255)
