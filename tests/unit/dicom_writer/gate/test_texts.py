"""Whether texts can be read."""

from dataclasses import replace

from clara_stages.dicom_writer.gate.texts import check
from clara_stages.dicom_writer.gate.written_file import read_written


def findings_after(results, path):
    written, unreadable = read_written({"seg": [path]})
    assert unreadable == []
    return list(check(written, replace(results.job, written={})))


def test_a_text_beyond_ascii_that_is_declared_is_no_fault(results_of, errors_of):
    def describe(dataset):
        dataset.SpecificCharacterSet, dataset.ContentDescription = "ISO_IR 100", "für"

    assert errors_of(results_of().after("seg", describe)) == set()


def test_bytes_that_mean_nothing_in_the_declared_set_are_an_error(results_of):
    results = results_of()

    def describe(dataset):
        dataset.SpecificCharacterSet, dataset.ContentDescription = "ISO_IR 100", "für"

    results.after("seg", describe)
    path = results.folder / "altered" / results.files["seg"][0].name
    path.write_bytes(path.read_bytes().replace(b"ISO_IR 100", b"ISO_IR 192"))
    (finding,) = findings_after(results, path)
    assert (finding.name, finding.message) == (
        "character_set",
        "ContentDescription cannot be read in the declared character set",
    )


def test_a_text_beyond_ascii_needs_a_declared_character_set(results_of):
    results = results_of()

    def describe(dataset):
        dataset.SpecificCharacterSet, dataset.ContentDescription = "ISO_IR 100", "für"

    results.after("seg", describe)
    path = results.folder / "altered" / results.files["seg"][0].name
    path.write_bytes(path.read_bytes().replace(b"ISO_IR 100", b"          "))
    (finding,) = findings_after(results, path)
    assert finding.message == "ContentDescription is not ASCII, and no character set is declared"


def test_a_text_whose_characters_were_replaced_is_noticed(results_of, errors_of):
    results = results_of(table={"intended_use": "Только для проверки"})
    findings = results.after("seg", lambda dataset: setattr(dataset, "ContentDescription", "?????? ??? ????????"))
    assert "character_set" in errors_of(findings)
