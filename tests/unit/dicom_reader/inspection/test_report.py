"""What ``inspect`` says of a folder, as data and as text."""

import json
import subprocess
import sys

import pytest
from pydicom import uid as uids

from clara_stages.dicom_reader.inspection.report import build_report
from clara_stages.dicom_reader.inspection.text import render_report
from clara_stages.dicom_reader.params import Params
from tests.support.series import uid, write_ct_series, write_series

ASKED = {
    "series_instance_uid", "volume", "modality", "verdict", "reason", "instances", "shape", "spacing_mm",
    "affine_lps", "units",
}  # fmt: skip


def inspect(folder, **options):
    params = Params()
    report = build_report(folder, params.policy, params.limits, **options)
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    return report


def lean(k, dataset):
    x, y, z = dataset.ImagePositionPatient
    dataset.ImagePositionPatient = [x, float(y) + 0.5 * k, z]


def test_a_volume_has_every_key_that_programs_read(tmp_path):
    write_ct_series(tmp_path)
    (volume,) = inspect(tmp_path)["volumes"]
    assert volume.keys() >= ASKED
    assert (volume["volume"], volume["verdict"], volume["modality"]) == ("volume", "volume", "CT")
    assert (volume["shape"], volume["spacing_mm"]) == ([12, 10, 6], [0.8, 0.9, 2.5])
    assert volume["affine_lps"] == [[0.8, 0, 0, -20], [0, 0.9, 0, -30], [0, 0, 2.5, 40], [0, 0, 0, 1]]
    assert (volume["instances"], volume["units"]) == (6, "HU")
    assert (volume["series_instance_uid"], volume["reason"]) == (uid("study", "series"), "6 slices, 2.5 mm apart")


def test_a_refused_volume_has_reason_and_remedy_and_no_guess(tmp_path):
    write_ct_series(tmp_path)[2].unlink()
    (volume,) = inspect(tmp_path)["volumes"]
    assert volume.keys() >= ASKED
    assert (volume["verdict"], volume["instances"]) == ("refused", 5)
    assert [volume[key] for key in ("shape", "spacing_mm", "affine_lps", "units")] == [None] * 4
    assert "1 slice is missing there" in volume["reason"]
    assert volume["remedy"] == "send the complete series again"


def test_damage_to_pixels_is_seen_unless_only_headers_are_read(tmp_path):
    paths = write_ct_series(tmp_path)
    paths[3].write_bytes(paths[3].read_bytes()[:-20])
    assert inspect(tmp_path)["volumes"][0]["verdict"] == "refused"
    assert inspect(tmp_path, decode=False)["volumes"][0]["verdict"] == "volume"


def test_objects_and_what_is_left_out_have_paths_and_reasons(tmp_path):
    def report(_k, dataset):
        dataset.SOPClassUID = uids.BasicTextSRStorage
        dataset.Modality = "SR"

    write_ct_series(tmp_path / "ct")
    write_ct_series(tmp_path / "sr", series="sr", shape=(4, 4, 1), change=report)
    (tmp_path / "notes.txt").write_text("hello")
    found = inspect(tmp_path)
    (item,) = found["objects"]
    assert (item["path"], item["sop_class"], item["modality"]) == ("sr/sr-slice000.dcm", "Basic Text SR Storage", "SR")
    assert found["left_out"] == [{"path": "notes.txt", "reason": "no DICOM: text"}]


def test_one_file_is_a_folder_of_one(tmp_path):
    path = write_ct_series(tmp_path)[0]
    (volume,) = inspect(path)["volumes"]
    assert (volume["verdict"], volume["instances"], volume["shape"]) == ("image", 1, [12, 10, 1])
    (tmp_path / "notes.txt").write_text("hello")
    assert inspect(tmp_path / "notes.txt")["left_out"] == [{"path": "notes.txt", "reason": "no DICOM: text"}]


def test_a_modality_that_is_no_code_is_not_repeated(tmp_path):
    write_ct_series(tmp_path, change=lambda _k, dataset: setattr(dataset, "Modality", "JONES MARY"))
    found = inspect(tmp_path)
    assert "JONES" not in json.dumps(found) + render_report(found)
    assert render_report(found).startswith("series 1, no modality  ")


