import highdicom as hd
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.sr.codedict import codes

from tools.demo.received import SEGMENTATION_STORAGE, Received, ReceivedError, require_segmentation
from tools.demo.study import find_study
from tools.phantom import write_study


def segmentation_of(folder, target):
    """A segmentation with one square in every image of a folder."""
    images = [dcmread(path) for path in sorted(folder.glob("*.dcm"))]
    pixels = np.zeros((len(images), images[0].Rows, images[0].Columns), dtype=np.uint8)
    pixels[:, 10:20, 10:20] = 1
    description = hd.seg.SegmentDescription(
        segment_number=1,
        segment_label="Liver",
        segmented_property_category=codes.SCT.Organ,
        segmented_property_type=codes.SCT.Liver,
        algorithm_type="MANUAL",
    )
    segmentation = hd.seg.Segmentation(
        source_images=images,
        pixel_array=pixels,
        segmentation_type="BINARY",
        segment_descriptions=[description],
        series_instance_uid=hd.UID(),
        series_number=9,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="clara-ops",
        manufacturer_model_name="test",
        software_versions="1",
        device_serial_number="1",
    )
    segmentation.save_as(target)
    return Received(path=target, sop_class_uid=SEGMENTATION_STORAGE, modality="SEG")


@pytest.fixture
def study(tmp_path):
    write_study(tmp_path / "study", slices=4, rows=64)
    return find_study(tmp_path / "study")


def test_a_segmentation_of_the_study_is_accepted(study, tmp_path):
    received = segmentation_of(study.folder, tmp_path / "seg.dcm")
    assert require_segmentation((received,), study) == received.path


def test_a_segmentation_of_another_study_is_refused(study, tmp_path):
    write_study(tmp_path / "other", slices=4, rows=64, seed=99)
    received = segmentation_of(tmp_path / "other", tmp_path / "seg.dcm")
    with pytest.raises(ReceivedError, match="refers to 4 of 4 images that were not in the study sent"):
        require_segmentation((received,), study)


def test_a_truncated_segmentation_is_refused(study, tmp_path):
    received = segmentation_of(study.folder, tmp_path / "seg.dcm")
    received.path.write_bytes(received.path.read_bytes()[:600])
    with pytest.raises(ReceivedError, match=r"seg\.dcm is no valid DICOM SEG"):
        require_segmentation((received,), study)


def test_nothing_received_is_said_so(study):
    with pytest.raises(ReceivedError, match="the demo PACS received nothing, no DICOM SEG"):
        require_segmentation((), study)
