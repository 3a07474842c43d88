"""Patient, study, series, equipment, dates and predecessor of a result."""

import pytest
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.header.file_meta import IMPLEMENTATION_CLASS_UID, set_file_meta
from clara_stages.dicom_writer.header.series_attributes import (
    SERIES_NUMBER_OFFSETS,
    complete_header,
    series_number,
)
from clara_stages.dicom_writer.inputs.predecessor import Predecessor
from clara_stages.dicom_writer.params import OUTPUT_NAMES
from clara_stages.kit import BadInputError


def completed(job, output="seg", **attributes):
    result = Dataset()
    for keyword, value in attributes.items():
        setattr(result, keyword, value)
    complete_header(result, job, output, series_description="Organs (demonstration)")
    return result


def test_patient_and_study_are_the_source_s_whatever_the_builder_left(header_job):
    job, _ = header_job()
    result = completed(job, PatientName="Other^One", PatientAge="099Y", AdmissionID="of the builder")
    assert (result.PatientName, result.PatientAge, result.StudyInstanceUID) == ("Müller^Anna", "061Y", "1.2.3")
    assert "AdmissionID" not in result


def test_one_result_is_not_changed_through_another(header_job):
    job, _ = header_job()
    first = completed(job)
    first.PatientName = "Changed^Name"
    assert completed(job).PatientName == job.source.first.PatientName == "Müller^Anna"


def test_dates_are_the_moment_of_the_job_and_an_rtstruct_has_no_content_date(header_job):
    job, _ = header_job()
    result = completed(job)
    for name in ("Series", "Content", "InstanceCreation"):
        assert (result[f"{name}Date"].value, result[f"{name}Time"].value) == ("20210304", "103005.500000")
    assert "ContentDate" not in completed(job, "rtstruct")


def test_equipment_is_ours_and_names_what_acquired_the_source(header_job):
    job, _ = header_job(ManufacturerModelName="Scanner 1", StationName="x" * 80, SoftwareVersions=["1", "2"])
    result = completed(job)
    assert (result.Manufacturer, result.ManufacturerModelName) == ("clara-ops", "dicom_writer")
    acquisition, processing = result.ContributingEquipmentSequence
    assert (acquisition.Manufacturer, acquisition.ManufacturerModelName) == ("ACME", "Scanner 1")
    assert acquisition.SoftwareVersions == ["1", "2"]
    assert "StationName" not in acquisition  # too long to be valid
    assert acquisition.PurposeOfReferenceCodeSequence[0].CodeValue == "109101"
    assert processing.PurposeOfReferenceCodeSequence[0].CodeValue == "109102"
    assert (processing.Manufacturer, processing.ContributionDateTime) == ("clara-ops", "20210304103005.500000")


def test_a_source_without_a_manufacturer_has_no_item_of_its_own(header_job):
    job, _ = header_job(Manufacturer="")
    assert [item.Manufacturer for item in completed(job).ContributingEquipmentSequence] == ["clara-ops"]


def test_each_output_is_a_series_of_its_own(header_job):
    job, _ = header_job()
    results = [completed(job, name) for name in OUTPUT_NAMES]
    assert len({result.SeriesInstanceUID for result in results}) == len(OUTPUT_NAMES)
    assert len({result.SeriesNumber for result in results}) == len(OUTPUT_NAMES)
    assert set(SERIES_NUMBER_OFFSETS) == set(OUTPUT_NAMES)


@pytest.mark.parametrize("request_change", [{"stage_key": "other"}, {"installation": "x"}, {"rollout_mode": "test"}])
def test_uids_change_with_key_installation_and_mode(header_job, request_change):
    one, other = header_job()[0], header_job(request=request_change)[0]
    assert completed(one).SeriesInstanceUID != completed(other).SeriesInstanceUID


@pytest.mark.parametrize(
    ("found", "expected"), [(3, 9003), (None, 9000), ("", 9000), (2**31 - 5, 9000), (-9500, 9000), (0, 9000)]
)
def test_series_number_is_the_source_s_and_an_offset(header_job, found, expected):
    assert series_number(header_job(SeriesNumber=found)[0], "seg") == expected


def test_a_source_without_study_uid_is_refused_by_name(header_job):
    job, _ = header_job(StudyInstanceUID=None)
    with pytest.raises(BadInputError, match="the source has no StudyInstanceUID, which is Type 1"):
        completed(job)


@pytest.mark.parametrize(("output", "named"), [("seg", True), ("sc", True), ("image", True), ("sr", False)])
def test_a_predecessor_is_named_as_a_related_series(header_job, output, named):
    earlier = Predecessor(study_instance_uid="1.2.3", series_instance_uid="1.9", instances=(("1.1", "1.9.1"),))
    result = completed(header_job(predecessors={output: earlier})[0], output)
    assert ("RelatedSeriesSequence" in result) == named
    if named:
        (item,) = result.RelatedSeriesSequence
        assert (item.StudyInstanceUID, item.SeriesInstanceUID) == ("1.2.3", "1.9")
        assert item.PurposeOfReferenceCodeSequence[0].CodeMeaning == "Temporal Predecessor"


def test_file_meta_is_ours_and_keeps_the_transfer_syntax(header_job):
    result = completed(header_job()[0], SOPClassUID="1.2.840.10008.5.1.4.1.1.7", SOPInstanceUID="1.5")
    set_file_meta(result)
    assert result.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    result.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.5"
    result.file_meta.ImplementationVersionName = "SOMEBODY"
    set_file_meta(result)
    assert result.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.5"
    assert result.file_meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert result.file_meta.ImplementationVersionName == "CLARA_OPS"
    assert len(IMPLEMENTATION_CLASS_UID) <= 64