def test_no_header_text_about_a_person_is_printed(tmp_path):
    def change(_k, dataset):
        for keyword in ("PatientName", "PatientID", "PatientBirthDate", "AccessionNumber", "StudyDescription",
                        "SeriesDescription", "ReferringPhysicianName", "StudyID", "BodyPartExamined"):  # fmt: skip
            setattr(dataset, keyword, "19500101" if keyword == "PatientBirthDate" else "JONES")

    write_ct_series(tmp_path, change=change)
    found = inspect(tmp_path)
    printed = json.dumps(found) + render_report(found)
    assert "JONES" not in printed
    assert "19500101" not in printed


def test_a_person_reads_one_line_and_one_sentence_a_volume(tmp_path):
    write_ct_series(tmp_path / "a")
    write_series(tmp_path / "b", modality="MR", series="b", shape=(4, 4, 1))
    first, second = sorted([uid("study", "series"), uid("study", "b")])
    blocks = {
        uid("study", "series"): "CT  {}\n  volume, 12 x 10 x 6, 0.8 x 0.9 x 2.5 mm, HU\n    6 slices, 2.5 mm apart",
        uid("study", "b"): "MR  {}\n  image, 4 x 4, 0.8 x 0.9 mm\n    a single image: one slice is no volume",
    }
    assert render_report(inspect(tmp_path)) == "\n".join(
        "series 1, " + blocks[series].format(series) for series in (first, second)
    )


def test_a_resampled_volume_says_once_why(tmp_path):
    write_ct_series(tmp_path, change=lean)
    text = render_report(inspect(tmp_path))
    assert "\n  resample, 12 x 13 x 6, " in text
    assert text.replace("\n      ", " ").count("tilted gantry") == 1
    assert "    the volume is resampled, its slices are not those of the scanner\n" in text + "\n"


def test_one_image_is_not_several(tmp_path):
    paths = write_ct_series(tmp_path, shape=(4, 4, 1))
    paths[0].write_bytes(paths[0].read_bytes()[:-20])
    assert "\n  refused, 1 image\n" in render_report(inspect(tmp_path))


def test_many_files_of_a_kind_are_counted(tmp_path):
    for number in range(9):
        (tmp_path / f"{number}.txt").write_text("x")
    (tmp_path / "empty").touch()
    assert render_report(inspect(tmp_path)).splitlines() == [
        "left out: 10 files",
        "  9 files: no DICOM: text",
        *(f"    {number}.txt" for number in range(5)),
        "    and 4 more (--json lists all)",
        "  empty: an empty file",
    ]


def test_a_file_name_can_do_nothing_to_a_terminal(tmp_path):
    (tmp_path / "a\n\x1b[31mb").write_text("x")
    assert r"  a\n\x1b[31mb: no DICOM: text" in render_report(inspect(tmp_path))
    assert inspect(tmp_path)["left_out"][0]["path"] == "a\n\x1b[31mb"


def test_an_empty_folder_is_nothing(tmp_path):
    found = inspect(tmp_path)
    assert (found["volumes"], found["objects"], found["left_out"]) == ([], [], [])
    assert render_report(found) == "nothing: the folder has no file"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_reader_that_has_seen_enough_is_no_error(tmp_path, options):
    for number in range(30):
        write_ct_series(tmp_path / str(number), series=str(number), shape=(4, 4, 2))
    command = [sys.executable, "-m", "clara_stages.dicom_reader.inspection", *options, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_damaged_images_are_left_out_and_listed_where_the_policy_says_so(tmp_path):
    path = write_ct_series(tmp_path)[5]
    path.write_bytes(path.read_bytes()[:-20])
    params = Params(bad_files="leave_out")
    report = build_report(tmp_path, params.policy, params.limits)
    (volume,) = report["volumes"]
    assert (volume["verdict"], volume["shape"]) == ("volume", [12, 10, 5])
    assert [item["path"] for item in report["left_out"]] == [path.name]
