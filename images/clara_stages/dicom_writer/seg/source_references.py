"""References of the whole object to its source: General Reference and Common Instance Reference."""

from pydicom.dataset import Dataset

from clara_stages.dicom_writer.header.references import image_references, instance_reference
from clara_stages.dicom_writer.inputs.source_stack import SourceStack


def set_source_references(result: Dataset, source: SourceStack) -> None:
    """Name each source instance once (PS3.3 C.12.4, C.12.2).

    Source Image Sequence lists frame numbers where only some frames of an instance were used, as of one time point
    of many.

    Args:
        result: Changed in place.
        source: The slices.
    """
    result.SourceImageSequence = image_references(source.slices)
    for item, instance in zip(result.SourceImageSequence, source.instances, strict=True):
        if item.get_item("ReferencedFrameNumber") and instance.NumberOfFrames == item["ReferencedFrameNumber"].VM:
            del item.ReferencedFrameNumber
    series = Dataset()
    series.SeriesInstanceUID = source.first.SeriesInstanceUID
    series.ReferencedInstanceSequence = [
        instance_reference(instance.SOPClassUID, instance.SOPInstanceUID) for instance in source.instances
    ]
    result.ReferencedSeriesSequence = [series]
