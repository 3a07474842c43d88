"""A file becomes plain values, or a reason that says nothing about the patient."""

import os
import struct
import zlib

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from clara_stages.dicom_reader.headers.files import StudyFile
from clara_stages.dicom_reader.headers.read import NotAnInstanceError, read_file
from clara_stages.dicom_reader.limits import Limits
from clara_stages.dicom_reader.sop_classes import ObjectKind
from tests.support.series import uid, write_ct_series, write_series

DEFLATED = "1.2.840.10008.1.2.1.99"


def read(path, refusal="", **limits):
    return read_file(StudyFile(path=path, label="file 1 of 1", relative="x", refusal=refusal), Limits(**limits))


def one(path, **limits):
    instance, frames = read(path, **limits)
    assert len(frames) == 1
    return instance, frames[0]


def reason(path, **limits):
    with pytest.raises(NotAnInstanceError) as caught:
        read(path, **limits)
    return str(caught.value)


def write_slice(folder, change=None):
    return write_ct_series(folder, shape=(6, 5, 1), change=None if change is None else lambda _k, data: change(data))[0]


def changed(folder, **values):
    def change(dataset):
        for keyword, value in values.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                dataset[keyword]._value = value  # past the check of values

    return write_slice(folder, change)


def test_a_slice_is_read_as_plain_values(tmp_path):
    instance, frame = one(write_slice(tmp_path))
    plane = frame.plane
    assert (plane.rows, plane.columns) == (5, 6)
    assert plane.position_lps_mm == (-20, -30, 40)
    assert plane.pixel_spacing_mm == (0.9, 0.8)
    assert plane.frame_of_reference_uid == uid("study", "frame of reference")
    assert (frame.rescale.slope, frame.rescale.intercept, frame.rescale.rescale_type) == (1, -1024, "HU")
    assert (instance.pixels.pixel_element, instance.pixels.signed, instance.fault) == ("integer", True, "")
    assert (instance.kind, frame.number, frame.index) == (ObjectKind.SLICES, None, 0)
    assert instance.header["SeriesDescription"] == "CT phantom"
    assert (instance.label, instance.relative) == ("file 1 of 1", "x")


@pytest.mark.parametrize("sop_class", ["1.2.840.10008.5.1.4.1.1.5", "1.2.840.10008.5.1.4.1.1.6"])
def test_images_of_retired_classes_are_images(tmp_path, sop_class):
    instance, frames = read(changed(tmp_path, SOPClassUID=sop_class))
    assert (instance.kind, len(frames)) == (ObjectKind.IMAGE, 1)


def test_the_pixel_data_is_where_the_format_says(tmp_path):
    path = write_slice(tmp_path)
    pixels = one(path)[0].pixels
    stored = pydicom.dcmread(path).PixelData
    assert path.read_bytes()[pixels.value_offset : pixels.value_offset + pixels.value_length] == stored


@pytest.mark.parametrize(("implicit", "little"), [(True, True), (False, True), (False, False)])
def test_a_data_set_without_preamble_is_read(tmp_path, implicit, little):
    dataset = pydicom.dcmread(write_slice(tmp_path))
    del dataset.file_meta, dataset.preamble
    pydicom.dcmwrite(tmp_path / "bare", dataset, implicit_vr=implicit, little_endian=little)
    instance, frame = one(tmp_path / "bare")
    syntax = {(True, True): "1.2.840.10008.1.2", (False, True): "1.2.840.10008.1.2.1"}
    assert instance.pixels.transfer_syntax_uid == syntax.get((implicit, little), "1.2.840.10008.1.2.2")
    assert frame.plane.position_lps_mm == (-20, -30, 40)
    assert (frame.plane.rows, frame.attributes.kvp) == (5, 120)


