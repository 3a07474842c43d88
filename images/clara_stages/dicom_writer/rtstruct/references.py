"""What a structure set refers to: its frame of reference, the source images, the structure set before it."""

from pydicom.dataset import Dataset
from pydicom.uid import UID

from clara_stages.dicom_writer.header.references import image_references, instance_reference
from clara_stages.dicom_writer.inputs.predecessor import Predecessor
from clara_stages.dicom_writer.inputs.source_stack import SourceStack

STUDY_CLASS_UID = UID("1.2.840.10008.3.1.2.3.1")
"""Detached Study Management, retired: what stands for a study in RT Referenced Study Sequence (PS3.3 C.8.8.5)."""


def frame_of_reference_item(source: SourceStack) -> Dataset:
    """The item of Referenced Frame of Reference Sequence: the study, the series and all its images."""
    series = Dataset()
    series.SeriesInstanceUID = source.first.SeriesInstanceUID
    series.ContourImageSequence = image_references(source.slices)
    study = instance_reference(STUDY_CLASS_UID, source.first.StudyInstanceUID)
    study.RTReferencedSeriesSequence = [series]
    item = Dataset()
    item.FrameOfReferenceUID = source.frame_of_reference_uid
    item.RTReferencedStudySequence = [study]
    return item


def predecessor_items(predecessor: Predecessor) -> list[Dataset]:
    """The items of Predecessor Structure Set Sequence (PS3.3 C.8.8.5)."""
    return [instance_reference(*instance) for instance in predecessor.instances]
