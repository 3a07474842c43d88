"""Segments as a DICOM Segmentation or Label Map Segmentation, both of one IOD (PS3.3 A.51)."""

from collections.abc import Iterator

import numpy as np
from highdicom.seg import Segmentation, SegmentationTypeValues, SegmentsOverlapValues
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from clara_stages.dicom_writer.header.equipment import MANUFACTURER, MODEL_NAME, software_version
from clara_stages.dicom_writer.header.series_attributes import complete_header
from clara_stages.dicom_writer.header.text import code_string, long_string
from clara_stages.dicom_writer.inputs.label_table import Label
from clara_stages.dicom_writer.inputs.segments import Segments
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.seg.frame_groups import Place, set_frame_groups
from clara_stages.dicom_writer.seg.frames import PixelData, frames
from clara_stages.dicom_writer.seg.segment_descriptions import describe_segment
from clara_stages.dicom_writer.seg.segmentation_type import (
    MAXIMUM_FRACTIONAL_VALUE,
    SegmentationType,
    choose_segmentation_type,
    count_overlapping,
)
from clara_stages.dicom_writer.seg.source_references import set_source_references
from clara_stages.dicom_writer.seg.source_templates import source_templates
from clara_stages.kit import BadInputError

FILE_NAME = "seg.dcm"


def build(job: Job) -> Iterator[tuple[str, Dataset]]:
    """One segmentation of the source that the segments were found in.

    Frames lie on the original source slices, also where the segments were found on a resampled volume: one frame for
    each segment and slice that has it (of a LABELMAP, one for each slice with anything). Equal jobs give equal bytes.

    Raises:
        BadInputError: No segments are given, none is to be written, or they do not fit the type that was asked for.
    """
    segments = job.require_segments("seg")
    labels = job.described_labels
    if not labels:
        raise BadInputError(
            "no segment has a voxel, and a segmentation without a segment is no valid object",
            remedy="set empty_segments to keep to have the empty segments listed",
        )
    _warn_of_volume_programs(job)
    segmentation_type = choose_segmentation_type(job, segments, labels)
    pixel_data, places = PixelData(), list[Place]()
    for frame in frames(job, labels, segmentation_type):
        pixel_data.add(frame.pixels)
        places.append((frame.label.segment_number if frame.label else None, frame.slice_index))
    result = _one_pixel_segmentation(job, segments, labels, segmentation_type, places)
    set_frame_groups(result, places, job.source)
    set_source_references(result, job.source)
    result.Rows, result.Columns = job.source.rows, job.source.columns
    result.PixelData = pixel_data.to_bytes()
    _set_dimension_uid(result, job.uid("seg dimensions"))
    complete_header(result, job, "seg", series_description=segments.table.series_description)
    yield FILE_NAME, result


def _warn_of_volume_programs(job: Job) -> None:
    """Frames state their place each; a program that makes one even, upright volume of them does not ask."""
    uneven_mm, tilt_degrees = job.source.uneven_gaps_mm(), job.source.tilt_degrees
    if tilt_degrees:
        found = f"are tilted by {tilt_degrees:.1f} degrees (gantry)"
    elif uneven_mm is not None:
        found = f"lie {uneven_mm[0]:.2f} to {uneven_mm[1]:.2f} mm apart"
    else:
        return
    job.warn(
        f"the slices of the source {found}: the segmentation lies on each of them; programs that stack its frames "
        "evenly show it in the wrong place"
    )


def _one_pixel_segmentation(
    job: Job,
    segments: Segments,
    labels: tuple[Label, ...],
    segmentation_type: SegmentationType,
    places: list[Place],
) -> Segmentation:
    """What highdicom makes of a stack of one-pixel images: everything but the pixels, at a fraction of the time.

    Its first segment has a voxel on every slice that has a frame, so that there is one frame for each such slice.
    """
    occupied = np.zeros((len(job.source.slices), 1, 1), dtype=np.uint8)
    occupied[[index for _, index in places]] = 1
    table = segments.table
    result = Segmentation(
        source_images=source_templates(job.source, job.warn),
        pixel_array=occupied,
        segmentation_type=SegmentationTypeValues(segmentation_type.value),
        segment_descriptions=[describe_segment(job, label, table.algorithm) for label in labels],
        series_instance_uid=job.uid("seg series"),
        series_number=1,  # complete_header() sets it
        sop_instance_uid=job.uid("seg instance"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MODEL_NAME,
        software_versions=software_version(),
        device_serial_number=long_string(job.request.installation),
        max_fractional_value=MAXIMUM_FRACTIONAL_VALUE,
        content_description=long_string(table.intended_use) or None,
        content_label=code_string(table.content_label) or None,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        omit_empty_frames=True,
    )
    result.ContentCreatorName = MANUFACTURER
    result.SegmentsOverlap = _overlap(segments, labels, segmentation_type).value
    return result


def _overlap(
    segments: Segments, labels: tuple[Label, ...], segmentation_type: SegmentationType
) -> SegmentsOverlapValues:
    """Segments Overlap; of probabilities above zero it says nothing useful."""
    if segmentation_type is SegmentationType.FRACTIONAL and len(labels) > 1:
        return SegmentsOverlapValues.UNDEFINED
    if segmentation_type is SegmentationType.BINARY and count_overlapping(segments, labels):
        return SegmentsOverlapValues.YES
    return SegmentsOverlapValues.NO


def _set_dimension_uid(result: Segmentation, uid: str) -> None:
    """Replace the random Dimension Organization UID, in the organization and in each index that names it."""
    for item in (*result.DimensionOrganizationSequence, *result.DimensionIndexSequence):
        item.DimensionOrganizationUID = uid
