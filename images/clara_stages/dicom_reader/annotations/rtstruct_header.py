"""What the header of an RT Structure Set says (PS3.3 A.19, C.8.8.5, C.8.8.6)."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from clara_stages.dicom_reader.annotations.annotation import AnnotationKind, SegmentFacts
from clara_stages.dicom_reader.annotations.codes import (
    ANATOMICAL_STRUCTURE,
    MANUAL_PROCESSING,
    REGION_OF_INTEREST,
    ROI_TYPES,
    SPATIAL_CONCEPT,
    read_code,
)
from clara_stages.dicom_reader.annotations.contour_data import count_values, sample_points
from clara_stages.dicom_reader.annotations.open_object import ObjectError
from clara_stages.dicom_reader.annotations.values import integer, items, once, text, uid

MAX_POINTS = 5_000_000
"""Of all contours of an object: a plan with 60 organs has a few hundred thousand."""

MAX_CONTOURS = 200_000
"""Of an object: 60 organs on 300 slices in several parts have fewer."""

CLOSED_TYPES = frozenset({"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"})
"""Contour Geometric Type (3006,0042) of contours with an area (PS3.3 C.8.8.6.1)."""

_INTERPRETED_TYPES = frozenset(
    {"EXTERNAL", "PTV", "CTV", "GTV", "TREATED_VOLUME", "IRRAD_VOLUME", "OAR", "BOLUS", "AVOIDANCE", "ORGAN", "MARKER",
     "REGISTRATION", "ISOCENTER", "CONTRAST_AGENT", "CAVITY", "BRACHY_CHANNEL", "BRACHY_ACCESSORY",
     "BRACHY_SRC_APP", "BRACHY_CHNL_SHLD", "SUPPORT", "FIXATION", "DOSE_REGION", "CONTROL", "DOSE_MEASUREMENT"}
)  # fmt: skip
"""Terms of RT ROI Interpreted Type (PS3.3 C.8.8.8.1); anything else there may be text that a person typed."""


def read_rtstruct_header(dataset: Dataset) -> dict[str, Any]:
    """The fields of an ``Annotation`` that an RTSTRUCT has of its own.

    Raises:
        ObjectError: It has no ROI, or more points than are read.
    """
    contours = [contour for roi in items(dataset, "ROIContourSequence") for contour in items(roi, "ContourSequence")]
    if len(contours) > MAX_CONTOURS:
        raise ObjectError(f"it has {len(contours)} contours; at most {MAX_CONTOURS} are read")
    points = sum(map(count_values, contours)) // 3
    if points > MAX_POINTS:
        raise ObjectError(f"its contours have {points} points; at most {MAX_POINTS} are read")
    segments = _rois(dataset)
    if not segments:
        raise ObjectError("it has no region of interest")
    return {
        "kind": AnnotationKind.RTSTRUCT,
        "segments": segments,
        "planes_lps_mm": np.array([sample_points(item) for item in contours if is_closed(item)]).reshape(-1, 3, 3),
        **_references(dataset, contours),
    }


def _rois(dataset: Dataset) -> tuple[SegmentFacts, ...]:
    """The ROIs of the Structure Set Module, then those that only have contours."""
    drawn = {number: item for number, item in _by_number(dataset, "ROIContourSequence", "ReferencedROINumber")}
    observed = {
        number: item for number, item in _by_number(dataset, "RTROIObservationsSequence", "ReferencedROINumber")
    }
    named: dict[int, Dataset] = {}
    for number, item in _by_number(dataset, "StructureSetROISequence", "ROINumber"):
        if number in named:
            raise ObjectError(f"ROI Number {number} is given twice")
        named[number] = item
    for number in drawn:
        named.setdefault(number, Dataset())
    empty = Dataset()
    return tuple(
        _roi(number, item, drawn.get(number, empty), observed.get(number, empty)) for number, item in named.items()
    )


def _by_number(dataset: Dataset, sequence: str, keyword: str) -> Iterator[tuple[int, Dataset]]:
    for item in items(dataset, sequence):
        number = integer(item, keyword)
        if number is not None:
            yield number, item


def _roi(number: int, item: Dataset, drawn: Dataset, observed: Dataset) -> SegmentFacts:
    named_type = text(observed, "RTROIInterpretedType").upper()
    interpreted = named_type if named_type in _INTERPRETED_TYPES else ""
    coded = read_code(items(observed, "RTROIIdentificationCodeSequence"))
    generated = text(item, "ROIGenerationAlgorithm").upper()
    is_organ = interpreted in ("ORGAN", "OAR")
    return SegmentFacts(
        number=number,
        name=text(item, "ROIName") or f"ROI {number}",
        category=ANATOMICAL_STRUCTURE if is_organ else SPATIAL_CONCEPT,
        type=coded or ROI_TYPES.get("ORGAN" if is_organ else interpreted, REGION_OF_INTEREST),
        colour_rgb=_colour(drawn.get("ROIDisplayColor")),
        algorithm_type=generated if generated in ("AUTOMATIC", "SEMIAUTOMATIC", "MANUAL") else "",
        algorithm_family=MANUAL_PROCESSING if generated == "MANUAL" else None,
        interpreted_type=interpreted,
        frame_of_reference_uid=uid(item, "ReferencedFrameOfReferenceUID"),
    )


def _colour(value: Any) -> tuple[int, int, int] | None:
    try:
        parts = [int(part) for part in value or ()]
    except (TypeError, ValueError):
        return None
    if len(parts) != 3 or not all(0 <= part <= 255 for part in parts):
        return None
    return parts[0], parts[1], parts[2]


def _references(dataset: Dataset, contours: list[Dataset]) -> dict[str, tuple[str, ...]]:
    frames = [uid(dataset, "FrameOfReferenceUID")]
    frames += [uid(item, "ReferencedFrameOfReferenceUID") for item in items(dataset, "StructureSetROISequence")]
    studies, series, instances = [], [], []
    for frame in items(dataset, "ReferencedFrameOfReferenceSequence"):
        frames.append(uid(frame, "FrameOfReferenceUID"))
        for study in items(frame, "RTReferencedStudySequence"):
            studies.append(uid(study, "ReferencedSOPInstanceUID"))
            for item in items(study, "RTReferencedSeriesSequence"):
                series.append(uid(item, "SeriesInstanceUID"))
                instances += contour_images(item)
    for contour in contours:
        instances += contour_images(contour)
    return {
        "frame_of_reference_uids": once(frames),
        "referenced_studies": once(studies),
        "referenced_series": once(series),
        "referenced_instances": once(instances),
    }


def is_closed(contour: Dataset) -> bool:
    """Whether a contour encloses an area: points and open lines do not."""
    return text(contour, "ContourGeometricType").upper() in CLOSED_TYPES


def contour_images(holder: Dataset) -> list[str]:
    """SOP Instance UIDs in the Contour Image Sequence of a contour, or of a referenced series."""
    return [uid(image, "ReferencedSOPInstanceUID") for image in items(holder, "ContourImageSequence")]
