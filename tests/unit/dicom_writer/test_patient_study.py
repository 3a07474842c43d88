import pytest
from pydicom import config
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.patient_study import METHOD_NOT_STATED, patient_and_study


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setattr(config.settings, "reading_validation_mode", config.IGNORE)
    monkeypatch.setattr(config.settings, "writing_validation_mode", config.IGNORE)


def copied(build, **attributes):
    warnings: list[str] = []
    return patient_and_study(build.source_instance(0, **attributes), warnings.append), warnings


def test_valid_values_are_copied_without_a_word(build):
    result, warnings = copied(build, PatientWeight="71.5", StudyDescription="Abdomen", OtherPatientNames="B^A")
    assert warnings == []
    assert (result.PatientName, result.PatientID, result.PatientAge) == ("Müller^Anna", "P-17", "061Y")
    assert (result.StudyDate, result.StudyTime, result.PatientWeight) == ("20210304", "101112", 71.5)
    assert "Modality" not in result
    assert "PixelSpacing" not in result


def test_missing_type_2_attributes_are_written_empty_and_named_without_values(build):
    result, warnings = copied(build, PatientBirthDate=None, StudyID=None)
    assert warnings == ["the source lacks StudyID, PatientBirthDate: written empty"]
    assert result["PatientBirthDate"].is_empty
    assert result["StudyID"].is_empty


def test_an_empty_type_2_attribute_is_no_fault(build):
    result, warnings = copied(build, PatientBirthDate="", AccessionNumber="")
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
def test_an_invalid_value_is_repaired_and_named_without_the_value(build, attributes, warning, present):
    result, warnings = copied(build, **attributes)
    (keyword,) = attributes
    assert warnings == [warning]
    assert (keyword in result) == present
    assert not present or result[keyword].is_empty


def test_identity_is_copied_even_where_it_is_invalid(build):
    result, warnings = copied(build, StudyID="longer than sixteen characters")
    assert result.StudyID == "longer than sixteen characters"
    assert warnings == ["the source's StudyID is invalid: copied as it is, because results are filed by it"]


def test_a_fault_inside_a_sequence_leaves_the_sequence_out(build):
    item = Dataset()
    item.PatientID, item.IssuerOfPatientID = "x" * 80, "I"
    result, warnings = copied(build, OtherPatientIDsSequence=[item])
    assert "OtherPatientIDsSequence" not in result
    assert warnings == ["the source's OtherPatientIDsSequence is invalid: left out"]


def test_identity_removed_without_a_method_gets_one_that_says_so(build):
    result, warnings = copied(build, PatientIdentityRemoved="YES", DeidentificationMethod="")
    assert result.DeidentificationMethod == METHOD_NOT_STATED
    assert warnings == ['the source states no DeidentificationMethod: written as "not stated by the source"']


def test_empty_optional_attributes_are_left_out(build):
    result, warnings = copied(build, PatientAge="", StudyDescription="")
    assert warnings == []
    assert "PatientAge" not in result
    assert "StudyDescription" not in result
