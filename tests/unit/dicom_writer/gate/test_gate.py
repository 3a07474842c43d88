"""How findings become a verdict."""

import importlib
import json
import logging
from dataclasses import replace

import pytest

from clara_stages.dicom_writer.gate.finding import Finding, Severity
from clara_stages.dicom_writer.gate.finding_names import FINDING_NAMES
from clara_stages.dicom_writer.gate.gate import check_accepted, examine
from clara_stages.dicom_writer.gate.report import summarise, write_report
from clara_stages.dicom_writer.outputs import OUTPUTS, Output
from clara_stages.kit import BadInputError, OutOfMemoryError


def forget_type(dataset):
    dataset.pop("SegmentationType")


def test_a_good_result_has_no_finding(results_of):
    assert results_of().examine() == []


def test_an_accepted_error_is_a_warning_and_logged(results_of, caplog):
    findings = results_of().after("seg", forget_type)
    names = {finding.name for finding in findings if finding.severity is Severity.ERROR}
    assert "missing_type_1" in names
    with caplog.at_level(logging.WARNING):
        accepted = results_of().after("seg", forget_type, accept=["missing_type_1"])
    assert {finding.severity for finding in accepted if finding.name == "missing_type_1"} == {Severity.WARNING}
    assert (
        "ACCEPTED by the workflow, an error otherwise: seg: missing_type_1: SegmentationType is missing, Type 1"
        in caplog.text
    )


def test_errors_that_are_not_accepted_stay_errors_and_come_first(results_of):
    findings = results_of().after("seg", forget_type, accept=["missing_type_1"])
    assert findings[0].severity is Severity.ERROR
    assert findings[0].name != "missing_type_1"


def test_a_name_that_no_finding_has_cannot_be_accepted():
    with pytest.raises(
        BadInputError, match=r"names missing_typ_1, which no finding is called; there are .*missing_type_1"
    ):
        check_accepted(["missing_typ_1"])


def test_a_check_that_breaks_is_an_error_and_does_not_quote_its_reason(results_of, monkeypatch):
    def broken(_self, _files, _job):
        raise KeyError("Smith^Anna")

    monkeypatch.setattr(Output, "check", broken)
    (finding,) = results_of().examine()
    assert (finding.name, finding.severity) == ("check_failed", Severity.ERROR)
    assert "KeyError in test_gate.py" in finding.message
    assert "Smith" not in finding.message


def test_findings_before_a_check_breaks_are_kept(results_of, monkeypatch):
    def broken(_self, _files, _job):
        yield Finding(name="unreadable", output="seg", message="first")
        raise ValueError

    monkeypatch.setattr(Output, "check", broken)
    assert [finding.name for finding in results_of().examine()] == ["unreadable", "check_failed"]


def test_a_machine_without_memory_is_no_fault_of_the_result(results_of, monkeypatch):
    def broken(_self, _files, _job):
        raise MemoryError

    monkeypatch.setattr(Output, "check", broken)
    with pytest.raises(OutOfMemoryError):
        results_of().examine()


@pytest.mark.parametrize("content", [b"", b"no DICOM at all", b"\0" * 128 + b"DICM"])
def test_a_file_that_is_no_dicom_is_an_error(results_of, tmp_path, content):
    path = tmp_path / "seg.dcm"
    path.write_bytes(content)
    findings = examine({"seg": [path]}, results_of().job)
    assert findings[0].severity is Severity.ERROR


def test_a_truncated_file_is_an_error(results_of, tmp_path, errors_of):
    path = tmp_path / "seg.dcm"
    path.write_bytes(results_of().files["seg"][0].read_bytes()[:-200])
    assert errors_of(examine({"seg": [path]}, results_of().job))


def test_an_output_without_a_file_is_an_error(results_of, errors_of):
    assert "no_file" in errors_of(examine({"seg": []}, results_of().job))


def test_a_fault_that_is_there_many_times_is_told_once_with_their_number(results_of):
    def dangle(dataset):
        for frame in dataset.PerFrameFunctionalGroupsSequence:
            frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID = "1.2.3.99"

    results = results_of()
    frames = int(results.dataset("seg").NumberOfFrames)
    dangling = [finding for finding in results.after("seg", dangle) if finding.name == "dangling_reference"]
    assert len(dangling) == 1
    assert dangling[0].message.endswith(f"({frames} times)")


def test_the_report_begins_with_the_verdict_and_explains_each_finding(results_of, tmp_path):
    results = results_of()
    findings = results.after("seg", forget_type)
    write_report(tmp_path / "report", findings, results.files)
    page = (tmp_path / "report" / "report.md").read_text()
    assert page.startswith("# What the gate found\n\n**Stopped: ")
    assert "| error | seg | `missing_type_1` | SegmentationType is missing, Type 1 | " in page
    assert FINDING_NAMES["missing_type_1"] in page
    assert "| seg | 1 | Segmentation Storage |" in page
    document = json.loads((tmp_path / "report" / "findings.json").read_text())
    assert document["verdict"] == "stopped"
    assert document["outputs"]["seg"]["files"] == ["seg.dcm"]
    assert {"name", "output", "severity", "message"} == set(document["findings"][0])


def test_the_report_of_a_good_result_says_that_it_passed_and_what_was_checked(results_of, tmp_path):
    results = results_of()
    write_report(tmp_path, results.examine(), results.files)
    page = (tmp_path / "report.md").read_text()
    assert "**Passed.** Every object was handed on. 0 warning(s), 0 fault(s) that the source has already." in page
    assert "voxels, positions" in page
    assert json.loads((tmp_path / "findings.json").read_text())["verdict"] == "passed"


def test_a_report_holds_a_message_in_one_cell(tmp_path):
    finding = Finding(name="sr_content", output="sr", message="a | b\nc")
    write_report(tmp_path, [finding], {})
    assert "| a \\| b c |" in (tmp_path / "report.md").read_text()


def test_a_summary_is_short_whatever_is_wrong():
    findings = [
        Finding(name=name, output="seg", message="x" * 5000) for name in FINDING_NAMES for _ in range(3)
    ]  # fmt: skip
    text = summarise(findings)
    assert len(text) < 1500
    assert f"the gate has {len(findings)} finding(s)" in text
    assert "(and 2 more)" in text
    assert summarise([]) == "the gate found nothing wrong"


def test_the_job_is_not_changed_by_looking(results_of):
    results = results_of()
    before = replace(results.job)
    results.examine()
    assert results.job == before


@pytest.mark.parametrize("output", ["image", "seg", "sc", "pdf"])
def test_a_machine_without_memory_is_not_called_a_bad_result(results_of, monkeypatch, output):
    results = results_of("axial", (output,))
    module = importlib.import_module(f"clara_stages.dicom_writer.{OUTPUTS[output].package}.check")

    def exhausted(_path):
        raise MemoryError

    monkeypatch.setattr(module, "dcmread", exhausted)
    with pytest.raises(OutOfMemoryError):
        results.examine()
