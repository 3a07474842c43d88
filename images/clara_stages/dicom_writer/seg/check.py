"""Proof that a written segmentation says what the segments say, from the file and the inputs alone."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydicom import dcmread

from clara_stages.dicom_writer.gate.finding import Finding
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.seg.checks.dimensions import check_dimensions
from clara_stages.dicom_writer.seg.checks.references import check_references, slices_of_frames
from clara_stages.dicom_writer.seg.checks.segment_meaning import check_segments
from clara_stages.dicom_writer.seg.checks.segment_origin import check_origins
from clara_stages.dicom_writer.seg.checks.voxels import check_voxels
from clara_stages.dicom_writer.seg.checks.written_frames import read_written_frames
from clara_stages.kit import raise_machine_fault


def check(files: Sequence[Path], job: Job) -> Iterator[Finding]:
    """What is wrong with a written segmentation.

    Names of findings: ``unreadable``, ``frame_count``, ``frame_of_reference``, ``frame_position``,
    ``frame_orientation``, ``pixel_spacing``, ``source_reference``, ``segment_meaning``, ``algorithm``,
    ``segments_overlap``, ``dimension_index``, ``voxels_differ``, ``missing_frames``, ``duplicate_frames``.

    Args:
        files: The one file that was written.
        job: The call that it was written for.
    """
    if len(files) != 1:
        yield Finding(name="unreadable", output="seg", message=f"{len(files)} files were written, expected one")
        return
    try:
        yield from _check_file(files[0], job)
    except Exception as error:  # whatever pydicom or numpy raise for a malformed object: it is a fault of ours
        raise_machine_fault(error)
        yield Finding(
            name="unreadable",
            output="seg",
            message=f"the written object could not be read to its end: {type(error).__name__}",
        )


def _check_file(path: Path, job: Job) -> Iterator[Finding]:
    segments = job.require_segments("seg")
    table = segments.table
    labels = (*table.labels, *table.absent) if job.params.empty_segments == "keep" else table.labels
    segmentation = dcmread(path)
    frames = read_written_frames(segmentation)
    slices = slices_of_frames(frames, job.source)
    yield from check_segments(segmentation, labels)
    yield from check_origins(segmentation, labels, job)
    yield from check_references(segmentation, frames, slices, job.source)
    yield from check_dimensions(segmentation, frames, job.source)
    yield from check_voxels(segmentation, frames, slices, job.source, segments)