@pytest.mark.parametrize("named", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.2", DEFLATED, "", "Mary Jones"])
def test_a_wrong_transfer_syntax_gives_way_to_the_encoding_that_is_there(tmp_path, named):
    path = write_slice(tmp_path)
    whole = path.read_bytes()
    element = whole.index(b"\x02\x00\x10\x00UI")
    length = struct.unpack_from("<H", whole, element + 6)[0]
    padded = named.encode().ljust(len(named) + len(named) % 2, b"\0")
    path.write_bytes(whole[: element + 6] + struct.pack("<H", len(padded)) + padded + whole[element + 8 + length :])
    instance, frame = one(path)
    assert frame.plane.position_lps_mm == (-20, -30, 40)
    assert instance.pixels.transfer_syntax_uid in (("1.2.840.10008.1.2.1",) if named != DEFLATED else (DEFLATED,))


def test_a_file_named_explicit_that_is_implicit_is_read(tmp_path):
    path = write_slice(tmp_path)
    explicit = path.read_bytes()
    dataset = pydicom.dcmread(path)
    del dataset.file_meta, dataset.preamble
    pydicom.dcmwrite(tmp_path / "bare", dataset, implicit_vr=True, little_endian=True)
    meta_end = explicit.index(b"\x08\x00\x05\x00CS")
    path.write_bytes(explicit[:meta_end] + (tmp_path / "bare").read_bytes())
    assert one(path)[1].plane.position_lps_mm == (-20, -30, 40)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "an empty file"),
        (b"Mary Jones, born 1950", "no DICOM: text"),
        (b"\0" * 128 + b"DICM", "DICOM without a Study Instance UID"),
        (b"\x08\x00" + b"\xff" * 300, "broken or truncated DICOM"),
        (b"\0" * 128 + b"DICM\x02\x00\x10\x00UN\0\0\xff\xff\xff\x7f", "broken or truncated DICOM"),
    ],
)
def test_what_is_no_instance_is_left_out_with_a_reason(tmp_path, content, expected):
    path = tmp_path / "Mary Jones"
    path.write_bytes(content)
    assert reason(path).startswith(expected)
    assert "Jones" not in reason(path)


def test_every_truncation_of_a_header_is_a_fault_or_left_out(tmp_path):
    path = write_slice(tmp_path)
    whole = path.read_bytes()
    for length in range(0, len(whole) - 100, 7):
        path.write_bytes(whole[:length])
        try:
            instance, frame = one(path)
        except NotAnInstanceError:
            continue
        assert instance.fault or not instance.pixels.pixel_element
        assert frame.plane.position_lps_mm is None


def test_a_link_out_of_the_folder_is_left_out(tmp_path):
    with pytest.raises(NotAnInstanceError, match="a link out of the study folder"):
        read(tmp_path / "x", refusal="a link out of the study folder")


def test_what_stands_in_place_of_a_file_is_left_out_and_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    (tmp_path / "folder").mkdir()
    assert reason(tmp_path / "gone") == "cannot be opened (FileNotFoundError)"
    for name in ("pipe", "link", "folder"):
        assert reason(tmp_path / name).startswith("cannot be opened")


@pytest.mark.parametrize(
    ("keyword", "name"),
    [
        ("StudyInstanceUID", "Study Instance UID"),
        ("SeriesInstanceUID", "Series Instance UID"),
        ("SOPInstanceUID", "SOP Instance UID"),
    ],
)
@pytest.mark.parametrize("text", ["Mary Jones", "../../etc/passwd", "/1.2.3", "1." * 40, "1.2.3\n", "٣"])
def test_an_instance_without_its_uids_is_left_out(tmp_path, keyword, name, text):
    assert reason(changed(tmp_path / "absent", **{keyword: None})) == f"DICOM without a {name}"
    assert reason(changed(tmp_path / "empty", **{keyword: ""})) == f"DICOM without a {name}"
    path = changed(tmp_path / "text", **{keyword: "x"})
    raw = text.encode()
    raw += b" " * (len(raw) % 2)
    tag = {"StudyInstanceUID": b"\x20\0\x0d\0", "SeriesInstanceUID": b"\x20\0\x0e\0"}.get(keyword, b"\x08\0\x18\0")
    path.write_bytes(path.read_bytes().replace(tag + b"UI\x02\0x\0", tag + b"UI" + struct.pack("<H", len(raw)) + raw))
    if text == "1.2.3\n":
        assert one(path)[0] is not None  # trailing white space is padding
    else:
        assert reason(path) == f"DICOM, but its {name} is no UID"


