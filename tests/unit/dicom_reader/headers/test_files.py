"""Which files a study folder has, and how they may be named."""

import errno
import json
import os

import pytest

from clara_stages.dicom_reader.headers.files import list_study_folder

STUDY = {"study_digest": "abc", "facts": {"series": [{"series_instance_uid": "1.2", "instances": 3}]}}


def test_files_of_a_plain_folder_are_named_by_number_alone(tmp_path):
    (tmp_path / "Jones Mary").mkdir()
    (tmp_path / "Jones Mary" / "a.dcm").write_text("x")
    (tmp_path / "b.dcm").write_text("x")
    folder = list_study_folder(tmp_path)
    assert [file.label for file in folder.files] == ["file 1 of 2", "file 2 of 2"]
    assert [file.relative for file in folder.files] == ["Jones Mary/a.dcm", "b.dcm"]
    assert (folder.study_digest, folder.instances_by_series) == ("", {})


def test_an_arrival_is_read_from_its_instances_folder_under_the_names_the_adapter_made(tmp_path):
    (tmp_path / "instances").mkdir()
    (tmp_path / "instances" / "000001.dcm").write_text("x")
    (tmp_path / "study.json").write_text(json.dumps(STUDY))
    folder = list_study_folder(tmp_path)
    assert [file.label for file in folder.files] == ["instances/000001.dcm"]
    assert (folder.study_digest, folder.instances_by_series) == ("abc", {"1.2": 3})


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"study_digest": 1}', '{"study_digest": "a", "facts": {"series": 1}}']
)
def test_a_study_file_that_is_not_ours_makes_no_arrival(tmp_path, text):
    (tmp_path / "study.json").write_text(text)
    folder = list_study_folder(tmp_path)
    assert [file.label for file in folder.files] == ["file 1 of 1"]
    assert folder.notes[0].startswith("study.json cannot be used")


def test_links_out_of_the_folder_and_special_files_are_not_opened(tmp_path):
    outside, study = tmp_path / "outside.dcm", tmp_path / "study"
    outside.write_text("x")
    study.mkdir()
    (study / "1").symlink_to(outside)
    (study / "2").symlink_to(study / "nowhere")
    (study / "3").symlink_to(study / "3")
    os.mkfifo(study / "4")
    (study / "5").write_text("x")
    (study / "6").symlink_to(study / "5")
    refusals = [file.refusal for file in list_study_folder(study).files]
    dead = "a link to nothing"
    assert refusals == ["a link out of the study folder", dead, dead, "no plain file", "", ""]


def test_folders_that_are_links_are_listed_and_not_entered(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x").write_text("x")
    study = tmp_path / "study"
    (study / "inside").mkdir(parents=True)
    (study / "to outside").symlink_to(tmp_path / "outside")
    (study / "to inside").symlink_to(study / "inside")
    files = list_study_folder(study).files
    assert [file.refusal for file in files] == ["a link to a folder", "a link out of the study folder"]


def test_an_instances_folder_that_is_a_link_makes_no_arrival(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x").write_text("x")
    study = tmp_path / "study"
    study.mkdir()
    (study / "instances").symlink_to(tmp_path / "outside")
    (study / "study.json").write_text(json.dumps(STUDY))
    folder = list_study_folder(study)
    assert folder.study_digest == ""
    assert [file.refusal for file in folder.files] == ["a link out of the study folder", ""]


def test_a_name_that_is_no_text_is_listed_as_text(tmp_path):
    (tmp_path / os.fsdecode(b"\xff\xfe")).write_text("x")
    assert list_study_folder(tmp_path).files[0].relative == "\ufffd\ufffd"


def test_a_folder_that_cannot_be_opened_is_listed(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    scandir = os.scandir

    def as_nobody(path):  # the system lets root open every folder, whatever its mode
        if os.fspath(path).endswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", as_nobody)
    assert list_study_folder(tmp_path).files[0].refusal == "a folder that cannot be opened"
