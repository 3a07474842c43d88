"""Segments as an RT Structure Set (PS3.3 A.19): closed contours along the edges of the voxels."""

from collections.abc import Iterator

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RTStructureSetStorage

from clara_stages.dicom_writer.header.series_attributes import complete_header
from clara_stages.dicom_writer.header.source_time import date_text, time_text
from clara_stages.dicom_writer.header.text import code_string, long_string, short_text
from clara_stages.dicom_writer.inputs.label_table import Label
from clara_stages.dicom_writer.inputs.segments import Segments
from clara_stages.dicom_writer.inputs.source_stack import OBLIQUE_COSINE, SourceStack
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.rtstruct.contours import contour_items, longest_contour_bytes
from clara_stages.dicom_writer.rtstruct.references import frame_of_reference_item, predecessor_items
from clara_stages.dicom_writer.rtstruct.regions import observation_item, structure_set_item, unique_names

OUTPUT = "rtstruct"

FILE = "rtstruct.dcm"

_LONGEST_EXPLICIT_BYTES = 65534
"""Contour Data is DS: its length has 16 bits in an explicit VR transfer syntax (note in PS3.3 Table C.8-42)."""


def build(job: Job) -> Iterator[tuple[str, Dataset]]:
    """One structure set with a region of interest for each segment.

    Args:
        job: Its segments lie on the grid that its source slices are cut from.

    Raises:
        BadInputError: The stage has no segments.
    """
    segments = job.require_segments(OUTPUT)
    _warn_of_planning_systems(job)
    labels = job.described_labels
    regions = [_region(label, segments, job) for label in labels]
    result = Dataset()
    result.file_meta = FileMetaDataset()
    result.file_meta.TransferSyntaxUID = _transfer_syntax(regions)
    result.SOPClassUID = RTStructureSetStorage
    result.SOPInstanceUID = job.uid(f"{OUTPUT} instance")
    result.Modality = "RTSTRUCT"
    result.OperatorsName = None
    result.InstanceNumber = 1
    result.FrameOfReferenceUID = job.source.frame_of_reference_uid
    result.PositionReferenceIndicator = job.source.first.get("PositionReferenceIndicator")
    result.ApprovalStatus = "UNAPPROVED"
    _describe(result, segments, job)
    names = unique_names(labels)
    result.StructureSetROISequence = [
        structure_set_item(
            label, names[label.segment_number], segments.table.algorithm, job.source.frame_of_reference_uid
        )
        for label in labels
    ]
    result.RTROIObservationsSequence = [observation_item(label) for label in labels]
    result.ROIContourSequence = regions
    complete_header(result, job, OUTPUT, series_description=segments.table.series_description)
    yield FILE, result


def _warn_of_planning_systems(job: Job) -> None:
    source = job.source
    if source.tilt_degrees:
        found = f"the slices of the source are tilted by {source.tilt_degrees:.1f} degrees (gantry)"
    elif source.is_oblique:
        found = "the slices of the source are oblique to the axes of the patient"
    elif not _is_axial(source):
        found = "the slices of the source are not axial"
    else:
        return
    job.warn(f"{found}: contours are drawn on them as they are, and planning systems refuse such an RTSTRUCT")


def _is_axial(source: SourceStack) -> bool:
    return bool(abs(source.normal[2]) >= OBLIQUE_COSINE)


def _region(label: Label, segments: Segments, job: Job) -> Dataset:
    """The item of ROI Contour Sequence. A region without a voxel has no contour."""
    item = Dataset()
    item.ROIDisplayColor = list(label.colour_rgb)
    item.ReferencedROINumber = label.segment_number
    contours = contour_items(segments.mask(label.segment_number), job.source, job.params.holes) if label.voxels else []
    if contours:
        item.ContourSequence = contours
    elif label.voxels:
        job.warn(f"segment {label.segment_number} has no voxel on a source slice: its region has no contour")
    return item


def _transfer_syntax(regions: list[Dataset]) -> UID:
    """Explicit VR Little Endian, unless a contour is too long for it."""
    contours = (contour for region in regions for contour in region.get("ContourSequence", ()))
    too_long = longest_contour_bytes(contours) > _LONGEST_EXPLICIT_BYTES
    return ImplicitVRLittleEndian if too_long else ExplicitVRLittleEndian


def _describe(result: Dataset, segments: Segments, job: Job) -> None:
    """The Structure Set Module, without its regions (PS3.3 C.8.8.5)."""
    table = segments.table
    result.StructureSetLabel = code_string(table.content_label)
    result.StructureSetName = long_string(table.series_description)
    if table.intended_use:
        result.StructureSetDescription = short_text(table.intended_use)
    result.StructureSetDate = date_text(job.moment)
    result.StructureSetTime = time_text(job.moment)
    result.ReferencedFrameOfReferenceSequence = [frame_of_reference_item(job.source)]
    predecessor = job.predecessors.get(OUTPUT)
    if predecessor is not None:
        result.PredecessorStructureSetSequence = predecessor_items(predecessor)