def test_a_broken_header_keeps_the_identity(tmp_path):
    instance, frame = one(write_slice(tmp_path, lambda data: data.add_new(0x00280008, "LO", "many")))
    assert instance.fault == "a broken header (ValueError)"
    assert instance.series_instance_uid == uid("study", "series")
    assert frame.plane.rows == 0


@pytest.mark.parametrize(
    "value", [["1", "2"], ["1", "2", "nan"], ["1", "2", "inf"], ["1", "2", "3", "4"], ["1", "2", "x"]]
)
def test_a_position_that_is_not_three_finite_numbers_is_none(tmp_path, value):
    def change(dataset):
        del dataset.ImagePositionPatient
        dataset.add_new(0x00200032, "LO", value)

    assert one(write_slice(tmp_path, change))[1].plane.position_lps_mm is None


def test_values_of_unknown_vr_are_read_by_the_dictionary(tmp_path):
    path = write_slice(tmp_path)
    whole = path.read_bytes()
    at = whole.index(b"\x28\0\x10\0US\x02\0")  # Rows
    path.write_bytes(whole[: at + 4] + b"UN\0\0\x02\0\0\0" + whole[at + 8 :])
    assert one(path)[1].plane.rows == 5
    path.write_bytes(whole[: at + 4] + b"??" + whole[at + 6 :])
    assert one(path)[0].fault.startswith("an image with a broken or truncated header (at (0028,0010))")


def test_a_break_behind_what_is_needed_does_not_lose_the_image(tmp_path):
    def change(dataset):
        dataset.add_new(0x00400275, "SQ", Sequence([Dataset()]))

    path = write_slice(tmp_path, change)
    sound = one(path)[0].pixels
    whole = path.read_bytes()
    at = whole.index(b"\x40\0\x75\x02SQ\0\0")
    path.write_bytes(whole[: at + 8] + b"\xf0\xff\xff\x7f" + whole[at + 12 :])
    instance, frame = one(path)
    assert (instance.fault, instance.pixels) == ("", sound)
    assert frame.plane.position_lps_mm == (-20, -30, 40)


def test_a_break_before_what_is_needed_is_a_fault_that_names_the_element(tmp_path):
    path = write_slice(tmp_path)
    whole = path.read_bytes()
    at = whole.index(b"\x18\0\x60\0DS")  # KVP
    path.write_bytes(whole[: at + 6] + b"\xff\xff" + whole[at + 8 :])
    assert reason(path) == "broken or truncated DICOM (no Study Instance UID before the break)"
    at = whole.index(b"\x28\0\x11\0US")  # Columns
    path.write_bytes(whole[: at + 6] + b"\xff\xff" + whole[at + 8 :])
    assert one(path)[0].fault == "an image with a broken or truncated header (at (0028,0011))"


def test_an_element_that_stands_there_twice_and_differs_is_a_fault(tmp_path):
    path = write_slice(tmp_path)
    whole = path.read_bytes()
    at = whole.index(b"\x28\0\x10\0US")  # Rows
    rows = whole[at : at + 10]
    path.write_bytes(whole[:at] + rows + whole[at:])
    assert one(path)[0].fault == ""
    path.write_bytes(whole[:at] + rows[:8] + b"\x09\0" + whole[at:])
    assert one(path)[0].fault == "an image whose header has (0028,0010) twice with different values"


def test_a_sign_that_is_neither_is_a_fault(tmp_path):
    assert one(changed(tmp_path, PixelRepresentation=120))[0].fault == "a broken header (ValueError)"


def test_slices_that_do_not_say_whether_values_are_signed_are_a_fault(tmp_path):
    expected = "an image without Pixel Representation: whether its values are signed is not known"
    assert one(changed(tmp_path / "absent", PixelRepresentation=None))[0].fault == expected
    assert one(changed(tmp_path / "read", PixelRepresentation=0))[0].fault == ""


