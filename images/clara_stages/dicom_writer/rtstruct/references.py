"""What a structure set refers to: its frame of reference, the source images, the structure set before it."""

from pydicom.dataset import Dataset
from pydicom.uid import UID

from clara_stages.dicom_writer.inputs.predecessor import Predecessor
from clara_stages.dicom_writer.inputs.source_stack import SourceSlice, SourceStack

STUDY_CLASS_UID = UID("1.2.840.10008.3.1.2.3.1")
"""Detached Study Management, retired: what stands for a study in RT Referenced Study Sequence (PS3.3 C.8.8.5)."""


def image_reference(image: SourceSlice) -> Dataset:
    """An item of Contour Image Sequence for one source image (PS3.3 Table 10-3)."""
    item = Dataset()
    item.ReferencedSOPClassUID = image.sop_class_uid
    item.ReferencedSOPInstanceUID = image.sop_instance_uid
    if image.frame is not None:
        item.ReferencedFrameNumber = image.frame
    return item


def frame_of_reference_item(source: SourceStack) -> Dataset:
    """The item of Referenced Frame of Reference Sequence: the study, the series and all its images."""
    series = Dataset()
    series.SeriesInstanceUID = source.first.SeriesInstanceUID
    series.ContourImageSequence = _instance_references(source)
    study = Dataset()
    study.ReferencedSOPClassUID = STUDY_CLASS_UID
    study.ReferencedSOPInstanceUID = source.first.StudyInstanceUID
    study.RTReferencedSeriesSequence = [series]
    item = Dataset()
    item.FrameOfReferenceUID = source.frame_of_reference_uid
    item.RTReferencedStudySequence = [study]
    return item


def _instance_references(source: SourceStack) -> list[Dataset]:
    """One item for each instance, with the numbers of all its frames that belong to the stack."""
    items: dict[str, Dataset] = {}
    frames: dict[str, list[int]] = {}
    for image in source.slices:
        items.setdefault(image.sop_instance_uid, image_reference(image))
        if image.frame is not None:
            frames.setdefault(image.sop_instance_uid, []).append(image.frame)
    for uid, numbers in frames.items():
        items[uid].ReferencedFrameNumber = numbers
    return list(items.values())


def predecessor_items(predecessor: Predecessor) -> list[Dataset]:
    """The items of Predecessor Structure Set Sequence (PS3.3 C.8.8.5)."""
    items = []
    for class_uid, instance_uid in predecessor.instances:
        item = Dataset()
        item.ReferencedSOPClassUID = class_uid
        item.ReferencedSOPInstanceUID = instance_uid
        items.append(item)
    return items
