"""The measurement group of one segment (TID 1411, or TID 1501 where no segmentation is referred to)."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    ContentSequence,
    FindingSite,
    GraphicTypeValues,
    ImageContentItem,
    Measurement,
    MeasurementsAndQualitativeEvaluations,
    ReferencedSegment,
    RelationshipTypeValues,
    ScoordContentItem,
    SourceImageForMeasurementGroup,
    SourceSeriesForSegmentation,
    TextContentItem,
    TrackingIdentifier,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.header.label_codes import coded_concept
from clara_stages.dicom_writer.header.references import frames_by_instance
from clara_stages.dicom_writer.header.text import long_string
from clara_stages.dicom_writer.header.tracking import tracking
from clara_stages.dicom_writer.inputs.label_table import Label
from clara_stages.dicom_writer.inputs.source_stack import SourceSlice
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.measurements import SegmentMeasurements
from clara_stages.dicom_writer.sr import codes
from clara_stages.dicom_writer.sr.number import rounded

_MORPHOLOGICALLY_ABNORMAL = ("SCT", "49755003")
"""Category of what is found in a structure and is none itself: a lesion is no site."""


def build_group(job: Job, measured: SegmentMeasurements, segmentation: Dataset | None) -> Any:
    """All that the report says of one segment.

    Args:
        job: The call.
        measured: What was measured.
        segmentation: The SEG that holds the segment; without one the group refers to the images the segment lies in.

    Returns:
        A template of highdicom for ``MeasurementReport``.
    """
    label = measured.label
    identifier, uid = tracking(job, label)
    finding, sites = _finding(label)
    common = {
        "tracking_identifier": TrackingIdentifier(uid=uid, identifier=identifier),
        "finding_type": finding,
        "finding_category": None if finding == coded_concept(label.category) else coded_concept(label.category),
        "finding_sites": sites or None,
        "algorithm_id": _algorithm(job, label),
        "measurements": [*_sizes(measured), *_statistics(job, measured)],
    }
    group: Any
    if segmentation is not None:
        reference = ReferencedSegment(
            sop_class_uid=segmentation.SOPClassUID,
            sop_instance_uid=segmentation.SOPInstanceUID,
            segment_number=label.segment_number,
            source_series=SourceSeriesForSegmentation(job.source.first.SeriesInstanceUID),
        )
        group = VolumetricROIMeasurementsAndQualitativeEvaluations(referenced_segment=reference, **common)
    else:
        group = MeasurementsAndQualitativeEvaluations(source_images=_images(job, measured) or None, **common)
    if measured.long_axis_slice is not None:
        _draw_long_axis(group[0], job.source.slices[measured.long_axis_slice], measured)
    # The name in the tracking identifier has a number; viewers (OHIF) show the comment beside the line.
    group[0].ContentSequence.append(comment(long_string(label.name)))
    return group


def comment(text: str) -> TextContentItem:
    """A remark for people."""
    return TextContentItem(name=codes.COMMENT, value=text, relationship_type=RelationshipTypeValues.CONTAINS)


def _finding(label: Label) -> tuple[CodedConcept, list[FindingSite]]:
    """Finding and Finding Site: a lesion in its region, or, of an anatomical structure, its category at itself.

    So do dcmqi and the collections of the Imaging Data Commons, and a reader that asks for an organ finds it as the
    site in both.
    """
    side = coded_concept(label.laterality) if label.laterality else None
    if label.anatomic_region:
        return coded_concept(label.type), [FindingSite(coded_concept(label.anatomic_region), laterality=side)]
    if (label.category.scheme, label.category.value) != _MORPHOLOGICALLY_ABNORMAL:
        return coded_concept(label.category), [FindingSite(coded_concept(label.type), laterality=side)]
    return coded_concept(label.type), [FindingSite(coded_concept(label.type), laterality=side)] if side else []


def _algorithm(job: Job, label: Label) -> AlgorithmIdentification | None:
    """TID 4019; None of what a person drew."""
    if label.algorithm_type == "MANUAL":
        return None
    algorithm = job.require_segments("sr").table.algorithm
    return AlgorithmIdentification(
        name=long_string(algorithm.name),
        version=long_string(algorithm.version),
        parameters=[f"digest={algorithm.digest}"] if algorithm.digest else None,
        family=coded_concept(algorithm.family),
    )


def _sizes(measured: SegmentMeasurements) -> Iterator[Measurement]:
    if measured.volume_ml is not None:
        yield Measurement(name=codes.VOLUME, value=rounded(measured.volume_ml), unit=codes.MILLILITRE)
    if measured.long_axis_mm is not None:
        yield Measurement(name=codes.LONG_AXIS, value=rounded(measured.long_axis_mm), unit=codes.MILLIMETRE)
    if measured.diameter_3d_mm is not None:
        yield Measurement(name=codes.DIAMETER_3D, value=rounded(measured.diameter_3d_mm), unit=codes.MILLIMETRE)


def _statistics(job: Job, measured: SegmentMeasurements) -> Iterator[Measurement]:
    if measured.unit_code is None:
        return
    name = codes.quantity(measured.unit, str(job.source.first.get("Modality") or ""))
    for derivation, value in (
        (codes.MEAN, measured.mean),
        (codes.STANDARD_DEVIATION, measured.sd),
        (codes.MINIMUM, measured.minimum),
        (codes.MAXIMUM, measured.maximum),
    ):
        if value is not None:
            unit = coded_concept(measured.unit_code)
            yield Measurement(name=name, value=rounded(value), unit=unit, derivation=derivation)


def _draw_long_axis(group: Dataset, image: SourceSlice, measured: SegmentMeasurements) -> None:
    """Give the long axis the line it was measured along, on its image (TID 320).

    TID 1419 has no such row, but it is extensible, and OHIF opens a report at the first image that something is drawn
    on: without a line it shows nothing at all. In these coordinates the outer corner of the first pixel is 0, so its
    centre is a half (PS3.3 C.18.6.1.2).
    """
    line = ScoordContentItem(
        name=codes.PATH,
        graphic_type=GraphicTypeValues.POLYLINE,
        graphic_data=np.array(measured.long_axis_ends) + 0.5,
        relationship_type=RelationshipTypeValues.INFERRED_FROM,
    )
    selected = ImageContentItem(
        name=codes.SOURCE,
        referenced_sop_class_uid=image.sop_class_uid,
        referenced_sop_instance_uid=image.sop_instance_uid,
        referenced_frame_numbers=image.frame,
        relationship_type=RelationshipTypeValues.SELECTED_FROM,
    )
    line.ContentSequence = ContentSequence([selected])
    (axis,) = (item for item in group.ContentSequence if item.name == codes.LONG_AXIS)
    axis.ContentSequence = ContentSequence([line])


def _images(job: Job, measured: SegmentMeasurements) -> list[SourceImageForMeasurementGroup]:
    """The source images that the segment lies in; of a multi-frame instance with the numbers of its frames."""
    images = [image for image, pixels in zip(job.source.slices, measured.slice_pixels, strict=True) if pixels]
    return [
        SourceImageForMeasurementGroup(
            referenced_sop_class_uid=sop_class_uid,
            referenced_sop_instance_uid=sop_instance_uid,
            referenced_frame_numbers=frames or None,
        )
        for (sop_class_uid, sop_instance_uid), frames in frames_by_instance(images).items()
    ]
