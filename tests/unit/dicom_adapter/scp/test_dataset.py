import json

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)
from pynetdicom.dsutils import encode

from clara_stages.dicom_adapter.scp.dataset import UnreadableDatasetError, parse_header
from clara_stages.kit.contract.facts import build_study_facts

SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]


def encoded(dataset, syntax=ExplicitVRLittleEndian):
    return encode(dataset, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_identity_and_facts_are_read_in_every_plain_transfer_syntax(ct, syntax):
    header = parse_header(encoded(ct(3), syntax), syntax)
    assert (header.sop_instance_uid, header.study_instance_uid) == ("1.2.826.1.1.3", "1.2.826.1")
    assert header.sop_class_uid == "1.2.840.10008.5.1.4.1.1.2"
    assert header.values["Rows"] == 16
    assert header.values["StudyDescription"] == "Abdomen"
    assert not header.own_result


def test_the_facts_hold_no_patient(ct):
    assert "Secret" not in str(parse_header(encoded(ct()), ExplicitVRLittleEndian).values)
    assert "SECRET" not in str(parse_header(encoded(ct()), ExplicitVRLittleEndian).values)


@pytest.mark.parametrize("syntax", SYNTAXES[:3])
def test_pixel_data_that_ends_early_is_found(ct, syntax):
    with pytest.raises(UnreadableDatasetError, match=r"the pixel data has 412 bytes, its length says 512"):
        parse_header(encoded(ct(), syntax)[:-100], syntax)


@pytest.mark.parametrize("garbage", [b"", b"\x00", b"\xff" * 1000, b"GET / HTTP/1.1\r\n\r\n", bytes(range(256)) * 8])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_garbage_is_refused_or_has_no_identity(garbage, syntax):
    try:
        header = parse_header(garbage, syntax)
    except UnreadableDatasetError:
        return
    assert header.sop_instance_uid == ""


def test_a_result_of_ours_is_known_by_its_contributing_equipment(ct):
    item = Dataset()
    item.Manufacturer = "clara-ops"
    assert parse_header(encoded(ct(ContributingEquipmentSequence=[item])), ExplicitVRLittleEndian).own_result
    item.Manufacturer = "ACME"
    assert not parse_header(encoded(ct(ContributingEquipmentSequence=[item])), ExplicitVRLittleEndian).own_result


def test_a_broken_element_does_not_hide_the_others(ct):
    dataset = ct()
    dataset.add_new(0x00180050, "DS", "1")
    raw = encoded(dataset).replace(b"DS\x02\x001 ", b"DS\x02\x00x ")
    assert parse_header(raw, ExplicitVRLittleEndian).values["Rows"] == 16


@pytest.mark.parametrize("syntax", SYNTAXES[:3])
def test_a_header_that_ends_in_the_middle_of_an_element_is_refused(ct, syntax):
    raw = encoded(ct(StationName="a name long enough to be cut"), syntax)
    start = raw.index(b"a name long enough")
    for length in (start - 4, start - 1, start + 5, raw.index(b"MONOCHROME2") + 3):
        with pytest.raises(UnreadableDatasetError, match=r"ends in the middle of an element|cannot be parsed"):
            parse_header(raw[:length], syntax)


@pytest.mark.parametrize("padding", [b"\0", b"\0\0\0\0"])
def test_zeros_after_the_last_element_are_borne(ct, padding):
    report = ct()
    del report.PixelData
    assert parse_header(encoded(report) + padding, ExplicitVRLittleEndian).sop_instance_uid == "1.2.826.1.1.1"


def test_compressed_pixel_data_that_ends_early_is_found(ct):
    dataset = ct()
    dataset.compress(RLELossless, generate_instance_uid=False)
    raw = encoded(dataset)
    assert parse_header(raw, RLELossless).values["Rows"] == 16
    with pytest.raises(UnreadableDatasetError, match="a fragment of the pixel data lacks 12 bytes"):
        parse_header(raw[:-20], RLELossless)
    assert parse_header(raw[:-8], RLELossless).values["Rows"] == 16, "only the last delimiter is missing"


def test_a_deflated_data_set_that_ends_early_is_found(ct):
    raw = encoded(ct(), DeflatedExplicitVRLittleEndian)
    with pytest.raises(UnreadableDatasetError, match="the deflated data set ends early"):
        parse_header(raw[:-20], DeflatedExplicitVRLittleEndian)


@pytest.mark.parametrize("value", ["NaN", "inf ", "-inf", "1e999 "])
def test_a_number_that_is_none_is_left_out_of_the_facts(ct, value):
    dataset = ct(SliceThickness="1.25")
    raw = encoded(dataset).replace(b"DS\x04\x001.25", b"DS" + len(value).to_bytes(2, "little") + value.encode())
    values = parse_header(raw.replace(b"DS\x03\x00NaN", b"DS\x04\x00NaN "), ExplicitVRLittleEndian).values
    assert "SliceThickness" not in values
    assert json.loads(json.dumps(build_study_facts([values]), allow_nan=False))["series"][0]["rows"] == 16
