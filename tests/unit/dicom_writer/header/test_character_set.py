"""What a result's texts are written in, and that they read back."""

from io import BytesIO

import pytest
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from clara_stages.dicom_writer.header.series_attributes import complete_header

KANJI = "Yamada^Tarou=山田^太郎=やまだ^たろう"
KOREAN = "Hong^Gildong=洪^吉洞=홍^길동"
LOST = "the source's character set cannot hold every text of the result: written as UTF-8 (ISO_IR 192)"


def read_back(result):
    result.SOPClassUID, result.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3.9"
    result.file_meta = FileMetaDataset()
    result.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    stream = BytesIO()
    dcmwrite(stream, result, enforce_file_format=True)
    stream.seek(0)
    return dcmread(stream)


def completed(header_job, description="Organs", result=None, **attributes):
    job, warnings = header_job(**attributes)
    result = Dataset() if result is None else result
    complete_header(result, job, "seg", series_description=description)
    return read_back(result), warnings


@pytest.mark.parametrize(
    ("terms", "name"),
    [
        (["", "ISO 2022 IR 87"], KANJI),
        (["ISO 2022 IR 13", "ISO 2022 IR 87"], "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"),
        (["", "ISO 2022 IR 149"], KOREAN),
        ("ISO_IR 126", "Διονυσιος"),
        ("ISO_IR 144", "Илья"),
        ("ISO_IR 192", "王^小東"),
        ("GB18030", "王^小东"),
        ("ISO_IR 100", "Buc^Jérôme"),
    ],
)
def test_a_character_set_that_holds_every_text_is_kept(header_job, terms, name):
    result, warnings = completed(header_job, SpecificCharacterSet=terms, PatientName=name)
    assert warnings == []
    assert (result.SpecificCharacterSet or [""]) == terms
    assert str(result.PatientName) == name


@pytest.mark.parametrize(
    ("terms", "name"), [("ISO_IR 126", "Διονυσιος"), (["", "ISO 2022 IR 87"], KANJI), ("ISO_IR 100", "Buc^Jérôme")]
)
def test_a_text_that_does_not_fit_makes_the_whole_object_utf_8(header_job, terms, name):
    result, warnings = completed(header_job, "Foie 간", SpecificCharacterSet=terms, PatientName=name)
    assert warnings == [LOST]
    assert result.SpecificCharacterSet == "ISO_IR 192"
    assert (str(result.PatientName), result.SeriesDescription) == (name, "Foie 간")


def test_an_item_with_a_character_set_of_its_own_is_written_in_the_result_s(header_job):
    item = Dataset()
    item.SpecificCharacterSet = "ISO_IR 126"
    item.PatientID, item.IssuerOfPatientID = "X", "Διονυσιος"
    result, warnings = completed(header_job, SpecificCharacterSet="ISO_IR 100", OtherPatientIDsSequence=[item])
    (other,) = result.OtherPatientIDsSequence
    assert (result.SpecificCharacterSet, other.IssuerOfPatientID) == ("ISO_IR 192", "Διονυσιος")
    assert "SpecificCharacterSet" not in other
    assert warnings == [LOST]


def test_a_text_deep_inside_the_result_counts(header_job):
    inner, outer = Dataset(), Dataset()
    inner.CodeMeaning = "Leber, mäßig vergrößert 肝"
    outer.ConceptNameCodeSequence = [inner]
    result = Dataset()
    result.ContentSequence = [outer]
    written, _ = completed(header_job, result=result)
    assert written.SpecificCharacterSet == "ISO_IR 192"
    assert written.ContentSequence[0].ConceptNameCodeSequence[0].CodeMeaning == inner.CodeMeaning


def test_no_character_set_stays_none_for_ascii(header_job):
    result, warnings = completed(header_job, SpecificCharacterSet=None, PatientName="Doe^Jane")
    assert warnings == []
    assert "SpecificCharacterSet" not in result


def test_no_character_set_and_more_than_ascii_is_taken_for_latin_1(header_job):
    result, warnings = completed(header_job, SpecificCharacterSet=None)
    assert result.SpecificCharacterSet == "ISO_IR 100"
    assert "declares no character set" in warnings[0]
    assert str(result.PatientName) == "Müller^Anna"


def test_an_unknown_character_set_becomes_utf_8(header_job):
    result, warnings = completed(header_job, SpecificCharacterSet="EBCDIC")
    assert result.SpecificCharacterSet == "ISO_IR 192"
    assert warnings == ["the source's character set is unknown: written as UTF-8 (ISO_IR 192)"]


def test_what_is_wrong_is_said_once_for_many_objects(header_job):
    job, warnings = header_job(SpecificCharacterSet="EBCDIC", StudyID=None)
    for _ in range(3):
        complete_header(Dataset(), job, "sc", series_description="x")
    assert len(warnings) == len(set(warnings)) == 2
