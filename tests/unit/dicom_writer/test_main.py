import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from pydicom import config, dcmread

from tests.support.data import case
from tests.support.peers import require_program

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")

IMAGES = Path(__file__).parents[3] / "images"


def arguments(labels, source, output, *more):
    return ["--input", f"labels={labels}", "--input", f"source={source}", "--output", str(output), *more]


def run_process(*given):
    """Short result and all output of one run of the stage as a process."""
    command = [sys.executable, "-m", "clara_stages.dicom_writer", *arguments(*given)]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(IMAGES)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert done.stderr == ""
    short = json.loads(done.stdout.splitlines()[-1])["short_result"]
    assert done.returncode == short["exit_code"]
    return short, done.stdout


@pytest.fixture
def stage(monkeypatch):
    """Runs the stage in this process; returns its short result."""
    # By name: pytest must not take a __main__ module for its own.
    main = importlib.import_module("clara_stages.dicom_writer.__main__")
    kit = importlib.import_module("clara_stages.kit.stage")
    for mode in ("reading_validation_mode", "writing_validation_mode"):
        monkeypatch.setattr(config.settings, mode, getattr(config.settings, mode))

    def run(*given):
        monkeypatch.setattr(sys, "argv", ["x", *arguments(*given)])
        return kit._attempt(main.main, "dicom_writer", "1")

    return run


def test_a_run_writes_the_object_and_its_list(build, tmp_path, stage):
    short = stage(*build.inputs(), tmp_path / "out", "--param", 'outputs=["seg"]')
    assert (short.exit_code, short.folders, short.warnings) == (0, {"instances": "instances"}, [])
    assert short.metrics == {"segments": 2, "seg_frames": 7, "seg_bytes": short.metrics["seg_bytes"]}
    (entry,) = json.loads((tmp_path / "out/instances/instances.json").read_text())["instances"]
    result = dcmread(tmp_path / "out/instances" / entry["file"])
    assert entry["sop_class_uid"] == result.SOPClassUID == result.file_meta.MediaStorageSOPClassUID
    assert entry["sop_instance_uid"] == result.SOPInstanceUID == result.file_meta.MediaStorageSOPInstanceUID


def test_two_processes_at_different_times_write_the_same_bytes(build, tmp_path):
    inputs = build.inputs("oblique")
    first, second = (run_process(*inputs, tmp_path / name)[0] for name in ("one", "two"))
    assert first["digest"] == second["digest"]
    names = ("instances/seg.dcm", "instances/instances.json")
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in names)


def test_no_part_of_the_object_is_of_today(build, tmp_path, stage):
    stage(*build.inputs(), tmp_path / "out")
    result = dcmread(tmp_path / "out/instances/seg.dcm")
    dates = {str(element.value)[:8] for element in result.iterall() if element.VR in ("DA", "DT")}
    assert dates == {"20210304", "19600229"}


def test_an_empty_map_has_nothing_to_do(build, tmp_path, stage):
    values = np.zeros(build.shape, dtype=np.uint8)
    document = build.label_document(values)
    for label in document["labels"]:
        label["segment_number"] = None
    short = stage(*build.inputs(values=values, document=document), tmp_path / "out")
    assert (short.exit_code, short.outcome) == (10, "nothing_to_do")
    assert "no label has a voxel: nothing was found" in short.error.message
    assert list((tmp_path / "out").iterdir()) == []


def test_a_source_without_frame_of_reference_ends_out_of_scope(build, tmp_path, stage):
    short = stage(*build.inputs(FrameOfReferenceUID=None), tmp_path / "out")
    assert short.exit_code == 21
    assert "Frame of Reference UID" in short.error.message


def test_an_unknown_output_is_refused(build, tmp_path, stage):
    short = stage(*build.inputs(), tmp_path / "out", "--param", 'outputs=["pdf"]')
    assert short.exit_code == 20
    assert "parameter 'outputs' is ['pdf'], expected one or more of seg" in short.error.message


def test_nothing_is_left_behind_where_the_check_fails(build, tmp_path, stage, monkeypatch):
    main = importlib.import_module("clara_stages.dicom_writer.__main__")
    output = main.OUTPUTS["seg"]

    def build_wrong(labels, source, context):
        result = output.build(labels, source, context)
        result.PixelData = bytes(len(result.PixelData))
        return result

    monkeypatch.setitem(main.OUTPUTS, "seg", main.Output(file="seg.dcm", build=build_wrong, check=output.check))
    short = stage(*build.inputs(), tmp_path / "out")
    assert short.exit_code == 20
    assert "differs from labels.nii in 148 voxels of 648" in short.error.message
    assert list((tmp_path / "out").iterdir()) == []


def test_no_patient_data_is_in_the_output(build, tmp_path):
    secrets = {"PatientName": "Doe^Jane^^^^=Extra^^^^^^^^", "PatientID": "SECRET\x01ID", "PatientAge": "SECRETAGE"}
    _, log = run_process(*build.inputs(StudyID="SECRETSTUDYID-TOO-LONG", **secrets), tmp_path / "out")
    assert "Doe" not in log
    assert "SECRET" not in log
    assert "the source's PatientAge is invalid: left out" in log


def errors(path):
    done = subprocess.run([require_program("dciodvfy"), str(path)], capture_output=True, check=False)
    return [line for line in done.stderr.decode(errors="replace").splitlines() if line.startswith("Error")]


FAULTS = {"PatientIdentityRemoved": "YES", "DeidentificationMethod": "", "PatientAge": "0Y", "PatientBirthDate": None}


