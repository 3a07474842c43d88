"""The stage's labels of others: which object is taken, and why none is."""

import json

import nibabel
import numpy as np
import pytest
from pydicom.uid import UID

from clara_stages.dicom_reader.annotations.target_grid import SourceSlice
from clara_stages.kit import BadInputError
from tests.support.reading import run_stage
from tests.support.series import uid, write_ct_series, write_enhanced_series
from tests.unit.dicom_reader.annotations.objects import contour, make_grid, rtstruct_dataset, save, seg_dataset

SHAPE, SPACING_MM, ORIGIN = (12, 10, 6), (0.8, 0.9, 2.5), (-20.0, -30.0, 40.0)


def grid():
    """The grid of ``write_ct_series`` as it is."""
    slices = tuple(
        SourceSlice(uid("study", "series", k), None, (*ORIGIN[:2], ORIGIN[2] + k * SPACING_MM[2]))
        for k in range(SHAPE[2])
    )
    return make_grid(
        shape=SHAPE, spacing_mm=SPACING_MM, origin=ORIGIN, frame_of_reference_uid=uid("study", "frame of reference"),
        study_instance_uid=uid("study"), series_instance_uid=uid("study", "series"), slices=slices,
    )  # fmt: skip


def square():
    values = np.zeros((SHAPE[1], SHAPE[0]), np.uint8)
    values[2:6, 3:9] = 1
    return values


def write_seg(path, name="object", **changes):
    dataset = seg_dataset(grid(), [(1, 2, square())])
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(uid(name))
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    return save(dataset, path)


def write_rtstruct(path, roi_name="GTV Jones"):
    corners = [(2.5, 1.5), (8.5, 1.5), (8.5, 5.5), (2.5, 5.5)]
    dataset = rtstruct_dataset(grid(), {1: [contour(grid(), corners, 2, image=uid("study", "series", 2))]})
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(uid("rtstruct"))
    dataset.StructureSetROISequence[0].ROIName = roi_name
    return save(dataset, path)


@pytest.mark.parametrize(("form", "file"), [("label_map", "labels.nii"), ("segment_stack", "segments.nii")])
def test_the_only_object_becomes_labels_on_the_grid_of_the_volume(tmp_path, form, file):
    write_ct_series(tmp_path / "in")
    write_seg(tmp_path / "in" / "seg.dcm")
    io, series = run_stage(tmp_path / "in", tmp_path / "out", annotations=form)
    image = nibabel.load(tmp_path / "out" / form / file)
    values = np.asarray(image.dataobj).squeeze()
    np.testing.assert_allclose(image.affine, series["affine_ras"], atol=1e-5)
    assert values.shape == SHAPE
    np.testing.assert_array_equal(values[:, :, 2], square().T)
    assert values.sum() == square().sum()
    assert io.metrics["segments"] == 1
    (label,) = json.loads((tmp_path / "out" / form / "labels.json").read_text())["labels"]
    assert (label["voxels"], label["segment_number"], label["algorithm_type"]) == (24, 1, "MANUAL")


def test_labels_lie_on_the_resampled_grid_of_a_tilted_gantry(tmp_path):
    def lean(k, dataset):
        x, y, z = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [x, float(y) + 0.9 * k, z]

    write_ct_series(tmp_path / "in", change=lean)
    tilted = grid()
    tilted.affine_lps[1, 2] = 0.9
    dataset = seg_dataset(tilted, [(1, 2, square())])
    save(dataset, tmp_path / "in" / "seg.dcm")
    _, series = run_stage(tmp_path / "in", tmp_path / "out", annotations="label_map")
    image = nibabel.load(tmp_path / "out" / "label_map" / "labels.nii")
    values = np.asarray(image.dataobj)
    assert list(values.shape) == series["shape"] == [12, 15, 6]
    assert values[:, :, 2].sum() == values.sum() == square().sum()
    origin = series["transform"]["source_origin_index"][2]
    np.testing.assert_array_equal(np.argwhere(values)[0] - np.round(origin).astype(int), [3, 2, 0])


