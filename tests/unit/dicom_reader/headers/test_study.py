"""A folder becomes instances, frames, copies, and files left out with a reason."""

import shutil

import pydicom
import pytest

from clara_stages.dicom_reader.headers.study import LeftOut, load_study, scan_study, summarise
from clara_stages.dicom_reader.quiet_pydicom import quiet_pydicom
from clara_stages.kit import BadInputError
from clara_stages.kit.contract.facts import build_series_facts, header_values
from tests.support.data import case
from tests.support.series import write_ct_series, write_enhanced_series


def test_frames_come_in_the_order_of_the_files_and_once_for_each_instance(tmp_path):
    write_ct_series(tmp_path / "a", shape=(6, 5, 3))
    write_enhanced_series(tmp_path / "b", shape=(6, 5, 2), series="enhanced")
    shutil.copy(tmp_path / "a" / "series-slice000.dcm", tmp_path / "z.dcm")
    (tmp_path / "notes.txt").write_text("Mary Jones")
    study = load_study(tmp_path)
    assert [frame.number for frame in study.frames] == [None, None, None, 1, 2]
    assert (len(study.instances), [copy.relative for copy in study.copies]) == (4, ["z.dcm"])
    assert [(item.file, item.path, item.reason) for item in study.left_out] == [
        ("file 5 of 6", "notes.txt", "no DICOM: text")
    ]


def test_an_empty_study_is_an_error_for_the_stage_and_none_for_a_look(tmp_path):
    (tmp_path / "a").write_text("x")
    assert scan_study(tmp_path).instances == ()
    with pytest.raises(BadInputError, match=r"none of 1 files is a DICOM instance \(1 no DICOM: text\)"):
        load_study(tmp_path)


@pytest.mark.data
@pytest.mark.parametrize(
    "name", ["ct-abdomen", "hard-ct-transfer-syntaxes", "hard-oblique-kanji-charset", "mr-prostate"]
)
def test_series_facts_are_those_that_pydicom_gives(name):
    study = scan_study(case(name))
    with quiet_pydicom():
        for instance in (*study.instances, *study.copies):
            header = header_values(pydicom.dcmread(instance.path, stop_before_pixels=True))
            assert build_series_facts([instance.header]) == build_series_facts([header])


def test_a_summary_lists_the_most_frequent_reasons_and_counts_the_others():
    left_out = [LeftOut(file=f"file {n}", reason=f"reason {n:02d}") for n in range(20)]
    text = summarise([*left_out, left_out[19]])
    assert text.startswith("2 reason 19, 1 reason 00, ")
    assert text.endswith("1 reason 10 and 8 other reasons")
