"""Which type of segmentation is written of which form of segments (PS3.3 C.8.20.2.3)."""

from enum import StrEnum

import numpy as np

from clara_stages.dicom_writer.inputs.label_table import Label
from clara_stages.dicom_writer.inputs.segments import THRESHOLD, Form, Segments
from clara_stages.dicom_writer.job import Job
from clara_stages.kit import BadInputError

MAXIMUM_FRACTIONAL_VALUE = 255
"""What a probability of 1 is stored as: the finest step that 8 bits hold."""


class SegmentationType(StrEnum):
    """Values of Segmentation Type (0062,0001)."""

    BINARY = "BINARY"
    FRACTIONAL = "FRACTIONAL"
    LABELMAP = "LABELMAP"


def choose_segmentation_type(job: Job, segments: Segments, labels: tuple[Label, ...]) -> SegmentationType:
    """What the parameter asks for, or what holds the segments without loss.

    Args:
        job: Its parameter ``segmentation_type`` is the choice; it is warned where a choice loses something.
        segments: What is written.
        labels: Those that are described.

    Raises:
        BadInputError: Segments that are no probabilities as FRACTIONAL, or segments that overlap as LABELMAP.
    """
    is_probability = segments.form is Form.PROBABILITY_MAP
    chosen = SegmentationType(job.params.segmentation_type or ("FRACTIONAL" if is_probability else "BINARY"))
    if chosen is SegmentationType.FRACTIONAL and not is_probability:
        raise BadInputError(
            f"a FRACTIONAL segmentation holds probabilities, the segments are a {segments.form}",
            remedy="join the input probabilities in the workflow, or leave segmentation_type out",
        )
    if is_probability and chosen is not SegmentationType.FRACTIONAL:
        job.warn(f"probabilities are written as {chosen}: a voxel belongs to a segment from {THRESHOLD} on")
    if chosen is SegmentationType.LABELMAP and (overlapping := count_overlapping(segments, labels)):
        raise BadInputError(
            f"{overlapping} voxels belong to more than one segment, a LABELMAP segmentation holds one for each voxel",
            remedy="set segmentation_type to BINARY, which may overlap, or make the segments disjoint",
        )
    return chosen


def count_overlapping(segments: Segments, labels: tuple[Label, ...]) -> int:
    """How many voxels belong to two or more of the segments."""
    if segments.form is Form.LABEL_MAP or len(labels) < 2:
        return 0
    seen = np.zeros(segments.shape, dtype=bool, order="F")
    twice = np.zeros_like(seen)
    for label in labels:
        mask = segments.mask(label.segment_number)
        twice |= seen & mask
        seen |= mask
    return int(np.count_nonzero(twice))
