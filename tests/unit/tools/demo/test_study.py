import shutil

import pytest
from pydicom import dcmread

from tools.demo.study import StudyError, find_study
from tools.phantom import write_study


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    """A small synthetic study."""
    folder = tmp_path_factory.mktemp("phantom") / "study"
    write_study(folder, slices=4, rows=64)
    return folder


def test_files_that_are_no_dicom_are_skipped_and_named(phantom, tmp_path):
    shutil.copytree(phantom, tmp_path / "study")
    (tmp_path / "study" / "notes.txt").write_text("not an image")
    (tmp_path / "study" / "empty.dcm").write_bytes(b"")
    study = find_study(tmp_path / "study")
    assert len(study.instances) == 4
    assert sorted(path.name for path in study.skipped) == ["empty.dcm", "notes.txt"]


def test_files_in_folders_below_belong_to_the_study(phantom, tmp_path):
    shutil.copytree(phantom, tmp_path / "study" / "series 1")
    study = find_study(tmp_path / "study")
    first = dcmread(study.instances[0].path)
    assert study.study_instance_uid == first.StudyInstanceUID
    assert study.instances[0].transfer_syntax_uid == first.file_meta.TransferSyntaxUID


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(StudyError, match="nowhere is no folder: name the folder that holds the DICOM files of a study"):
        find_study(tmp_path / "nowhere")


def test_a_folder_without_dicom_says_how_many_files_it_holds(tmp_path):
    (tmp_path / "notes.txt").write_text("not an image")
    with pytest.raises(StudyError, match="holds no DICOM file among 1 files"):
        find_study(tmp_path)


def test_two_studies_in_one_folder_are_refused(phantom, tmp_path):
    shutil.copytree(phantom, tmp_path / "one")
    write_study(tmp_path / "other", slices=4, rows=64, seed=99)
    with pytest.raises(StudyError, match="holds 2 studies: name the folder of one"):
        find_study(tmp_path)