def test_a_slice_without_modality_or_photometric_interpretation_is_what_its_class_is(tmp_path):
    instance, frame = one(changed(tmp_path, Modality=None, PhotometricInterpretation=None))
    assert (instance.fault, instance.modality) == ("", "CT")
    assert frame.instance.pixels.find_other_kind() == ""


@pytest.mark.parametrize("depth", [10, 1000, 20_000])
@pytest.mark.parametrize("closed", [True, False])
def test_deep_nesting_neither_recurses_nor_hides_the_image(tmp_path, depth, closed):
    path = write_slice(tmp_path)
    whole = path.read_bytes()
    at = whole.index(b"\x20\0\x0d\0UI")
    opening = b"\x18\0\x26\x92SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    closing = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    path.write_bytes(whole[:at] + opening * depth + closing * depth * closed + whole[at:])
    if closed:
        assert one(path)[1].plane.position_lps_mm == (-20, -30, 40)
    else:
        assert reason(path).startswith("broken or truncated DICOM")


@pytest.mark.parametrize("value", [["1" * 40], ["9" * 5000]])
def test_an_absurd_number_of_frames_makes_no_frames(tmp_path, value):
    instance, frame = one(write_slice(tmp_path, lambda data: data.add_new(0x00280008, "LO", value)))
    assert "frames" in instance.fault or "broken header" in instance.fault
    assert frame.number is None


def test_sizes_beyond_the_limits_are_faults_with_their_numbers(tmp_path):
    path = changed(tmp_path / "size", Rows=65535, Columns=65535)
    assert one(path)[0].fault == "an image of 65535 x 65535 pixels; at most 268435456 are read"
    path = write_slice(tmp_path / "frames", lambda data: setattr(data, "NumberOfFrames", 200_000))
    assert one(path)[0].fault == "an object of 200000 frames; read are 1 to 131072"
    path = write_slice(tmp_path / "few", lambda data: setattr(data, "NumberOfFrames", 100_000))
    assert one(path)[0].fault.startswith("an object of 100000 frames in a truncated file of")


def deflate(path, dataset_bytes, meta_of):
    whole = meta_of.read_bytes()
    element = whole.index(b"\x02\x00\x10\x00UI")
    length = struct.unpack_from("<H", whole, element + 6)[0]
    start = whole.index(b"\x08\x00\x05\x00CS")
    meta = whole[: element + 6] + struct.pack("<H", len(DEFLATED)) + DEFLATED.encode()
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    parts = [compressor.compress(part) for part in dataset_bytes(whole[start:])]
    path.write_bytes(meta + whole[element + 8 + length : start] + b"".join(parts) + compressor.flush())


def test_a_deflated_header_is_inflated(tmp_path):
    path = write_slice(tmp_path)
    deflate(tmp_path / "deflated", lambda data: [data], path)
    instance, frame = one(tmp_path / "deflated")
    assert frame.plane.position_lps_mm == (-20, -30, 40)
    assert (instance.pixels.transfer_syntax_uid, instance.pixels.value_offset) == (DEFLATED, 0)


def test_a_deflated_bomb_is_inflated_up_to_the_limit_alone(tmp_path):
    path = write_slice(tmp_path)

    def bomb(data):
        yield data[: data.index(b"\x20\0\x0d\0UI")]
        yield b"\x19\0\x10\x10OB\0\0\0\0\0\x7f"
        for _ in range(64):
            yield bytes(1 << 20)

    deflate(tmp_path / "bomb", bomb, path)
    assert reason(tmp_path / "bomb", max_header_mib=8) == "broken DICOM (a header of more than 8 MiB)"


def test_what_is_said_to_be_deflated_and_is_not_is_left_out(tmp_path):
    path = write_slice(tmp_path)
    deflate(tmp_path / "garbage", lambda data: [data], path)
    whole = (tmp_path / "garbage").read_bytes()
    (tmp_path / "garbage").write_bytes(whole[:-300] + b"\xff" * 300)
    assert reason(tmp_path / "garbage").startswith("broken or truncated DICOM")


