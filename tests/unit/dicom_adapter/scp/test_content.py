import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from clara_stages.dicom_adapter.scp import content


def same_content(one, other):
    with other.open("rb") as stream:
        return content.same_content(one, stream)


def write(path, dataset, syntax=ExplicitVRLittleEndian):
    if syntax is RLELossless:
        dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.file_meta.TransferSyntaxUID = syntax
    if syntax is ExplicitVRBigEndian:
        dataset.PixelData = b"".join(dataset.PixelData[at : at + 2][::-1] for at in range(0, len(dataset.PixelData), 2))
    dataset.save_as(path, implicit_vr=syntax is ImplicitVRLittleEndian, little_endian=syntax is not ExplicitVRBigEndian)
    return path


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless])
def test_the_same_image_in_another_transfer_syntax_is_the_same(tmp_path, ct, syntax):
    assert same_content(write(tmp_path / "a", ct()), write(tmp_path / "b", ct(), syntax))


@pytest.mark.parametrize(
    "change",
    [{"value": 1}, {"RescaleIntercept": 0}, {"ImagePositionPatient": [0.0, 0.0, 99.0]}, {"PixelSpacing": [2.0, 2.0]}],
)
def test_other_pixels_geometry_or_rescale_differ(tmp_path, ct, change):
    assert not same_content(write(tmp_path / "a", ct()), write(tmp_path / "b", ct(**change), RLELossless))
    assert not same_content(write(tmp_path / "a", ct()), write(tmp_path / "c", ct(**change)))


def test_a_corrected_name_is_no_other_image(tmp_path, ct):
    assert same_content(write(tmp_path / "a", ct()), write(tmp_path / "b", ct(PatientName="Corrected")))


def test_an_image_without_its_pixels_differs(tmp_path, ct):
    bare = ct()
    del bare.PixelData
    assert not same_content(write(tmp_path / "a", ct()), write(tmp_path / "b", bare))


def test_pixels_that_cannot_be_decoded_differ(tmp_path, ct):
    broken = write(tmp_path / "b", ct(), RLELossless)
    broken.write_bytes(broken.read_bytes()[:-150])
    assert not same_content(write(tmp_path / "a", ct()), broken)


def report(text):
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.88.11", "1.2.3"
    item = Dataset()
    item.TextValue = text
    dataset.ContentSequence = [item]
    dataset.file_meta = FileMetaDataset()
    return dataset


def test_objects_without_pixels_are_compared_by_their_elements(tmp_path):
    first = write(tmp_path / "a", report("a finding"))
    assert same_content(first, write(tmp_path / "b", report("a finding"), ImplicitVRLittleEndian))
    assert not same_content(first, write(tmp_path / "c", report("another")))
