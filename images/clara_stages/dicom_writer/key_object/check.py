"""Proof that a written key object names the images with the largest areas, from the file alone."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.gate.expected_masks import expected_masks
from clara_stages.dicom_writer.gate.finding import Finding
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.sr.content import ImageReference, concept, evidence, image_references

_OF_INTEREST = ("DCM", "113000")


def check(files: Sequence[Path], job: Job) -> Iterator[Finding]:
    """Read the document back; areas are counted again from the segments."""
    areas: dict[int, dict[int, int]] = {}
    for number, index, mask in expected_masks(job):
        areas.setdefault(number, {})[index] = int(mask.sum())
    if len(files) != bool(areas):
        yield _finding("file_count", f"{len(files)} documents are written for {len(areas)} segments with a pixel")
        return
    for path in files:
        document = dcmread(path)
        try:
            references = list(image_references(document))
            if concept(document.ConceptNameCodeSequence) != _OF_INTEREST:
                yield _finding("document_title", "the document is not titled Of Interest")
        except (LookupError, AttributeError, ValueError) as error:
            yield _finding("document_structure", f"the document is no TID 2010 document: {type(error).__name__}")
            return
        yield from _check_evidence(document, references, job)
        yield from _check_images(references, areas, job)


def _check_evidence(document: Dataset, references: Sequence[ImageReference], job: Job) -> Iterator[Finding]:
    """Evidence is what the document refers to, and all of it is of the source."""
    named = {(one.sop_class_uid, one.sop_instance_uid) for one in references}
    listed = evidence(document)
    if {(sop_class, instance) for _, sop_class, instance in listed} != named:
        yield _finding("dangling_reference", f"{len(named)} instances are referred to, {len(listed)} are evidence")
    source = {
        (str(one.SeriesInstanceUID), str(one.SOPClassUID), str(one.SOPInstanceUID)) for one in job.source.instances
    }
    if listed - source:
        yield _finding("source_reference", f"{len(listed - source)} of {len(listed)} instances are not of the source")


def _check_images(
    references: Sequence[ImageReference], areas: dict[int, dict[int, int]], job: Job
) -> Iterator[Finding]:
    """Each segment has its images, and each image is there for a segment; among equal areas any will do."""
    index_of = job.source.index_of
    found = [(one.sop_instance_uid, frame) for one in references for frame in one.frames or (None,)]
    if len(set(found)) != len(found) or not set(found) <= set(index_of):
        yield _finding("source_reference", "an image is named twice, or is none of the source images")
        return
    chosen = {index_of[pair] for pair in found}
    explained: set[int] = set()
    for number, pixels in areas.items():
        wanted = min(job.params.key_images, len(pixels))
        least = sorted(pixels.values(), reverse=True)[wanted - 1]
        largest = {index for index, count in pixels.items() if count >= least}
        above = {index for index, count in pixels.items() if count > least}
        if not above <= chosen or len(largest & chosen) < wanted:
            message = f"of the {wanted} images with the largest area of segment {number} some are not named"
            yield _finding("largest_area", message)
        explained |= largest
    if chosen - explained:
        yield _finding("largest_area", f"{len(chosen - explained)} images are named that no segment is largest in")


def _finding(name: str, message: str) -> Finding:
    return Finding(name=name, output="key_object", message=message)
