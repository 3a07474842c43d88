"""Segments in words: Segment Description macro (PS3.3 C.8.20.4)."""

import highdicom as hd
from highdicom.seg import SegmentAlgorithmTypeValues, SegmentDescription
from highdicom.sr import CodedConcept

from clara_stages.dicom_writer.header.text import long_string
from clara_stages.dicom_writer.header.tracking import tracking
from clara_stages.dicom_writer.inputs.label_table import Algorithm, Code, Label
from clara_stages.dicom_writer.job import Job


def describe_segment(job: Job, label: Label, algorithm: Algorithm) -> SegmentDescription:
    """The description of one segment: name, codes, side, colour, tracking and algorithm.

    Args:
        job: Makes the tracking UID; it is warned where the origin of a segment is not stated.
        label: The segment.
        algorithm: The model that made the segments.
    """
    region = _concept(label.anatomic_region) if label.anatomic_region else None
    algorithm_type = _algorithm_type(job, label)
    identifier, tracking_uid = tracking(job, label)
    description = SegmentDescription(
        segment_number=label.segment_number,
        segment_label=long_string(label.name),
        segmented_property_category=_concept(label.category),
        segmented_property_type=_concept(label.type),
        algorithm_type=algorithm_type,
        algorithm_identification=None
        if algorithm_type is SegmentAlgorithmTypeValues.MANUAL  # then no algorithm may be named
        else _algorithm_identification(algorithm),
        tracking_id=identifier,
        tracking_uid=tracking_uid,
        anatomic_regions=[region] if region else None,
        display_color=hd.color.CIELabColor.from_rgb(*label.colour_rgb),
    )
    if label.laterality:
        side = [_concept(label.laterality)]
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


def _algorithm_identification(algorithm: Algorithm) -> hd.AlgorithmIdentificationSequence:
    return hd.AlgorithmIdentificationSequence(
        name=long_string(algorithm.name),
        family=_concept(algorithm.family),
        version=long_string(algorithm.version),
        parameters={"digest": algorithm.digest} if algorithm.digest else None,
    )


def _concept(code: Code) -> CodedConcept:
    return CodedConcept(value=code.value, scheme_designator=code.scheme, meaning=long_string(code.meaning))
