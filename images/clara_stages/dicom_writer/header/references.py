"""Items of results that refer to other objects (SOP Instance Reference macros, PS3.3 tables 10-3 and 10-11)."""

from collections.abc import Iterable

from pydicom.dataset import Dataset

from clara_stages.dicom_writer.inputs.predecessor import Predecessor
from clara_stages.dicom_writer.inputs.source_stack import SourceSlice


def instance_reference(sop_class_uid: str, sop_instance_uid: str) -> Dataset:
    """An object as a whole."""
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class_uid
    item.ReferencedSOPInstanceUID = sop_instance_uid
    return item


def image_reference(image: SourceSlice) -> Dataset:
    """One source image: its instance, and which of its frames where that has several."""
    item = instance_reference(image.sop_class_uid, image.sop_instance_uid)
    if image.frame is not None:
        item.ReferencedFrameNumber = image.frame
    return item


def image_references(images: Iterable[SourceSlice]) -> list[Dataset]:
    """Some source images: an item for each instance, with the numbers of those of its frames that are meant."""
    items = []
    for instance, frames in frames_by_instance(images).items():
        item = instance_reference(*instance)
        if frames:
            item.ReferencedFrameNumber = frames
        items.append(item)
    return items


def frames_by_instance(images: Iterable[SourceSlice]) -> dict[tuple[str, str], list[int]]:
    """(SOP Class UID, SOP Instance UID) -> numbers of the frames, rising; none of a single-frame instance."""
    frames: dict[tuple[str, str], list[int]] = {}
    for image in images:
        numbers = frames.setdefault((image.sop_class_uid, image.sop_instance_uid), [])
        numbers += [] if image.frame is None else [image.frame]
    return {instance: sorted(numbers) for instance, numbers in frames.items()}


def predecessor_document(predecessor: Predecessor) -> Dataset:
    """The item of Predecessor Documents Sequence that names an earlier result (PS3.3 C.17.2.1)."""
    series = Dataset()
    series.SeriesInstanceUID = predecessor.series_instance_uid
    series.ReferencedSOPSequence = [instance_reference(*instance) for instance in predecessor.instances]
    study = Dataset()
    study.StudyInstanceUID = predecessor.study_instance_uid
    study.ReferencedSeriesSequence = [series]
    return study
