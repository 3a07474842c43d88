"""Whether a report refers to what it was measured from: source images, segments, and nothing else."""

from collections.abc import Iterator, Sequence

from pydicom.dataset import Dataset

from clara_stages.dicom_writer.gate.finding import Finding
from clara_stages.dicom_writer.inputs.label_table import Label
from clara_stages.dicom_writer.inputs.source_stack import SourceStack
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.sr.content import (
    ImageReference,
    MeasurementGroup,
    concept,
    evidence,
    image_references,
    library_images,
    library_numbers,
)
from clara_stages.dicom_writer.sr.number import RELATIVE_ROUNDING

_NO_NUMBER = 1e-9
"""Largest direction cosine that is none."""


def check_references(report: Dataset, job: Job) -> Iterator[Finding]:
    """Evidence and image library are the source and the segmentation, and all that is referred to is evidence."""
    found = evidence(report)
    source = {_evidence_of(instance) for instance in job.source.instances}
    results = {_evidence_of(instance) for instance in job.written.get("seg", ())}
    if found != source | results:
        yield _finding(
            "source_reference",
            f"the evidence lists {len(found)} instances, of which {len(found & source)} of {len(source)} source "
            f"instances and {len(found & results)} of {len(results)} segmentations",
        )
    uids = {(sop_class, instance) for _, sop_class, instance in found}
    dangling = {(one.sop_class_uid, one.sop_instance_uid) for one in image_references(report)} - uids
    if dangling:
        yield _finding("dangling_reference", f"{len(dangling)} instances are referred to that are no evidence")
    yield from _check_library(report, job.source)
    library = library_images(report)
    if library != {instance for _, _, instance in source}:
        yield _finding(
            "source_reference", f"the image library lists {len(library)} images, the source has {len(source)}"
        )


def _check_library(report: Dataset, source: SourceStack) -> Iterator[Finding]:
    """Size, spacing and directions that the library states are those of the images."""
    wanted = {"110910": float(source.rows), "110911": float(source.columns)}
    if source.has_place:
        cosines = [*source.row_direction, *source.column_direction]
        wanted |= {"111026": source.column_spacing_mm, "111066": source.row_spacing_mm}
        wanted |= {str(110904 + place): float(cosine) for place, cosine in enumerate(cosines)}
    found = {code: value for (_, code), value in library_numbers(report).items()}
    wrong = [code for code in sorted(wanted.keys() | found.keys()) if not _is_same(found.get(code), wanted.get(code))]
    if wrong:
        yield _finding("source_reference", f"the image library does not state {', '.join(wrong)} (DCM) of the source")


def _is_same(found: float | None, wanted: float | None) -> bool:
    if found is None or wanted is None:
        return False
    return abs(found - wanted) <= RELATIVE_ROUNDING * abs(wanted) + _NO_NUMBER


def check_segment_reference(
    group: MeasurementGroup, label: Label, slices: Sequence[int], job: Job
) -> Iterator[Finding]:
    """A group refers to its own segment in the segmentation of this run; without one, to the images it lies in."""
    if job.written.get("seg"):
        yield from _check_segment(group, label, job)
    else:
        yield from _check_images(group, label, slices, job)


def _check_segment(group: MeasurementGroup, label: Label, job: Job) -> Iterator[Finding]:
    number = label.segment_number
    segments = {
        (str(written.SOPInstanceUID), int(segment.SegmentNumber)): segment
        for written in job.written["seg"]
        for segment in written.SegmentSequence
    }
    reference = group.segment
    key = (reference.sop_instance_uid, reference.segments[0]) if reference and len(reference.segments) == 1 else None
    if key not in segments or key is None:
        yield _finding("segment_reference", f"the measurement group of segment {number} refers to no segment")
        return
    segment = segments[key]
    is_same_type = concept(segment.SegmentedPropertyTypeCodeSequence) == (label.type.scheme, label.type.value)
    if key[1] != number or not is_same_type or segment.get("TrackingUID", group.tracking_uid) != group.tracking_uid:
        message = f"the measurement group of segment {number} refers to segment {key[1]}, which is another"
        yield _finding("segment_reference", message)
    if group.source_series != str(job.source.first.SeriesInstanceUID):
        yield _finding("source_reference", f"the measurement group of segment {number} names another source series")


def _check_images(group: MeasurementGroup, label: Label, slices: Sequence[int], job: Job) -> Iterator[Finding]:
    expected = {(job.source.slices[index].sop_instance_uid, job.source.slices[index].frame) for index in slices}
    found = {pair for image in group.images for pair in _pairs(image)}
    if group.segment is not None or found != expected:
        message = (
            f"the measurement group of segment {label.segment_number} refers to {len(found)} images, "
            f"{len(found & expected)} of the {len(expected)} that it lies in"
        )
        yield _finding("source_reference", message)


def _pairs(image: ImageReference) -> Iterator[tuple[str, int | None]]:
    for frame in image.frames or (None,):
        yield image.sop_instance_uid, frame


def _evidence_of(instance: Dataset) -> tuple[str, str, str]:
    return str(instance.SeriesInstanceUID), str(instance.SOPClassUID), str(instance.SOPInstanceUID)


def _finding(name: str, message: str) -> Finding:
    return Finding(name=name, output="sr", message=message)
