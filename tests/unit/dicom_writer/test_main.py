"""The stage from request to result: what it writes, and what it leaves behind."""

import json
from pathlib import Path

import pytest
import yaml
from pydicom import dcmread

from clara_stages.dicom_writer.outputs import OUTPUTS, Output
from clara_stages.dicom_writer.params import CHOICES, OUTPUT_NAMES
from tests.support.writing import write_inputs

IMAGES = Path(__file__).parents[3] / "images"

EVERYTHING = list(OUTPUT_NAMES)


def test_everything_is_written_in_its_order_with_its_list(all_written):
    run = all_written
    assert (run.short.exit_code, run.short.folders) == (0, {"instances": "instances", "report": "report"})
    results = run.headers
    for entry, result in zip(run.entries, results, strict=True):
        assert entry["sop_class_uid"] == result.SOPClassUID == result.file_meta.MediaStorageSOPClassUID
        assert entry["sop_instance_uid"] == result.SOPInstanceUID == result.file_meta.MediaStorageSOPInstanceUID
    series = list(dict.fromkeys(result.SeriesInstanceUID for result in results))
    assert len(series) == len(EVERYTHING)
    metrics = run.short.metrics
    assert sum(metrics[f"{name}_instances"] for name in EVERYTHING) == len(results)
    assert metrics["segments"] == 3
    assert metrics["seg_bytes"] == (run.output / "instances/seg.dcm").stat().st_size


def test_another_process_at_another_time_writes_the_same_bytes(axial_inputs, all_written, run_process):
    """The request of ``all_written`` again."""
    again = all_written.output.with_name("again")
    short, _ = run_process(axial_inputs, as_a_task_into=again, outputs=EVERYTHING)
    assert short["exit_code"] == 0, short
    one, two = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*") if path.name != "result.json"}
        for folder in (all_written.output, again)
    )
    assert one.keys() == two.keys()
    assert [str(name) for name in one if one[name] != two[name]] == []


def test_another_key_makes_other_objects(axial_inputs, all_written, run_writer):
    other = run_writer(axial_inputs, stage_key="other", outputs=EVERYTHING)
    uids = [{entry["sop_instance_uid"] for entry in run.entries} for run in (all_written, other)]
    assert uids[0].isdisjoint(uids[1])
    of_source = set().union(*map(uids_in, source_headers(axial_inputs)))
    made = [set().union(*map(uids_in, run.headers)) - of_source for run in (all_written, other)]
    assert {uid for uid in made[0] & made[1] if uid.startswith("2.25.")} == set()


def source_headers(inputs):
    entries = json.loads((inputs["source"] / "instances.json").read_text())["instances"]
    return [dcmread(inputs["source"] / entry["file"], stop_before_pixels=True) for entry in entries]


def uids_in(header):
    """But those of SR content items: the device observer is the same device in every result."""
    elements = (element for element in header.iterall() if element.VR == "UI" and element.keyword != "UID")
    return {str(element.value) for element in elements}


def test_no_part_of_any_object_is_of_today(axial_inputs, all_written):
    source, *_ = source_headers(axial_inputs)
    known = {str(element.value)[:8] for element in source.iterall() if element.VR in ("DA", "DT")} | {"19000101", ""}
    for result in all_written.headers:
        dates = {str(element.value or "")[:8] for element in result.iterall() if element.VR in ("DA", "DT")}
        assert dates <= known, result.SOPClassUID.name


@pytest.mark.parametrize("geometry", ["enhanced_4d", "uneven"])
def test_other_geometries_pass_their_own_gate(tmp_path, run_writer, geometry):
    inputs = write_inputs(tmp_path / "inputs", geometry)
    run = run_writer(inputs, outputs=EVERYTHING, time_point=int(geometry == "enhanced_4d"))
    assert (run.short.exit_code, run.error) == (0, "")


