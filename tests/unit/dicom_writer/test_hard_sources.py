"""Sources and label tables with faults, in other scripts, or with somebody's secrets in them."""

import json
import shutil
from typing import Any

import pytest
from pydicom import dcmread

from clara_stages.dicom_writer.params import OUTPUT_NAMES
from tests.support.data import case
from tests.support.writing import write_inputs

EVERYTHING = list(OUTPUT_NAMES)

WITHOUT_PICTURES = [name for name in EVERYTHING if name not in ("sc", "pdf")]
"""Pictures take most of the time."""

SMALL = (40, 36, 7)
"""Columns, rows and slices that still show every body."""


def hostile(text):
    """A label table whose every text is ``text``."""

    def change(folder):
        path = folder / "labels.json"
        document = json.loads(path.read_text())
        document |= {"intended_use": text, "series_description": text, "content_label": text}
        document["algorithm"] |= {"name": text, "version": text}
        for label in document["labels"]:
            label["name"] = text
            label["type"]["meaning"] = text
        path.write_text(json.dumps(document))

    return change


SCRIPTS = "肝臓 Ήπαρ 간 печень"

CONTROLS = "line one\nline two\r\x00\x1b[31m \u202egnp.exe \ud800"


@pytest.fixture(scope="module")
def small_inputs(tmp_path_factory):
    """Label map, source and volume; shared, so never changed."""
    return write_inputs(tmp_path_factory.mktemp("small") / "inputs", shape=SMALL)


TEXTS = ["a\\b\\c", "<b>{{ x }}</b> & %s", "x" * 5000, "../../etc/passwd", "=^=^=", SCRIPTS, CONTROLS]


@pytest.mark.parametrize("text", TEXTS)
def test_a_hostile_label_table_makes_valid_objects(small_inputs, tmp_path, run_writer, text):
    shutil.copytree(small_inputs["labels"], tmp_path / "labels")
    hostile(text)(tmp_path / "labels")
    outputs = EVERYTHING if text in (SCRIPTS, CONTROLS) else ["seg", "rtstruct", "sr", "key_object"]
    run = run_writer({**small_inputs, "labels": tmp_path / "labels"}, outputs=outputs)
    assert run.short.exit_code == 0, run.error
    assert all("/" not in entry["file"] for entry in run.entries)


SOURCES: dict[str, tuple[dict[str, Any], str]] = {
    "kanji": (
        {"SpecificCharacterSet": ["", "ISO 2022 IR 87"], "PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう"},
        "",
    ),
    "greek": ({"SpecificCharacterSet": "ISO_IR 126", "PatientName": "Διονυσιος"}, ""),
    "no type 2": (
        {"StudyID": None, "PatientBirthDate": None},
        "the source lacks StudyID, PatientBirthDate: written empty",
    ),
    "no thickness": ({"SliceThickness": None}, "SliceThickness"),
    "age": ({"PatientAge": "0Y"}, "the source's PatientAge is invalid: left out"),
    "method": (
        {"PatientIdentityRemoved": "YES", "DeidentificationMethod": ""},
        'the source states no DeidentificationMethod: written as "not stated by the source"',
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_with_a_fault_or_another_script_has_its_outcome(tmp_path, run_writer, name):
    attributes, warning = SOURCES[name]

    def change(_index, instance):
        for keyword, value in attributes.items():
            if value is None:
                instance.pop(keyword, None)
            else:
                setattr(instance, keyword, value)

    run = run_writer(write_inputs(tmp_path / "inputs", shape=SMALL, change=change), outputs=WITHOUT_PICTURES)
    assert run.short.exit_code == 0, run.error
    assert sum(warning in text for text in run.warnings) == (1 if warning else len(run.warnings))
    for result in run.headers:
        assert result.PatientName == attributes.get("PatientName", result.PatientName)
        assert result.get("SpecificCharacterSet") == attributes.get(
            "SpecificCharacterSet", result.get("SpecificCharacterSet")
        )
        assert "PatientAge" not in result or name != "age"


def test_type_1_missing_is_refused_by_name(tmp_path, axial_inputs, run_writer):
    source = shutil.copytree(axial_inputs["source"], tmp_path / "source")
    for entry in json.loads((source / "instances.json").read_text())["instances"]:
        instance = dcmread(source / entry["file"])
        del instance.StudyInstanceUID
        (source / entry["file"]).unlink()
        instance.save_as(source / entry["file"])
    run = run_writer({**axial_inputs, "source": source})
    assert run.short.exit_code == 20
    assert "StudyInstanceUID, which is Type 1" in run.error


def test_no_patient_data_is_in_the_log(tmp_path, run_process):
    def change(_index, instance):
        instance.PatientName, instance.PatientID = "Doe^Jane^^^^=Extra^^^^^", "SECRET\x01ID"
        instance.PatientAge, instance.StudyID = "SECRETAGE", "SECRETSTUDYID-TOO-LONG"

    short, log = run_process(write_inputs(tmp_path / "inputs", shape=SMALL, change=change), outputs=EVERYTHING)
    report = "".join(path.read_text() for path in (tmp_path / "out/report").iterdir())
    assert short["exit_code"] == 0, short
    for text in (log, report):
        assert "Doe" not in text
        assert "SECRET" not in text
    assert "the source's PatientAge is invalid: left out" in log


@pytest.mark.data
@pytest.mark.parametrize("name", ["chrH31", "chrH32", "chrX1", "chrRuss", "chrGreek", "chrFren"])
def test_a_real_name_in_another_script_reads_back_as_it_is(tmp_path, run_writer, name):
    donor = dcmread(case("hard-pydicom") / "charset" / f"{name}.dcm")

    def change(_index, instance):
        instance.SpecificCharacterSet, instance.PatientName = donor.SpecificCharacterSet, str(donor.PatientName)

    run = run_writer(write_inputs(tmp_path / "inputs", shape=SMALL, change=change), outputs=["seg"])
    (result,) = run.headers
    assert str(result.PatientName) == str(donor.PatientName)
    assert result.SpecificCharacterSet == donor.SpecificCharacterSet
