"""Whose a result is."""

import pytest

from clara_stages.dicom_writer.gate.finding import Severity


@pytest.mark.parametrize(
    ("keyword", "value", "name"),
    [
        ("PatientID", "SOMEBODY-ELSE", "other_patient"),
        ("PatientName", "Else^Somebody", "other_patient"),
        ("PatientBirthDate", "19010101", "other_patient"),
        ("PatientSex", "M", "other_patient"),
        ("IssuerOfPatientID", "ELSEWHERE", "other_patient"),
        ("StudyInstanceUID", "1.2.3.99", "other_study"),
        ("StudyDate", "19010101", "other_study"),
        ("StudyID", "99", "other_study"),
        ("AccessionNumber", "99", "other_study"),
        ("StudyDescription", "another", "other_study"),
    ],
)
def test_an_attribute_of_somebody_else_is_an_error_that_quotes_no_value(results_of, errors_of, keyword, value, name):
    findings = results_of().after("seg", lambda dataset: setattr(dataset, keyword, value))
    assert name in errors_of(findings)
    assert not [finding for finding in findings if value in finding.message]


@pytest.mark.parametrize("keyword", ["PatientID", "PatientName", "StudyID"])
def test_an_identifying_attribute_may_not_be_emptied(results_of, errors_of, keyword):
    findings = results_of().after("seg", lambda dataset: setattr(dataset, keyword, None))
    assert any(f"{keyword} is missing or empty" in finding.message for finding in findings)
    assert errors_of(findings) & {"other_patient", "other_study"}


def test_an_optional_attribute_that_was_not_taken_over_is_a_warning(results_of):
    results = results_of(change=lambda _, dataset: setattr(dataset, "StudyDescription", "Abdomen"))
    findings = results.after("seg", lambda dataset: delattr(dataset, "StudyDescription"))
    assert [(finding.name, finding.severity) for finding in findings] == [("lost_attribute", Severity.WARNING)]


def test_what_the_header_repaired_is_inherited(results_of):
    def break_source(_, dataset):
        dataset.PatientAge = "0Y"
        dataset.PatientIdentityRemoved, dataset.DeidentificationMethod = "YES", ""
        dataset.pop("PatientSex", None)

    findings = results_of(change=break_source).examine()
    assert {finding.severity for finding in findings} == {Severity.INHERITED}
    assert any("PatientAge of the source is invalid" in finding.message for finding in findings)


@pytest.mark.parametrize(
    ("terms", "name"),
    [
        (["ISO_IR 126"], "Παπαδόπουλος^Άννα"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (["ISO_IR 192"], "Müller^Ünal=山田"),
    ],
)
def test_names_in_other_scripts_are_the_same_patient(results_of, terms, name):
    def rename(_, dataset):
        dataset.SpecificCharacterSet = terms
        dataset.PatientName = name

    assert results_of(change=rename).examine() == []


def test_a_frame_of_reference_of_its_own_is_an_error(results_of, errors_of):
    results = results_of(outputs=("seg", "rtstruct"))
    for output in ("seg", "rtstruct"):
        findings = results.after(output, lambda dataset: setattr(dataset, "FrameOfReferenceUID", "1.2.3.99"))
        assert "frame_of_reference" in errors_of(findings)


def test_a_frame_of_reference_inside_a_sequence_is_compared(results_of, errors_of):
    def move(dataset):
        dataset.StructureSetROISequence[0].ReferencedFrameOfReferenceUID = "1.2.3.99"

    findings = results_of(outputs=("seg", "rtstruct")).after("rtstruct", move)
    assert any(
        "StructureSetROISequence > ReferencedFrameOfReferenceUID is another" in finding.message for finding in findings
    )


def test_a_segmentation_without_a_frame_of_reference_lies_nowhere(results_of, errors_of):
    findings = results_of().after("seg", lambda dataset: delattr(dataset, "FrameOfReferenceUID"))
    assert "frame_of_reference" in errors_of(findings)


def test_uids_of_the_source_are_not_reused(results_of, errors_of):
    results = results_of()
    source = results.job.source.first

    def series(dataset):
        dataset.SeriesInstanceUID = source.SeriesInstanceUID

    def instance(dataset):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = source.SOPInstanceUID

    assert "reused_source_uid" in errors_of(results.after("seg", series))
    assert "reused_source_uid" in errors_of(results.after("seg", instance))


def test_two_outputs_do_not_share_a_series_or_an_instance(results_of, errors_of):
    results = results_of(outputs=("seg", "sr"))
    segmentation = results.dataset("seg")

    def series(dataset):
        dataset.SeriesInstanceUID = segmentation.SeriesInstanceUID

    def instance(dataset):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = segmentation.SOPInstanceUID

    assert "mixed_series" in errors_of(results.after("sr", series))
    assert "duplicate_uid" in errors_of(results.after("sr", instance))