def test_a_rule_selects_one_of_several(tmp_path):
    write_ct_series(tmp_path / "in")
    write_seg(tmp_path / "in" / "a.dcm", "a")
    write_rtstruct(tmp_path / "in" / "b.dcm")
    with pytest.raises(BadInputError, match=r"2 objects fit the volume and the empty rule: .*; ?|SEG") as caught:
        run_stage(tmp_path / "in", tmp_path / "none", annotations="label_map")
    assert caught.value.remedy == 'select one: annotation.sop_instance_uid == "..."'
    run_stage(
        tmp_path / "in", tmp_path / "out", annotations="label_map", annotation='annotation.modality == "RTSTRUCT"'
    )
    document = json.loads((tmp_path / "out" / "label_map" / "labels.json").read_text())
    assert [label["name"] for label in document["labels"]] == ["GTV Jones"]
    assert document["labels"][0]["voxels"] == 24


def test_names_of_segments_are_in_the_labels_and_nowhere_else(tmp_path, caplog):
    caplog.set_level(0)
    write_ct_series(tmp_path / "in")
    write_rtstruct(tmp_path / "in" / "rt.dcm")
    io, _ = run_stage(tmp_path / "in", tmp_path / "out", annotations="label_map")
    assert "Jones" not in caplog.text + json.dumps([io.warnings, io.metrics])
    assert "Jones" not in (tmp_path / "out" / "volume" / "series.json").read_text()


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ('annotation.modality == "RTSTRUCT"', "none of 1 SEG and RTSTRUCT objects fits the volume and the rule"),
        ('"heart" in annotation.segments', "none of 1 SEG and RTSTRUCT objects fits the volume and the rule"),
        ("annotation.modality", "parameter 'annotation': "),
        ("annotation.nothing == 1", "parameter 'annotation': "),
        ("1 +", "parameter 'annotation': "),
    ],
)
def test_a_rule_that_selects_nothing_or_is_none_is_refused(tmp_path, rule, words):
    write_ct_series(tmp_path / "in")
    write_seg(tmp_path / "in" / "seg.dcm")
    with pytest.raises(BadInputError) as caught:
        run_stage(tmp_path / "in", tmp_path / "out", annotations="label_map", annotation=rule)
    assert words in caught.value.message


def test_a_study_without_results_of_others_says_so(tmp_path):
    write_ct_series(tmp_path / "in")
    with pytest.raises(BadInputError, match="none of 0 SEG and RTSTRUCT objects fits the volume and the empty rule"):
        run_stage(tmp_path / "in", tmp_path / "out", annotations="label_map")


def test_an_object_of_another_frame_of_reference_is_refused_with_its_reason(tmp_path):
    write_ct_series(tmp_path / "in", change=lambda _k, dataset: setattr(dataset, "FrameOfReferenceUID", "1.2.3"))
    dataset = seg_dataset(grid(), [(1, 2, square())])
    del dataset.ReferencedSeriesSequence
    for groups in dataset.PerFrameFunctionalGroupsSequence:
        del groups.DerivationImageSequence
    save(dataset, tmp_path / "in" / "seg.dcm")
    with pytest.raises(BadInputError, match=r"none of 1 .* \(SEG "):
        run_stage(tmp_path / "in", tmp_path / "out", annotations="label_map")


def test_labels_of_several_time_points_are_refused(tmp_path):
    write_enhanced_series(tmp_path / "in", times=2)
    write_seg(tmp_path / "in" / "seg.dcm")
    with pytest.raises(BadInputError, match="labels are made on one time point"):
        run_stage(tmp_path / "in", tmp_path / "out", annotations="label_map", volumes="4d")


def test_labels_on_images_without_a_place_are_refused(tmp_path):
    def change(_k, dataset):
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
        dataset.Modality = "CR"
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "RescaleType"):
            delattr(dataset, keyword)

    write_ct_series(tmp_path / "in", shape=(12, 10, 1), change=change)
    write_seg(tmp_path / "in" / "seg.dcm")
    with pytest.raises(BadInputError, match="no place in the patient that labels could be laid on"):
        run_stage(tmp_path / "in", tmp_path / "out", annotations="label_map", images=True)


def test_another_file_of_the_object_that_differs_is_told(tmp_path):
    write_ct_series(tmp_path / "in")
    write_seg(tmp_path / "in" / "seg.dcm")
    write_seg(tmp_path / "in" / "seg2.dcm", ContentLabel="OTHER")
    io, _ = run_stage(tmp_path / "in", tmp_path / "out", annotations="label_map")
    assert [text for text in io.warnings if "claim" in text] == [
        "SEG file 1 of 8: two files (file 1 of 8, file 2 of 8) claim to be this object and differ; the first is read"
    ]
