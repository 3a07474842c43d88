import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from clara_stages.dicom_writer.header.patient_study import METHOD_NOT_STATED, patient_and_study


@pytest.fixture
def copied(source_header):
    def copy(**attributes):
        warnings: list[str] = []
        return patient_and_study(source_header(**attributes), warnings.append), warnings

    return copy


def test_valid_values_are_copied_without_a_word(copied):
    result, warnings = copied(PatientWeight="71.5", StudyDescription="Abdomen", OtherPatientNames="B^A")
    assert warnings == []
    assert (result.PatientName, result.PatientID, result.PatientAge) == ("Müller^Anna", "P-17", "061Y")
    assert (result.StudyDate, result.StudyTime, result.PatientWeight) == ("20210304", "101112", 71.5)
    assert "Modality" not in result
    assert "PixelSpacing" not in result


def test_missing_type_2_attributes_are_written_empty_and_named_without_values(copied):
    result, warnings = copied(PatientBirthDate=None, StudyID=None)
    assert warnings == ["the source lacks StudyID, PatientBirthDate: written empty"]
    assert result["PatientBirthDate"].is_empty
    assert result["StudyID"].is_empty


def test_an_empty_type_2_attribute_is_no_fault(copied):
    result, warnings = copied(PatientBirthDate="", AccessionNumber="")
    assert warnings == []
    assert result["AccessionNumber"].is_empty


@pytest.mark.parametrize(
    ("attributes", "warning", "present"),
    [
        ({"PatientAge": "0Y"}, "the source's PatientAge is invalid: left out", False),
        ({"PatientSex": "W"}, "the source's PatientSex is invalid: written empty", True),
        ({"PatientBirthDate": "1960-02-29"}, "the source's PatientBirthDate is invalid: written empty", True),
        ({"StudyDescription": "d" * 65}, "the source's StudyDescription is invalid: left out", False),
        ({"PatientIdentityRemoved": "maybe"}, "the source's PatientIdentityRemoved is invalid: left out", False),
        ({"StudyDescription": ["a", "b"]}, "the source's StudyDescription is invalid: left out", False),
    ],
)
def test_an_invalid_value_is_repaired_and_named_without_the_value(copied, attributes, warning, present):
    result, warnings = copied(**attributes)
    (keyword,) = attributes
    assert warnings == [warning]
    assert (keyword in result) == present
    assert not present or result[keyword].is_empty


def test_identity_is_copied_even_where_it_is_invalid(copied):
    result, warnings = copied(StudyID="longer than sixteen characters")
    assert result.StudyID == "longer than sixteen characters"
    assert warnings == ["the source's StudyID is invalid: copied as it is, because results are filed by it"]


def test_a_fault_inside_a_sequence_leaves_the_sequence_out(copied):
    item = Dataset()
    item.PatientID, item.IssuerOfPatientID = "x" * 80, "I"
    result, warnings = copied(OtherPatientIDsSequence=[item])
    assert "OtherPatientIDsSequence" not in result
    assert warnings == ["the source's OtherPatientIDsSequence is invalid: left out"]


def test_identity_removed_without_a_method_gets_one_that_says_so(copied):
    result, warnings = copied(PatientIdentityRemoved="YES", DeidentificationMethod="")
    assert result.DeidentificationMethod == METHOD_NOT_STATED
    assert warnings == ['the source states no DeidentificationMethod: written as "not stated by the source"']


def test_empty_optional_attributes_are_left_out(copied):
    result, warnings = copied(PatientAge="", StudyDescription="")
    assert warnings == []
    assert "PatientAge" not in result
    assert "StudyDescription" not in result


def test_the_source_is_not_changed_through_the_copy(source_header):
    item = Dataset()
    item.PatientID, item.IssuerOfPatientID = "X", "I"
    source = source_header(OtherPatientIDsSequence=[item])
    result = patient_and_study(source, lambda _: None)
    result.PatientName = "Somebody^Else"
    result.OtherPatientIDsSequence[0].PatientID = "Y"
    assert (source.PatientName, source.OtherPatientIDsSequence[0].PatientID) == ("Müller^Anna", "X")


def test_bytes_that_cannot_be_decoded_are_written_empty_and_named(source_header):
    source = source_header()
    raw = RawDataElement(Tag("PatientBirthDate"), "FD", 3, b"abc", 0, False, True)
    source.__dict__["_dict"][Tag("PatientBirthDate")] = raw
    warnings: list[str] = []
    assert patient_and_study(source, warnings.append)["PatientBirthDate"].is_empty
    assert warnings == ["the source's PatientBirthDate is invalid: written empty"]
