"""A file becomes plain values, or a reason that says nothing about the patient."""

import pydicom
import pytest

from clara_stages.dicom_reader.headers.files import StudyFile
from clara_stages.dicom_reader.headers.instance import NotAnInstanceError, read_instance
from clara_stages.dicom_reader.headers.study import quiet_pydicom
from tests.support.series import uid, write_ct_series


def read(path, refusal=""):
    with quiet_pydicom():
        return read_instance(StudyFile(path=path, label="file 1 of 1", refusal=refusal))


def changed(folder, **values):
    def change(_k, dataset):
        for keyword, value in values.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                dataset[keyword]._value = value  # past the check of values

    return write_ct_series(folder, shape=(6, 5, 1), change=change)[0]


def test_a_slice_is_read_as_plain_values(tmp_path):
    path = write_ct_series(tmp_path, shape=(6, 5, 1))[0]
    instance = read(path)
    assert (instance.plane.rows, instance.plane.columns) == (5, 6)
    assert instance.plane.position_lps_mm == (-20, -30, 40)
    assert instance.plane.pixel_spacing_mm == (0.9, 0.8)
    assert instance.plane.frame_of_reference_uid == uid("study", "frame of reference")
    assert (instance.rescale.slope, instance.rescale.intercept, instance.rescale.rescale_type) == (1, -1024, "HU")
    assert (instance.pixels.pixel_element, instance.pixels.signed, instance.fault) == ("integer", True, "")
    assert instance.header["SeriesDescription"] == "CT phantom"


def test_a_data_set_without_preamble_is_read(tmp_path):
    path = write_ct_series(tmp_path, shape=(6, 5, 1))[0]
    dataset = pydicom.dcmread(path)
    del dataset.file_meta, dataset.preamble
    pydicom.dcmwrite(tmp_path / "bare", dataset, implicit_vr=True, little_endian=True)
    instance = read(tmp_path / "bare")
    assert instance.sop_instance_uid == dataset.SOPInstanceUID
    assert instance.pixels.transfer_syntax_uid == "1.2.840.10008.1.2"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"Mary Jones, born 1950", "no DICOM"),
        (b"PK\x03\x04" + b"\0" * 200, "no DICOM"),
        (b"\0" * 128 + b"DICM", "no Study Instance UID"),
        (b"\x08\x00" + b"\xff" * 300, "no Study Instance UID"),
    ],
)
def test_what_is_no_instance_is_left_out_with_a_reason(tmp_path, content, reason):
    path = tmp_path / "Mary Jones"
    path.write_bytes(content)
    with pytest.raises(NotAnInstanceError) as caught:
        read(path)
    assert "Jones" not in str(caught.value)
    assert str(caught.value).startswith((reason, "broken or truncated DICOM"))


def test_every_truncation_is_an_instance_without_pixels_or_left_out(tmp_path):
    path = write_ct_series(tmp_path, shape=(6, 5, 1))[0]
    whole = path.read_bytes()
    for length in range(0, len(whole) - 100, 37):
        path.write_bytes(whole[:length])
        try:
            instance = read(path)
        except NotAnInstanceError:
            continue
        assert instance.pixels.pixel_element == ""


def test_a_link_out_of_the_folder_is_left_out(tmp_path):
    with pytest.raises(NotAnInstanceError, match="a link out of the study folder"):
        read(tmp_path / "x", refusal="a link out of the study folder")


def test_a_file_that_cannot_be_opened_is_left_out(tmp_path):
    with pytest.raises(NotAnInstanceError, match=r"cannot be opened \(FileNotFoundError\)"):
        read(tmp_path / "gone")


@pytest.mark.parametrize(
    ("keyword", "name"),
    [
        ("StudyInstanceUID", "Study Instance UID"),
        ("SeriesInstanceUID", "Series Instance UID"),
        ("SOPInstanceUID", "SOP Instance UID"),
    ],
)
def test_an_instance_without_its_uids_is_left_out(tmp_path, keyword, name):
    with pytest.raises(NotAnInstanceError, match=f"no {name}"):
        read(changed(tmp_path / "absent", **{keyword: None}))
    with pytest.raises(NotAnInstanceError, match=f"its {name} is no UID"):
        read(changed(tmp_path / "text", **{keyword: "Mary Jones"}))


def test_a_broken_header_keeps_the_identity(tmp_path):
    def change(_k, dataset):
        dataset.add_new(0x00280008, "LO", "many")  # Number of Frames, which is IS

    instance = read(write_ct_series(tmp_path, shape=(6, 5, 1), change=change)[0])
    assert instance.fault == "a broken header (ValueError)"
    assert instance.series_instance_uid == uid("study", "series")


@pytest.mark.parametrize("value", [["1", "2"], ["1", "2", "nan"], ["1", "2", "inf"], ["1", "2", "3", "4"]])
def test_a_position_that_is_not_three_finite_numbers_is_none(tmp_path, value):
    def change(_k, dataset):
        del dataset.ImagePositionPatient
        dataset.add_new(0x00200032, "LO", value)

    assert read(write_ct_series(tmp_path, shape=(6, 5, 1), change=change)[0]).plane.position_lps_mm is None
