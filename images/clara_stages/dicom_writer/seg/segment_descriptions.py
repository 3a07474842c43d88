"""Segments in words: Segment Description macro (PS3.3 C.8.20.4)."""

from highdicom.color import CIELabColor
from highdicom.seg import SegmentAlgorithmTypeValues, SegmentDescription

from clara_stages.dicom_writer.header.label_codes import algorithm_identification, coded_concept
from clara_stages.dicom_writer.header.text import long_string
from clara_stages.dicom_writer.header.tracking import tracking
from clara_stages.dicom_writer.inputs.label_table import Algorithm, Label
from clara_stages.dicom_writer.job import Job


def describe_segment(job: Job, label: Label, algorithm: Algorithm) -> SegmentDescription:
    """The description of one segment: name, codes, side, colour, tracking and algorithm.

    Args:
        job: Makes the tracking UID; it is warned where the origin of a segment is not stated.
        label: The segment.
        algorithm: The model that made the segments.
    """
    region = coded_concept(label.anatomic_region) if label.anatomic_region else None
    algorithm_type = _algorithm_type(job, label)
    identifier, tracking_uid = tracking(job, label)
    description = SegmentDescription(
        segment_number=label.segment_number,
        segment_label=long_string(label.name),
        segmented_property_category=coded_concept(label.category),
        segmented_property_type=coded_concept(label.type),
        algorithm_type=algorithm_type,
        algorithm_identification=None
        if algorithm_type is SegmentAlgorithmTypeValues.MANUAL  # then no algorithm may be named
        else algorithm_identification(algorithm),
        tracking_id=identifier,
        tracking_uid=tracking_uid,
        anatomic_regions=[region] if region else None,
        display_color=CIELabColor.from_rgb(*label.colour_rgb),
    )
    if label.laterality:
        side = [coded_concept(label.laterality)]
        # The side belongs to the region where there is one ("neoplasm of the left kidney"), else to the structure.
        if region:
            description.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = side
        else:
            description.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = side
    return description


def _algorithm_type(job: Job, label: Label) -> SegmentAlgorithmTypeValues:
    if label.algorithm_type:
        return SegmentAlgorithmTypeValues(label.algorithm_type)
    job.warn(
        f"segment {label.segment_number} does not say who drew it: SegmentAlgorithmType is SEMIAUTOMATIC, which claims "
        "neither a machine's work nor a person's alone"
    )
    return SegmentAlgorithmTypeValues.SEMIAUTOMATIC
