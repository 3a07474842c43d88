"""What was measured in the segments, as a structured report: TID 1500 Measurement Report, Enhanced SR."""

from collections.abc import Iterator

from highdicom.sr import (
    EnhancedSR,
    MeasurementReport,
    ObservationContext,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian

from clara_stages.dicom_writer.header.equipment import MANUFACTURER
from clara_stages.dicom_writer.header.references import predecessor_document
from clara_stages.dicom_writer.header.series_attributes import complete_header, series_number
from clara_stages.dicom_writer.inputs.label_table import Label
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.measurements import SegmentMeasurements
from clara_stages.dicom_writer.sr.codes import procedure
from clara_stages.dicom_writer.sr.document import (
    device_observer,
    evidence_of_result,
    evidence_of_source,
)
from clara_stages.dicom_writer.sr.groups import build_group, comment
from clara_stages.dicom_writer.sr.image_library import image_library

FILE = "sr.dcm"

_HOW = (
    "Diameters are from edge to edge, through the middles of voxel faces. "
    "The long axis is the longest in any one source image."
)

_RESAMPLED = (
    "The source images are tilted or unevenly spaced: volume, 3D diameter and the statistics of voxel values are of "
    "the even grid that they were resampled to and segmented on."
)


def build(job: Job) -> Iterator[tuple[str, Dataset]]:
    """The report: one measurement group for each segment, none where nothing was found.

    Enhanced SR is the smallest class that holds the template without 3D coordinates and references inside the document,
    and the one that most archives and viewers accept; dcmqi writes the same.

    Raises:
        BadInputError: The job has no segments.
    """
    measured = job.measurements
    if not measured:
        return
    groups = [build_group(job, one, segmentation_of(job, one.label)) for one in measured]
    blank = [str(one.label.segment_number) for one in measured if one.unit_code and one.voxels and one.mean is None]
    if blank:
        job.warn(
            f"segment {', '.join(blank)} has voxels whose value is not finite: no statistics, the report is PARTIAL"
        )
    if not job.written.get("seg"):
        job.warn("the report refers to images only, not to segments: this run writes no segmentation object")
    content = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=device_observer(job)),
        procedure_reported=procedure(str(job.source.first.get("Modality") or "")),
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )
    items = content[0].ContentSequence
    items.insert(len(items) - 1, image_library(job.source))
    items.append(comment(_HOW if job.source.origin_index is None else f"{_HOW} {_RESAMPLED}"))
    _separate(content[0])
    report = EnhancedSR(
        evidence=[*evidence_of_source(job), *(evidence_of_result(job, seg) for seg in job.written.get("seg", ()))],
        content=content[0],
        series_instance_uid=job.uid("sr series"),
        series_number=series_number(job, "sr"),
        sop_instance_uid=job.uid("sr instance"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=all(_is_complete(one) for one in measured),
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )
    if "sr" in job.predecessors:
        report.PredecessorDocumentsSequence = [predecessor_document(job.predecessors["sr"])]
    description = job.require_segments("sr").table.series_description
    complete_header(report, job, "sr", series_description=f"{description} measurements")
    yield FILE, report


def segmentation_of(job: Job, label: Label) -> Dataset | None:
    """The segmentation of this run that holds a segment."""
    for written in job.written.get("seg", ()):
        if any(int(segment.SegmentNumber) == label.segment_number for segment in written.SegmentSequence):
            return written
    return None


def _is_complete(measured: SegmentMeasurements) -> bool:
    """Whether all that a report can hold was measured; otherwise it calls itself PARTIAL (PS3.3 C.17.2)."""
    return measured.voxels == 0 or None not in (measured.volume_ml, measured.mean)


def _separate(item: Dataset) -> None:
    """Continuity of Content: a list of items, no running text (PS3.3 C.18.8); viewers lay it out by that."""
    if item.ValueType == "CONTAINER":
        item.ContinuityOfContent = "SEPARATE"
    for child in item.get("ContentSequence", ()):
        _separate(child)
