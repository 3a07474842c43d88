"""The facts about a study that rules may use. Every key is always present and never null.

A missing text is ``""``, a missing number ``0`` or ``0.0``, a missing list ``[]``.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

SERIES_KEYWORDS = (
    "SeriesInstanceUID", "Modality", "SeriesDescription", "ProtocolName", "SeriesNumber", "BodyPartExamined",
    "Manufacturer", "ManufacturerModelName", "ImageType", "SOPClassUID", "SOPInstanceUID", "Rows", "Columns",
    "SliceThickness", "PixelSpacing", "NumberOfFrames", "QualityControlSubject", "ContrastBolusAgent",
    "ConvolutionKernel", "Laterality", "FrameOfReferenceUID",
)  # fmt: skip
"""DICOM keywords read of each instance to make the series facts."""

STUDY_KEYWORDS = ("StudyInstanceUID", "StudyDescription", "StudyDate")
"""DICOM keywords read to make the study facts."""

SAMPLE_SERIES: dict[str, Any] = {
    "series_instance_uid": "1.2.3.1",
    "modality": "CT",
    "description": "Abdomen 5.0 B30f",
    "protocol": "Abdomen",
    "number": 2,
    "body_part": "ABDOMEN",
    "manufacturer": "ACME",
    "model": "One",
    "image_type": ["ORIGINAL", "PRIMARY", "AXIAL"],
    "sop_class_uids": ["1.2.840.10008.5.1.4.1.1.2"],
    "instances": 60,
    "frames": 60,
    "rows": 512,
    "columns": 512,
    "slice_thickness_mm": 5.0,
    "pixel_spacing_mm": [0.8, 0.8],
    "quality_control_subject": False,
    "contrast": True,
    "kernel": "B30f",
    "laterality": "",
    "frame_of_reference_uid": "1.2.3.4",
}
"""A typed sample of ``series`` and the schema of its facts: each rule is tried on it when it is loaded."""

SAMPLE_VOLUME: dict[str, Any] = {
    "name": "b800",
    "verdict": "volume",
    "slices": 60,
    "time_points": 1,
    "time_point": 0,
    "unit": "1",
    "split_by": ["b_value"],
    "image_type": ["DERIVED", "PRIMARY", "DIFFUSION", "TRACEW"],
    "component": "MAGNITUDE",
    "quantity": "",
    "b_value": 800.0,
    "echo_number": 1,
    "echo_time_ms": 63.0,
    "inversion_time_ms": 0.0,
    "flip_angle_degrees": 90.0,
    "temporal_position": 0,
    "time_slot": 0,
    "trigger_time_ms": 0.0,
    "cardiac_phase_percent": 0.0,
    "respiratory_phase_percent": 0.0,
    "acquisition_number": 1,
    "stack_id": "",
    "kernel": "",
    "kvp": 0.0,
    "energy_kev": 0.0,
    "contrast_phase": "",
    "coil": "",
}
"""A typed sample of ``volume``: one of the volumes that a series holds. ``split_by`` has the names of the facts that
tell it from the others; a fact that the volume's images do not share is missing."""

SAMPLE_ANNOTATION: dict[str, Any] = {
    "sop_instance_uid": "1.2.3.9",
    "series_instance_uid": "1.2.3.8",
    "modality": "SEG",
    "kind": "binary",
    "segments": ["Liver"],
}
"""A typed sample of ``annotation``: a segmentation or structure set of somebody else in the study."""

SAMPLE_STUDY: dict[str, Any] = {
    "study_instance_uid": "1.2.3",
    "description": "CT Abdomen",
    "date": "20260102",
    "called_ae_title": "OrganSeg",
    "calling_ae_title": "MODALITY1",
    "modalities": ["CT"],
    "instances": 60,
    "series": [SAMPLE_SERIES],
}
"""A typed sample of ``study``."""