def wrong_output(**changes):
    """The SEG, with its attributes changed after the builder."""
    right = OUTPUTS["seg"]

    class Wrong(Output):
        def build(self, job):
            for name, result in right.build(job):
                for keyword, value in changes.items():
                    setattr(result, keyword, value(result) if callable(value) else value)
                yield name, result

    return Wrong(package="seg", needs_frame_of_reference=True)


def test_a_fault_is_refused_with_a_report_and_nothing_else_is_left(axial_inputs, run_writer, monkeypatch):
    monkeypatch.setitem(OUTPUTS, "seg", wrong_output(PixelData=lambda result: bytes(len(result.PixelData))))
    run = run_writer(axial_inputs, outputs=["seg", "sc"])
    assert run.short.exit_code == 20
    assert "report/report.md" in run.error
    assert {name.split("/")[0] for name in run.left} == {"report"}
    assert "seg" in (run.output / "report/report.md").read_text()
    assert run.short.error.remedy.startswith("nothing was handed on")


def test_a_finding_that_the_workflow_accepts_is_a_warning(axial_inputs, run_writer, monkeypatch):
    monkeypatch.setitem(OUTPUTS, "seg", wrong_output(PixelData=lambda result: bytes(len(result.PixelData))))
    refused = run_writer(axial_inputs, name="refused")
    found = json.loads((refused.output / "report/findings.json").read_text())["findings"]
    names = sorted({finding["name"] for finding in found if finding["severity"] == "error"})
    assert names
    run = run_writer(axial_inputs, accept=names)
    assert run.short.exit_code == 0, run.error
    assert any(names[0] in text for text in run.warnings)


def test_a_kill_in_the_middle_leaves_nothing(tmp_path, writer_process):
    inputs = write_inputs(tmp_path / "inputs", shape=(64, 64, 60))
    process = writer_process(inputs, outputs=["seg", "sc"])
    assert any("seg_instances" in line for line in process.stdout)
    assert (tmp_path / "out/instances/seg.dcm").exists()
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 143
    assert list((tmp_path / "out").iterdir()) == []


def test_a_new_result_names_the_earlier_one_and_never_itself(axial_inputs, all_written, run_writer):
    earlier = all_written
    inputs = {**axial_inputs, "predecessor": earlier.output / "instances"}
    run = run_writer(inputs, name="new", stage_key="new", outputs=EVERYTHING)
    assert run.short.exit_code == 0, run.error
    series = [result.SeriesInstanceUID for result in earlier.headers]
    for result in run.headers:
        if result.Modality == "KO":
            continue
        named = {str(element.value) for element in result.iterall() if element.keyword.endswith("InstanceUID")}
        earlier_instances = {entry["sop_instance_uid"] for entry in earlier.entries}
        assert named & (set(series) | earlier_instances), result.SOPClassUID.name
    itself = run_writer(inputs, name="again", outputs=["seg"])
    assert any("has the UIDs of this result itself" in text for text in itself.warnings)
    assert (itself.output / "instances/seg.dcm").read_bytes() == (earlier.output / "instances/seg.dcm").read_bytes()


def test_a_predecessor_of_another_study_is_refused(axial_inputs, tmp_path, run_writer):
    def change(_index, instance):
        instance.StudyInstanceUID = "1.2.3.99"

    other = run_writer(write_inputs(tmp_path / "other", change=change), name="other", outputs=["sc"])
    run = run_writer({**axial_inputs, "predecessor": other.output / "instances"})
    assert run.short.exit_code == 20
    assert "input predecessor holds an object of another study" in run.error


def test_the_manifest_names_the_same_words_as_the_code():
    manifest = yaml.safe_load((IMAGES / "clara_stages/dicom_writer/stage.yaml").read_text())
    program = (IMAGES / "clara_stages/dicom_writer/__main__.py").read_text()
    assert manifest["params"]["outputs"]["items"]["enum"] == list(OUTPUT_NAMES) == list(OUTPUTS)
    for name, words in CHOICES.items():
        assert manifest["params"][name]["enum"] == list(words)
        assert manifest["params"][name]["default"] == words[0]
    assert f'STAGE_VERSION = "{manifest["version"]}"' in program
