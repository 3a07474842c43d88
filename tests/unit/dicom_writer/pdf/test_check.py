"""Planted faults: the check finds each one and names it."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from pydicom import dcmread

from clara_stages.dicom_writer.measurements import measure_segments
from clara_stages.dicom_writer.pdf import report as report_module
from clara_stages.dicom_writer.pdf.check import check


def names(findings):
    return {finding.name for finding in findings}


@pytest.fixture
def wrongly_measured(written, write, tmp_path, monkeypatch):
    """``wrongly_measured(**changes)``: what is found when the first segment's measurements are changed."""

    def check_changed(**changes):
        job, _ = written()
        first, *others = measure_segments(job)
        monkeypatch.setitem(vars(job), "measurements", (replace(first, **changes), *others))
        return list(check([write(job, tmp_path)], job))

    return check_changed


@pytest.mark.parametrize(
    ("changes", "heading"),
    [
        ({"voxels": 7}, "Voxels"),
        ({"volume_ml": 123.4}, "Volume"),
        ({"mean": 1.0}, "Mean"),
        ({"sd": 1.0}, "SD"),
        ({"minimum": -999.0}, "Minimum"),
        ({"maximum": 2999.0}, "Maximum"),
        ({"long_axis_mm": 1.0}, "Long axis"),
        ({"long_axis_mm": 500.0}, "Long axis"),
        ({"long_axis_slice": 0}, "in slice"),
        ({"diameter_3d_mm": 2.0}, "3D diameter"),
        ({"diameter_3d_mm": None}, "3D diameter"),
    ],
)
def test_a_wrong_number_is_found_with_its_column(wrongly_measured, changes, heading):
    (finding,) = wrongly_measured(**changes)
    assert finding.name == "measurement_differs"
    assert finding.message.startswith(f"{heading} of segment 1 is ")


def test_a_picture_of_another_slice_is_found(wrongly_measured):
    assert "picture_differs" in names(wrongly_measured(largest_slice=2))


def test_a_missing_picture_is_found(wrongly_measured):
    found = wrongly_measured(largest_slice=None)
    assert "the document has 2 pictures, expected 3" in [finding.message for finding in found]


def test_a_report_of_other_segments_is_found(written):
    job, file = written()
    moved = replace(job, segments=replace(job.segments, values=np.roll(job.segments.values, 1, axis=1)))
    assert {"measurement_differs", "picture_differs"} <= names(check([file], moved))


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"intended_use": "For clinical use."}, "the intended use"),
        ({"absent": True}, "the name of absent segment 1"),
    ],
)
def test_a_text_that_is_not_there_is_found(written, change, missing):
    job, file = written()
    table = job.segments.table
    if change.pop("absent", None):
        change = {"absent": (replace(table.labels[0], name="spleen"),)}
    other = replace(job, segments=replace(job.segments, table=replace(table, **change)))
    assert [finding.message for finding in check([file], other)] == [f"{missing} is not in the document"]


def test_a_renamed_segment_is_found(written):
    job, file = written()
    table = job.segments.table
    renamed = replace(table, labels=(replace(table.labels[0], name="spleen"), *table.labels[1:]))
    found = list(check([file], replace(job, segments=replace(job.segments, table=renamed))))
    assert names(found) == {"pdf_text"}
    assert "the table has no row of segment 1" in [finding.message for finding in found]


def test_a_report_of_another_model_is_found(written):
    job, file = written()
    algorithm = replace(job.segments.table.algorithm, version="2.0.0", digest="cd" * 32)
    table = replace(job.segments.table, algorithm=algorithm)
    found = [finding.message for finding in check([file], replace(job, segments=replace(job.segments, table=table)))]
    assert found == ["the model is not in the document", "the digest of the model is not in the document"]


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda report: setattr(report, "MIMETypeOfEncapsulatedDocument", "text/plain"), "pdf_header"),
        (lambda report: setattr(report, "BurnedInAnnotation", "YES"), "pdf_header"),
        (lambda report: report.SourceInstanceSequence.pop(), "source_reference"),
        (lambda report: setattr(report, "EncapsulatedDocument", report.EncapsulatedDocument[:2000]), "unreadable"),
        (lambda report: setattr(report, "EncapsulatedDocument", b"no PDF"), "unreadable"),
        (lambda report: report.pop("EncapsulatedDocument"), "unreadable"),
    ],
)
def test_a_wrong_header_or_document_is_found(written, tmp_path, change, name):
    job, file = written()
    copy = shutil.copy(file, tmp_path / file.name)
    report = dcmread(copy)
    change(report)
    report.save_as(copy)
    assert names(check([copy], job)) == {name}


def test_a_report_with_the_patients_name_is_found(written, write, tmp_path, monkeypatch):
    job, _ = written()
    name = str(job.source.first.PatientName).replace("^", " ")
    monkeypatch.setattr(report_module, "notes", lambda _: [f"Seen with {name.upper()}."])
    assert names(check([write(job, tmp_path)], job)) == {"identity_in_text"}


def test_no_file_and_two_files_are_faults(written):
    job, file = written()
    assert names(check([], job)) == {"unreadable"}
    assert names(check([file, file], job)) == {"unreadable"}
