"""The stage as it is run: by hand, and with hostile folders."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pydicom
import pytest
from pydicom import uid as uids

from clara_stages.dicom_reader.__main__ import main
from clara_stages.kit import BadInputError, StageIO
from clara_stages.kit.contract import StageRequest, study_digest
from tests.support.reading import run_stage as run
from tests.support.series import uid, write_ct_series, write_series


def test_both_outputs_name_the_slices_in_order_of_k(tmp_path):
    write_ct_series(tmp_path / "in", shape=(12, 10, 6))
    io, series = run(tmp_path / "in", tmp_path / "out")
    expected = [uid("study", "series", k) for k in range(6)]
    assert [item["sop_instance_uid"] for item in series["slices"]] == expected
    assert [item["k"] for item in series["slices"]] == list(range(6))
    assert series["slices"][2]["position_lps_mm"] == [-20, -30, 45]
    assert (series["shape"], series["unit"], series["modality"]) == ([12, 10, 6], "HU", "CT")
    assert series["study_digest"] == study_digest(expected)
    assert series["left_out"] == []
    instances = json.loads((tmp_path / "out" / "source" / "instances.json").read_text())["instances"]
    files = [pydicom.dcmread(tmp_path / "out" / "source" / item["file"]).SOPInstanceUID for item in instances]
    assert [item["file"] for item in instances][:2] == ["000001.dcm", "000002.dcm"]
    assert files == [item["sop_instance_uid"] for item in instances] == expected
    assert io.warnings == []
    assert io.metrics["slices"] == 6


def test_equal_studies_give_equal_bytes_whatever_the_files_are_called(tmp_path):
    for number, path in enumerate(reversed(write_ct_series(tmp_path / "a"))):
        (tmp_path / "b").mkdir(exist_ok=True)
        (tmp_path / "b" / f"x{number}").write_bytes(path.read_bytes())
    run(tmp_path / "a", tmp_path / "one")
    run(tmp_path / "b", tmp_path / "two")
    names = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(names) == 10
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_what_is_no_slice_is_left_out_counted_and_listed(tmp_path):
    write_ct_series(tmp_path)
    (tmp_path / "Mary Jones.txt").write_text("Mary Jones")
    (tmp_path / "empty").touch()

    def report(_k, dataset):
        dataset.SOPClassUID = uids.BasicTextSRStorage

    write_ct_series(tmp_path, series="z", shape=(4, 4, 1), change=report)
    io, series = run(tmp_path, tmp_path.with_name("out"))
    assert io.warnings == [
        "3 of 9 files were left out: 1 an empty file, 1 no DICOM: text, 1 no image: Basic Text SR Storage"
    ]
    assert {"file": "file 1 of 9", "reason": "no DICOM: text"} in series["left_out"]
    assert len(series["left_out"]) == 3


def arrival(folder, count):
    write_ct_series(folder / "instances")
    facts = {"series": [{"series_instance_uid": uid("study", "series"), "instances": count}]}
    (folder / "study.json").write_text(json.dumps({"study_digest": "root", "facts": facts}))


def test_the_root_key_of_an_arrival_is_kept(tmp_path):
    arrival(tmp_path / "in", 6)
    (tmp_path / "in" / "instances" / "000009.dcm").write_bytes(b"")
    _, series = run(tmp_path / "in", tmp_path / "out")
    assert series["study_digest"] == "root"
    assert series["left_out"] == [{"file": "instances/000009.dcm", "reason": "an empty file"}]


def test_fewer_slices_than_arrived_are_refused(tmp_path):
    arrival(tmp_path / "in", 7)
    with pytest.raises(BadInputError, match="7 instances of the series arrived, 6 of them can be read"):
        run(tmp_path / "in", tmp_path / "out")


def test_a_copy_in_another_transfer_syntax_is_no_second_slice(tmp_path):
    write_ct_series(tmp_path / "in")
    write_ct_series(
        tmp_path / "in" / "rle",
        change=lambda _k, dataset: dataset.compress(uids.RLELossless, generate_instance_uid=False),
    )
    io, series = run(tmp_path / "in", tmp_path / "out")
    assert series["shape"] == [12, 10, 6]
    assert io.warnings == ["6 of 12 files were left out: 6 another file of an instance that was read"]


def test_one_uid_with_two_geometries_is_refused(tmp_path):
    write_ct_series(tmp_path / "in")
    write_ct_series(tmp_path / "in" / "again", origin_lps_mm=(0, 0, 0))
    with pytest.raises(BadInputError, match="differ in series, geometry or rescale"):
        run(tmp_path / "in", tmp_path / "out")


def test_what_a_person_should_know_is_warned_about(tmp_path):
    def change(_k, dataset):
        del dataset.FrameOfReferenceUID
        dataset.LossyImageCompression = "01"

    write_series(tmp_path / "in", modality="PT", shape=(4, 4, 3), change=change)
    io, series = run(tmp_path / "in", tmp_path / "out")
    assert series["frame_of_reference_uid"] == ""
    assert io.warnings == [
        "activity, no SUV: Corrected Image (0028,0051) does not say ATTN and DECY",
        "the volume has 3 slices: that none is missing cannot be seen from so few",
        "the series has no Frame of Reference UID: results cannot refer to one",
        "3 of 3 images were compressed with loss",
    ]


def test_a_truncated_file_that_seems_to_be_of_another_series_is_listed(tmp_path):
    def change(k, dataset):
        if k == 5:
            dataset.SeriesInstanceUID = "1.2"
            del dataset.PixelData

    write_ct_series(tmp_path / "in", change=change)
    io, _ = run(tmp_path / "in", tmp_path / "out")
    assert io.warnings[-1] == "1 of 6 files were left out: 1 an image without pixel data"


def test_by_hand_nothing_about_the_patient_reaches_logs_or_outputs_but_the_source(tmp_path):
    def change(k, dataset):
        dataset.PatientName, dataset.PatientID, dataset.AccessionNumber = "Jones^Mary", "JONES-77", "ACC-JONES"
        dataset["ImageType"]._value = "Jones Mary is no value of a code string at all"
        if k == 0:
            dataset["SOPInstanceUID"]._value = "Jones"

    paths = write_ct_series(tmp_path / "in", change=change)
    for number, path in enumerate(paths):
        path.rename(path.with_name(f"Jones^Mary {number}"))
    (tmp_path / "in" / "Jones.dcm").write_bytes(paths[0].with_name("Jones^Mary 1").read_bytes()[:900])
    code = subprocess.run(
        [sys.executable, "-m", "clara_stages.dicom_reader", "--input", f"study={tmp_path / 'in'}", "--output",
         str(tmp_path / "out"), "--param", 'select=series.modality == "CT"'],
        capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "images")},
    )  # fmt: skip
    assert code.returncode == 0, code.stdout + code.stderr
    assert "jones" not in (code.stdout + code.stderr).lower()
    short = json.loads(code.stdout.splitlines()[-1])["short_result"]
    assert short["metrics"]["slices"] == 5
    assert short["folders"] == {"volume": "volume", "source": "source"}
    left_out = json.loads((tmp_path / "out" / "volume" / "series.json").read_text())["left_out"]
    assert "jones" not in json.dumps(left_out).lower()


def test_of_several_volumes_warnings_name_theirs_and_files_are_left_out_once(tmp_path):
    write_ct_series(tmp_path / "in" / "a", shape=(4, 4, 3))
    write_ct_series(tmp_path / "in" / "b", series="b", shape=(4, 4, 3))
    (tmp_path / "in" / "notes.txt").write_text("none")
    io = StageIO(
        StageRequest(
            workflow="w", dag_run_id="r", stage="read", stage_key="k", output=str(tmp_path / "out"),
            inputs={"study": str(tmp_path / "in")}, params={"volumes": "all"},
        )
    )  # fmt: skip
    main(io)
    assert [text.partition(":")[0] for text in io.warnings] == [
        "001-volume", "002-volume", "1 of 7 files were left out",
    ]  # fmt: skip
    assert io.warnings[-1] == "1 of 7 files were left out: 1 no DICOM: text"
