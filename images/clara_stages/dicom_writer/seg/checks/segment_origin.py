"""Whether each segment of a written segmentation says what found it, and what it is called in other objects."""

from collections.abc import Iterator

import numpy as np
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.gate.algorithm import names_algorithm
from clara_stages.dicom_writer.gate.finding import Finding
from clara_stages.dicom_writer.header.text import long_string
from clara_stages.dicom_writer.header.tracking import tracking
from clara_stages.dicom_writer.inputs.label_table import Label
from clara_stages.dicom_writer.inputs.segments import Form, Segments
from clara_stages.dicom_writer.job import Job


def check_origins(segmentation: Dataset, labels: tuple[Label, ...], job: Job) -> Iterator[Finding]:
    """Compare algorithm and tracking of every segment with the job, and what is said of overlaps with the segments.

    Args:
        segmentation: As it was read from the file.
        labels: Those that must be described.
        job: The call that it was written for.
    """
    segments = job.require_segments("seg")
    expected = {label.segment_number: label for label in labels}
    for item in segmentation.SegmentSequence:
        label = expected.get(int(item.SegmentNumber))
        if label is None:
            continue
        number = label.segment_number
        if (item.get("TrackingID"), item.get("TrackingUID")) != tracking(job, label):
            yield _finding("segment_meaning", f"segment {number} has other tracking identifiers than in other objects")
        if label.algorithm_type != "MANUAL" and not _names_algorithm(item, segments):
            yield _finding("algorithm", f"segment {number} does not name the algorithm of the label table")
    if segmentation.get("SegmentsOverlap") == "NO" and _overlap(segments, labels):
        yield _finding("segments_overlap", "segments are said not to overlap, and do")


def _names_algorithm(item: Dataset, segments: Segments) -> bool:
    algorithm = segments.table.algorithm
    identifications = item.get("SegmentationAlgorithmIdentificationSequence") or ()
    return item.get("SegmentAlgorithmName") == long_string(algorithm.name) and names_algorithm(
        identifications, algorithm
    )


def _overlap(segments: Segments, labels: tuple[Label, ...]) -> bool:
    """Whether any voxel is in two of the segments; those of a label map cannot overlap."""
    if segments.form is Form.LABEL_MAP:
        return False
    covered = np.zeros(segments.shape, dtype=np.bool_)
    for label in labels:
        mask = segments.mask(label.segment_number)
        if (covered & mask).any():
            return True
        covered |= mask
    return False


def _finding(name: str, message: str) -> Finding:
    return Finding(name=name, output="seg", message=message)
