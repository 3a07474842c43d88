import json

import numpy as np
import pytest
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.source_series import load_source_series
from clara_stages.kit import BadInputError, OutOfScopeError


def test_spacing_is_rows_before_columns(build):
    source = load_source_series(build.source(build.instances()))
    assert (source.row_spacing_mm, source.column_spacing_mm) == (1.25, 0.75)
    assert source.shape == (12, 9, 6)
    assert source.slice_gap_mm() == pytest.approx(2.5)


def test_the_order_is_that_of_the_list(build):
    source = load_source_series(build.source(build.instances("feet first")))
    np.testing.assert_allclose(np.diff(source.positions_lps_mm[:, 2]), -2.5)


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID"])
def test_a_missing_type_1_uid_is_named(build, keyword):
    instances = build.instances()
    setattr(instances[2], keyword, "")
    with pytest.raises(BadInputError, match=f"source instance 2 has no {keyword}, which is Type 1"):
        load_source_series(build.source(instances))


def test_no_frame_of_reference_is_out_of_scope_and_none_is_invented(build):
    with pytest.raises(OutOfScopeError, match="source instance 0 has no Frame of Reference UID"):
        load_source_series(build.source(build.instances(FrameOfReferenceUID=None)))


def test_a_multi_frame_source_is_out_of_scope(build):
    with pytest.raises(OutOfScopeError, match="multi-frame object"):
        load_source_series(build.source(build.instances(PerFrameFunctionalGroupsSequence=[Dataset()])))


@pytest.mark.parametrize(
    ("keyword", "value", "count"),
    [("PixelSpacing", None, 2), ("ImagePositionPatient", "", 3), ("ImageOrientationPatient", [1, 0, 0], 6)],
)
def test_missing_geometry_is_named(build, keyword, value, count):
    instances = build.instances()
    setattr(instances[1], keyword, value)
    with pytest.raises(BadInputError, match=rf"source instance 1 has no usable {keyword}, expected {count} value"):
        load_source_series(build.source(instances))


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"])
def test_two_series_are_not_one_source(build, keyword):
    instances = build.instances()
    setattr(instances[3], keyword, "1.9")
    with pytest.raises(BadInputError, match=f"2 different values of {keyword}"):
        load_source_series(build.source(instances))


def test_two_orientations_are_not_one_source(build):
    instances = [*build.instances(count=5), build.source_instance(5, "coronal")]
    with pytest.raises(BadInputError, match="source instance 5 has another orientation"):
        load_source_series(build.source(instances))


def test_one_instance_twice_is_refused(build):
    instances = build.instances()
    instances[1].SOPInstanceUID = instances[0].SOPInstanceUID
    with pytest.raises(BadInputError, match="two source instances have the same SOP Instance UID"):
        load_source_series(build.source(instances))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "cannot be used: TypeError"),
        ('{"instances": []}', "names no instance"),
        ('{"instances": [{"file": "none.dcm"}]}', "lacks a file that instances.json names: none.dcm"),
        ('{"instances": [{"file": "instances.json"}]}', "is no DICOM file"),
        ('{"instances": [{"file": "../labels/labels.nii"}]}', "names a file outside its folder"),
    ],
)
def test_a_bad_list_is_named(build, text, words):
    folder = build.source(build.instances())
    (folder / "instances.json").write_text(text)
    with pytest.raises(BadInputError, match=words):
        load_source_series(folder)


def test_linked_files_are_read(build, tmp_path):
    folder = build.source(build.instances())
    linked = tmp_path / "linked"
    linked.mkdir()
    for item in json.loads((folder / "instances.json").read_text())["instances"]:
        (linked / item["file"]).symlink_to(folder / item["file"])
    (linked / "instances.json").write_text((folder / "instances.json").read_text())
    assert load_source_series(linked).shape == (12, 9, 6)