def header_values(dataset: Any, keywords: Iterable[str] = SERIES_KEYWORDS + STUDY_KEYWORDS) -> dict[str, Any]:
    """Plain values of the keywords that a data set (pydicom's or alike) holds; unreadable ones are left out."""
    values: dict[str, Any] = {}
    for keyword in keywords:
        try:
            value = getattr(dataset, keyword, None)
            if value is None or value == "":
                continue
            plain = isinstance(value, (str, int, float))
            numbers = [value] if plain else value
            if any(isinstance(item, float) and not math.isfinite(item) for item in numbers):
                continue  # no JSON, and no length or factor
            values[keyword] = _scalar(value) if plain else [_scalar(item) for item in value]
        except Exception:  # noqa: S112 - a broken element must not hide the rest of the header
            continue
    return values


def build_study_facts(
    headers: Iterable[Mapping[str, Any]], *, called_ae_title: str = "", calling_ae_title: str = ""
) -> dict[str, Any]:
    """The facts of one study from the header values of its instances.

    Args:
        headers: ``header_values`` of each instance, in any order.
        called_ae_title: The AE title the study was sent to, "" where it was not sent.
        calling_ae_title: The sender, "" where it was not sent.

    Returns:
        A mapping with the keys of ``SAMPLE_STUDY``; series in the order of (number, UID).
    """
    by_series: dict[str, list[Mapping[str, Any]]] = {}
    for header in headers:
        by_series.setdefault(_text(header.get("SeriesInstanceUID")), []).append(header)
    series = sorted(map(build_series_facts, by_series.values()), key=lambda s: (s["number"], s["series_instance_uid"]))
    first = min((group[0] for group in by_series.values()), key=lambda h: _text(h.get("SOPInstanceUID")), default={})
    return {
        "study_instance_uid": _text(first.get("StudyInstanceUID")),
        "description": _text(first.get("StudyDescription")),
        "date": _text(first.get("StudyDate")),
        "called_ae_title": called_ae_title,
        "calling_ae_title": calling_ae_title,
        "modalities": sorted({item["modality"] for item in series}),
        "instances": sum(item["instances"] for item in series),
        "series": series,
    }


def build_series_facts(headers: list[Mapping[str, Any]]) -> dict[str, Any]:
    """The facts of one series, from the header values of its instances (at least one)."""
    # The lowest SOP Instance UID and not the first received: order of arrival must not change a fact.
    first = min(headers, key=lambda header: _text(header.get("SOPInstanceUID")))
    spacing = [_number(value) for value in _list(first.get("PixelSpacing"))]
    return {
        "series_instance_uid": _text(first.get("SeriesInstanceUID")),
        "modality": _text(first.get("Modality")),
        "description": _text(first.get("SeriesDescription")),
        "protocol": _text(first.get("ProtocolName")),
        "number": int(_number(first.get("SeriesNumber"))),
        "body_part": _text(first.get("BodyPartExamined")),
        "manufacturer": _text(first.get("Manufacturer")),
        "model": _text(first.get("ManufacturerModelName")),
        "image_type": [_text(value) for value in _list(first.get("ImageType"))],
        "sop_class_uids": sorted({_text(header.get("SOPClassUID")) for header in headers}),
        "instances": len(headers),
        "frames": sum(int(_number(header.get("NumberOfFrames"), 1)) for header in headers),
        "rows": int(_number(first.get("Rows"))),
        "columns": int(_number(first.get("Columns"))),
        "slice_thickness_mm": _number(first.get("SliceThickness")),
        "pixel_spacing_mm": spacing if len(spacing) == 2 else [],
        # Quality Control Subject (0010,0200): YES on any instance marks the series as a phantom's.
        "quality_control_subject": any(_text(h.get("QualityControlSubject")).upper() == "YES" for h in headers),
        "contrast": bool(_text(first.get("ContrastBolusAgent"))),
        "kernel": "\\".join(_text(value) for value in _list(first.get("ConvolutionKernel"))),
        "laterality": _text(first.get("Laterality")),
        "frame_of_reference_uid": _text(first.get("FrameOfReferenceUID")),
    }


def _scalar(value: Any) -> Any:
    return float(value) if isinstance(value, float) else int(value) if isinstance(value, int) else str(value)


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _number(value: Any, default: float = 0.0) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return default
    return number if math.isfinite(number) else default
