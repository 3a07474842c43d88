"""Items that refer to other objects."""

import numpy as np
import pytest

from clara_stages.dicom_writer.header.references import image_reference, image_references, predecessor_document
from clara_stages.dicom_writer.inputs.predecessor import Predecessor
from clara_stages.dicom_writer.inputs.source_stack import SourceSlice


@pytest.fixture
def images(source_header):
    """Two frames of one instance, the higher number first, and a single-frame instance."""
    multi, single = source_header(SOPInstanceUID="1.2.3.4.1"), source_header(SOPInstanceUID="1.2.3.4.2")
    return [
        SourceSlice(instance=instance, frame=frame, position_lps_mm=np.zeros(3))
        for instance, frame in ((multi, 3), (single, None), (multi, 1))
    ]


def test_one_image_is_named_with_its_frame_where_it_is_one_of_several(images):
    assert image_reference(images[0]).ReferencedFrameNumber == 3
    assert "ReferencedFrameNumber" not in image_reference(images[1])


def test_images_of_one_instance_are_one_item_with_rising_frame_numbers(images):
    multi, single = image_references(images)
    assert (multi.ReferencedSOPInstanceUID, list(multi.ReferencedFrameNumber)) == ("1.2.3.4.1", [1, 3])
    assert single.ReferencedSOPInstanceUID == "1.2.3.4.2"
    assert "ReferencedFrameNumber" not in single


def test_an_earlier_document_is_named_with_study_and_series():
    earlier = Predecessor(study_instance_uid="1.2", series_instance_uid="1.3", instances=(("1.4", "1.5"),))
    item = predecessor_document(earlier)
    (series,) = item.ReferencedSeriesSequence
    (instance,) = series.ReferencedSOPSequence
    assert (item.StudyInstanceUID, series.SeriesInstanceUID) == ("1.2", "1.3")
    assert (instance.ReferencedSOPClassUID, instance.ReferencedSOPInstanceUID) == ("1.4", "1.5")