def test_directories_slides_and_objects_are_told_apart(tmp_path):
    def as_class(name, sop_class):
        def change(dataset):
            dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = sop_class

        return write_slice(tmp_path / name, change)

    assert reason(as_class("directory", "1.2.840.10008.1.3.10")).startswith("DICOMDIR")
    assert reason(as_class("slide", "1.2.840.10008.5.1.4.1.1.77.1.6")) == "a whole slide image"
    instance, frames = read(as_class("object", "1.2.840.10008.5.1.4.1.1.481.3"))
    assert (instance.kind, instance.fault, frames) == (ObjectKind.OBJECT, "", ())


def test_an_image_without_pixel_data_has_one_frame_without_a_plane(tmp_path):
    instance, frame = one(write_slice(tmp_path, lambda data: delattr(data, "PixelData")))
    assert (instance.pixels.pixel_element, frame.plane.position_lps_mm) == ("", None)


def test_frames_of_a_cine_share_the_plane_of_the_object(tmp_path):
    def change(dataset):
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.12.1"
        dataset.NumberOfFrames = 3
        dataset.ImagerPixelSpacing = ["0.2", "0.3"]
        dataset.PixelData = dataset.PixelData * 3

    instance, frames = read(write_slice(tmp_path, change))
    assert instance.kind is ObjectKind.IMAGE
    assert [frame.number for frame in frames] == [1, 2, 3]
    assert frames[0].plane is frames[2].plane
    assert frames[1].imager_pixel_spacing_mm == (0.2, 0.3)


def test_frames_of_nuclear_medicine_lie_where_their_detector_was(tmp_path):
    def change(dataset):
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.20"
        del dataset.ImagePositionPatient, dataset.ImageOrientationPatient
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "STATIC", "EMISSION"]
        dataset.NumberOfFrames = 2
        dataset.PixelData = dataset.PixelData * 2
        detectors = []
        for z in (10, 20):
            item = Dataset()
            item.ImagePositionPatient = [0, 0, z]
            item.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
            detectors.append(item)
        dataset.DetectorInformationSequence = Sequence(detectors)
        dataset.DetectorVector = [2, 1]

    frames = read(write_slice(tmp_path / "static", change))[1]
    assert [frame.plane.position_lps_mm for frame in frames] == [(0, 0, 20), (0, 0, 10)]

    def tomogram(dataset):
        change(dataset)
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"]

    frames = read(write_slice(tmp_path / "tomo", tomogram))[1]
    assert [frame.plane.position_lps_mm for frame in frames] == [None, None]


def test_a_pet_image_carries_its_pet_header(tmp_path):
    def change(_k, dataset):
        agent = Dataset()
        agent.RadionuclideTotalDose = "370000000"
        dataset.RadiopharmaceuticalInformationSequence = Sequence([agent])

    instance, _ = read(write_series(tmp_path, modality="PT", shape=(6, 5, 1), change=change)[0])
    assert (instance.pet.units, instance.pet.dose) == ("BQML", 370e6)
    assert one(write_slice(tmp_path / "ct"))[0].pet is None


def test_text_in_a_national_character_set_is_decoded(tmp_path):
    def change(dataset):
        dataset.SpecificCharacterSet = "ISO_IR 100"
        dataset.SeriesDescription = "Schädel"

    assert one(write_slice(tmp_path, change))[0].header["SeriesDescription"] == "Schädel"


def test_a_text_of_an_unknown_character_set_is_no_fault(tmp_path):
    path = write_slice(tmp_path, lambda data: setattr(data, "SeriesDescription", "CT phantom"))
    whole = path.read_bytes().replace(b"ISO_IR 192", b"ISO_IR 999").replace(b"CT phantom", b"CT phant\xf6m")
    path.write_bytes(whole)
    assert one(path)[0].header["SeriesDescription"].startswith("CT phant")


def test_a_header_of_many_small_elements_is_bounded(tmp_path):
    path = write_slice(tmp_path)
    whole = path.read_bytes()
    at = whole.index(b"\x20\0\x0d\0UI")
    path.write_bytes(whole[:at] + b"\x19\0\x10\x10SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\0\0\0\0" * 400_000)
    assert reason(path, max_header_mib=1) == "broken DICOM (a header of more than 1 MiB)"
