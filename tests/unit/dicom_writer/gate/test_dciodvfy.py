"""What dciodvfy says, without what it quotes."""

import pytest

from clara_stages.dicom_writer.gate import dciodvfy
from clara_stages.dicom_writer.gate.dciodvfy import errors_in, redact, without_false_errors
from clara_stages.dicom_writer.gate.finding import Severity
from tests.support.peers import require_program


@pytest.mark.parametrize(
    ("line", "redacted"),
    [
        (
            "Missing attribute Type 2 Required Element=<ReferringPhysicianName> Module=<GeneralStudy>",
            "Missing attribute Type 2 Required Element=<ReferringPhysicianName> Module=<GeneralStudy>",
        ),
        (
            "Value invalid for this VR - (0x0020,0x0010) SH Study ID  SH [0] = <SMITH-17-AND-LONGER> - Length invalid "
            "for this VR = 19, expected <= 16",
            "Value invalid for this VR - (0x0020,0x0010) SH Study ID  SH [0] = <...> - Length invalid for this VR = "
            "19, expected <= 16",
        ),
        (
            "Value dubious for this VR - (0x0010,0x0010) PN Patient's Name  PN [0] = <Smith> Anna <x> - Retired form",
            "Value dubious for this VR - (0x0010,0x0010) PN Patient's Name  PN [0] = <...>",
        ),
        (
            "Unrecognized enumerated value <Smith> Anna> for value 1 of attribute <Patient's Sex>",
            "Unrecognized enumerated value <...> for value 1 of attribute <Patient's Sex>",
        ),
        (
            "CodeValue is illegal - attribute <CodeValue> = <Smith>",
            "CodeValue is illegal - attribute <CodeValue> = <...>",
        ),
        ("Something new about <Smith>", "Something new about <...>"),
    ],
)
def test_values_are_taken_out_of_a_line_and_names_and_rules_stay(line, redacted):
    assert redact(line) == redacted


def test_only_errors_are_taken():
    text = "CTImage\nWarning - Smith\nError - Information Object Not found\n(0x0,0x0) LO - Error - Bad group\n"
    assert errors_in(text) == ["Information Object Not found", "Bad group"]


def test_a_side_is_not_wanted_of_a_body_part_that_nobody_states(results_of):
    line = "Missing attribute Type 2C Conditional Element=<Laterality> Module=<GeneralSeries>"
    dataset = results_of().dataset("seg")
    dataset.pop("BodyPartExamined", None)
    assert without_false_errors([line], dataset) == []
    dataset.BodyPartExamined = "KNEE"
    assert without_false_errors([line], dataset) == [line]


def test_where_it_is_not_installed_there_is_no_finding_and_the_report_says_so(results_of, monkeypatch, tmp_path):
    from clara_stages.dicom_writer.gate.report import write_report

    monkeypatch.setenv("PATH", str(tmp_path))
    results = results_of()
    write_report(tmp_path, results.examine(), results.files)
    assert "| not installed |" in (tmp_path / "report.md").read_text()


def test_a_program_that_does_not_end_is_a_warning(results_of, monkeypatch, tmp_path):
    slow = tmp_path / "dciodvfy"
    slow.write_text("#!/bin/sh\nkill -SEGV $$\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = [(finding.name, finding.severity) for finding in results_of().examine()]
    assert found == [("dciodvfy_failed", Severity.WARNING)]


@pytest.mark.peers
def test_an_error_is_ours_unless_the_source_has_it(results_of, errors_of):
    require_program("dciodvfy")
    findings = results_of().after("seg", lambda dataset: dataset.pop("ReferringPhysicianName"), second_opinion=True)
    assert any("Element=<ReferringPhysicianName>" in item.message for item in findings if item.name == "dciodvfy")
    assert "dciodvfy" in errors_of(findings)

    results = results_of(change=lambda _, dataset: setattr(dataset, "StudyID", "x" * 17))
    inherited = [finding for finding in results.examine() if finding.name == "dciodvfy"]
    assert inherited
    assert {finding.severity for finding in inherited} == {Severity.INHERITED}


@pytest.mark.peers
def test_it_is_not_asked_about_a_label_map_segmentation(results_of):
    require_program("dciodvfy")
    results = results_of(params={"segmentation_type": "LABELMAP"})
    assert not dciodvfy.knows(str(results.dataset("seg").SOPClassUID))
    assert [finding for finding in results.examine() if finding.name.startswith("dciodvfy")] == []