@pytest.mark.peers
@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("axial", {}),
        ("oblique", {"SliceThickness": None}),
        ("axial", FAULTS),
        ("coronal", {"SpecificCharacterSet": None}),
    ],
)
def test_dciodvfy_finds_no_error(build, tmp_path, stage, name, attributes):
    document = build.label_document(build.example_values())
    document["labels"][1]["anatomic_region"] = build.code("64033007", "Kidney")
    assert stage(*build.inputs(name, document=document, **attributes), tmp_path / "out").exit_code == 0
    assert errors(tmp_path / "out/instances/seg.dcm") == []


@pytest.mark.peers
@pytest.mark.parametrize("words", [("MANUAL", "MANUAL"), ("SEMIAUTOMATIC", "MANUAL"), ("AUTOMATIC", "SEMIAUTOMATIC")])
def test_dciodvfy_finds_no_error_whoever_drew_the_segments(build, tmp_path, stage, words):
    document = build.label_document(build.example_values(), intended_use="")
    for label, word in zip(document["labels"], words, strict=False):
        label["algorithm_type"] = word
    assert stage(*build.inputs(document=document), tmp_path / "out").exit_code == 0
    assert errors(tmp_path / "out/instances/seg.dcm") == []


def test_an_unknown_algorithm_type_ends_as_bad_input(build, tmp_path, stage):
    document = build.label_document(build.example_values())
    document["labels"][0]["algorithm_type"] = "HUMAN"
    short = stage(*build.inputs(document=document), tmp_path / "out")
    assert short.exit_code == 20
    assert "labels[0].algorithm_type is 'HUMAN', expected AUTOMATIC or SEMIAUTOMATIC or MANUAL" in short.error.message


@pytest.mark.peers
@pytest.mark.parametrize("name", ["axial", "feet first", "prone", "coronal", "sagittal", "oblique"])
def test_dcmqi_reads_back_the_label_map(build, tmp_path, stage, name):
    labels, source = build.inputs(name)
    assert stage(labels, source, tmp_path / "out").exit_code == 0
    assert_dcmqi_agrees(labels, tmp_path / "out/instances/seg.dcm", tmp_path / "dcmqi")


def assert_dcmqi_agrees(labels, seg, folder):
    """Each segment as dcmqi reads it covers the same voxels, found by their place in the patient."""
    folder.mkdir()
    command = [require_program("segimage2itkimage"), "--inputDICOM", str(seg), "--outputDirectory", str(folder)]
    subprocess.run([*command, "-t", "nii"], capture_output=True, timeout=120, check=True)
    expected = nib.load(labels / "labels.nii")
    values = np.asarray(expected.dataobj)
    for number, value in ((1, 2), (2, 7)):
        image = nib.load(folder / f"{number}.nii.gz")
        indices = np.argwhere(np.asarray(image.dataobj) > 0)
        to_expected = np.linalg.inv(expected.affine) @ image.affine
        found = indices @ to_expected[:3, :3].T + to_expected[:3, 3]
        assert np.abs(found - found.round()).max() < 0.02
        rebuilt = np.zeros(values.shape, dtype=bool)
        rebuilt[tuple(found.round().astype(int).T)] = True
        np.testing.assert_array_equal(rebuilt, values == value)


def real_source(build, folder, tmp_path):
    """Labels by threshold and a source folder for the real series in ``folder``, along its normal."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    instances = sorted(map(dcmread, files), key=lambda item: float(item.ImagePositionPatient[2]))
    target = tmp_path / "source"
    target.mkdir()
    entries = []
    for k, instance in enumerate(instances):
        (target / f"{k}.dcm").symlink_to(instance.filename)
        uid = instance.SOPInstanceUID
        entries.append({"file": f"{k}.dcm", "sop_class_uid": instance.SOPClassUID, "sop_instance_uid": uid})
    (target / "instances.json").write_text(json.dumps({"instances": entries}))
    hu = np.stack([item.pixel_array.T * item.RescaleSlope + item.RescaleIntercept for item in instances], axis=-1)
    values = np.where(hu > 200, 7, np.where(hu > 60, 2, 0)).astype(np.uint8)
    return build.labels(values, build.affine_ras(instances)), target, instances[0]


@pytest.mark.peers
@pytest.mark.data
def test_a_real_abdomen_passes_dciodvfy_and_dcmqi(build, tmp_path, stage):
    labels, source, first = real_source(build, case("ct-abdomen"), tmp_path)
    short = stage(labels, source, tmp_path / "out")
    assert (short.exit_code, short.metrics["seg_frames"]) == (0, 82)
    seg = tmp_path / "out/instances/seg.dcm"
    assert errors(seg) == []
    assert_dcmqi_agrees(labels, seg, tmp_path / "dcmqi")
    result = dcmread(seg, stop_before_pixels=True)
    for keyword in ("PatientName", "PatientID", "PatientSex", "StudyInstanceUID", "StudyDate", "StudyDescription"):
        assert result[keyword].value == first[keyword].value


@pytest.mark.data
@pytest.mark.parametrize("name", ["chrH31", "chrH32", "chrX1", "chrRuss", "chrGreek", "chrFren"])
def test_a_name_in_another_script_reads_back_as_it_is(build, tmp_path, stage, name):
    donor = dcmread(case("hard-pydicom") / "charset" / f"{name}.dcm")
    attributes = {"SpecificCharacterSet": donor.SpecificCharacterSet, "PatientName": str(donor.PatientName)}
    short = stage(*build.inputs(**attributes), tmp_path / "out")
    assert (short.exit_code, short.warnings) == (0, [])
    result = dcmread(tmp_path / "out/instances/seg.dcm", stop_before_pixels=True)
    assert str(result.PatientName) == str(donor.PatientName)
    assert result.SpecificCharacterSet == donor.SpecificCharacterSet
