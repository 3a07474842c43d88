"""References of the whole object to its source: General Reference and Common Instance Reference."""

from pydicom.dataset import Dataset

from clara_stages.dicom_writer.inputs.source_stack import SourceStack


def set_source_references(result: Dataset, source: SourceStack) -> None:
    """Name each source instance once (PS3.3 C.12.4, C.12.2).

    Source Image Sequence lists frame numbers where only some frames of an instance were used, as of one time point
    of many.

    Args:
        result: Changed in place.
        source: The slices.
    """
    result.SourceImageSequence = [_image_reference(instance, source) for instance in source.instances]
    series = Dataset()
    series.SeriesInstanceUID = source.first.SeriesInstanceUID
    series.ReferencedInstanceSequence = [_instance_reference(instance) for instance in source.instances]
    result.ReferencedSeriesSequence = [series]


def _instance_reference(instance: Dataset) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = instance.SOPClassUID
    item.ReferencedSOPInstanceUID = instance.SOPInstanceUID
    return item


def _image_reference(instance: Dataset, source: SourceStack) -> Dataset:
    item = _instance_reference(instance)
    if not source.is_multiframe:
        return item
    used = sorted(image.frame for image in source.slices if image.frame is not None and image.instance is instance)
    if len(used) != int(instance.get("NumberOfFrames") or 0):
        item.ReferencedFrameNumber = used
    return item
