"""The phantom: a valid, deterministic CT study of a plausible abdomen."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.uid import CTImageStorage

from tools.phantom import (
    Label,
    OutputNotEmptyError,
    PhantomSpec,
    build_datasets,
    build_phantom,
    write_labels,
    write_study,
)
from tools.phantom.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path

SMALL = {"rows": 64, "slices": 12}


@pytest.fixture(scope="module")
def phantom():
    return build_phantom(PhantomSpec(seed=3, rows=128, slices=48))


def centroid_lps(phantom, label):
    index = np.argwhere(phantom.labels == label).mean(axis=0)
    return (phantom.affine_lps @ [*index, 1])[:3]


def read_study(folder: Path):
    return [pydicom.dcmread(path) for path in sorted(folder.glob("*.dcm"))]


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    assert write_study(first, seed=5, **SMALL) == write_study(second, seed=5, **SMALL)
    assert [p.name for p in sorted(first.iterdir())] == [p.name for p in sorted(second.iterdir())]
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()


def test_other_content_has_other_uids(tmp_path):
    uids = {
        write_study(tmp_path / "a", seed=5, **SMALL),
        write_study(tmp_path / "b", seed=6, **SMALL),
        write_study(tmp_path / "c", seed=5, rows=64, slices=13),
        write_study(tmp_path / "d", seed=5, oblique_deg=10, **SMALL),
        write_study(tmp_path / "e", seed=5, patient=True, **SMALL),
    }
    assert len(uids) == 5
    assert all(uid.startswith("2.25.") and len(uid) <= 64 for uid in uids)


def test_one_seed_is_one_anatomy_on_every_grid():
    coarse = build_phantom(PhantomSpec(seed=8, rows=64, slices=24, slice_spacing_mm=10.0))
    fine = build_phantom(PhantomSpec(seed=8, rows=128, slices=80, slice_spacing_mm=3.0))
    for label in (Label.LIVER, Label.SPLEEN, Label.KIDNEY):
        assert np.linalg.norm(centroid_lps(coarse, label) - centroid_lps(fine, label)) < 5


def test_a_study_is_one_complete_series(tmp_path):
    uid = write_study(tmp_path / "study", seed=2, **SMALL)
    datasets = read_study(tmp_path / "study")
    assert len(datasets) == 12
    assert {d.StudyInstanceUID for d in datasets} == {uid}
    assert len({d.SeriesInstanceUID for d in datasets}) == len({d.FrameOfReferenceUID for d in datasets}) == 1
    assert len({d.SOPInstanceUID for d in datasets}) == 12
    assert {d.SOPClassUID for d in datasets} == {CTImageStorage}
    assert [d.InstanceNumber for d in datasets] == list(range(1, 13))
    assert {d.file_meta.MediaStorageSOPInstanceUID for d in datasets} == {d.SOPInstanceUID for d in datasets}


def test_a_phantom_says_that_it_is_one_unless_asked_to_pass_for_a_patient(tmp_path):
    write_study(tmp_path / "phantom", **SMALL)
    write_study(tmp_path / "patient", patient=True, **SMALL)
    assert {d.QualityControlSubject for d in read_study(tmp_path / "phantom")} == {"YES"}
    assert not any("QualityControlSubject" in d for d in read_study(tmp_path / "patient"))


def test_stored_pixels_and_geometry_are_those_of_the_arrays():
    phantom = build_phantom(PhantomSpec(seed=4, oblique_deg=12.0, **SMALL))
    for index, dataset in zip(reversed(range(12)), build_datasets(phantom), strict=True):
        hu = dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
        np.testing.assert_array_equal(hu.T, phantom.volume_hu[:, :, index])
        row, column = np.reshape(np.array(dataset.ImageOrientationPatient, float), (2, 3))
        np.testing.assert_allclose(row * dataset.PixelSpacing[1], phantom.affine_lps[:3, 0], atol=1e-6)
        np.testing.assert_allclose(column * dataset.PixelSpacing[0], phantom.affine_lps[:3, 1], atol=1e-6)
        corner = np.array(dataset.ImagePositionPatient, float)
        np.testing.assert_allclose(corner, (phantom.affine_lps @ [0, 0, index, 1])[:3], atol=1e-6)
        assert float(dataset.SliceThickness) == 5.0


def test_organs_lie_where_they_belong(phantom):
    liver, spleen, spine = (centroid_lps(phantom, label) for label in (Label.LIVER, Label.SPLEEN, Label.SPINE))
    assert liver[0] < -25  # LPS: negative x is the patient's right
    assert spleen[0] > 50
    assert abs(spine[0]) < 15
    assert spine[1] > liver[1] + 30  # behind
    kidneys = np.argwhere(phantom.labels == Label.KIDNEY)[:, 0] * phantom.affine_lps[0, 0] + phantom.affine_lps[0, 3]
    assert (kidneys < -20).mean() == pytest.approx(0.5, abs=0.2)
    assert centroid_lps(phantom, Label.KIDNEY)[2] < liver[2]


def test_organs_have_plausible_volumes(phantom):
    voxel_ml = abs(np.linalg.det(phantom.affine_lps[:3, :3])) / 1000
    volumes = np.bincount(phantom.labels.ravel(), minlength=6) * voxel_ml
    assert 800 < volumes[Label.LIVER] < 2500
    assert 70 < volumes[Label.SPLEEN] < 450
    assert 150 < volumes[Label.KIDNEY] < 600
    assert volumes[Label.SPINE] > 200
    assert volumes[Label.LIVER_TUMOUR] > 2


def test_hounsfield_units_are_those_of_tissue():
    native = build_phantom(PhantomSpec(seed=9, rows=128, phase="native", tumours=0))
    portal = build_phantom(PhantomSpec(seed=9, rows=128, phase="portal venous", tumours=0))
    liver = [np.median(p.volume_hu[p.labels == Label.LIVER]) for p in (native, portal)]
    assert 30 < liver[0] < 75 < liver[1] < 140
    assert np.median(native.volume_hu[native.labels == Label.SPINE]) > 120
    assert np.percentile(native.volume_hu, 1) < -900
    assert native.volume_hu.min() >= -1024


def test_the_number_of_tumours_changes_nothing_else():
    without, two = (build_phantom(PhantomSpec(seed=9, rows=96, tumours=n)) for n in (0, 2))
    assert not (without.labels == Label.LIVER_TUMOUR).any()
    changed = without.labels != two.labels
    assert changed.any()
    assert set(np.unique(two.labels[changed])) == {Label.LIVER_TUMOUR}


def test_a_folder_that_holds_files_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputNotEmptyError, match=r"is not empty; .* Remove it or name another one\."):
        write_study(tmp_path, **SMALL)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"rows": 4}, r"48 slices of 4 rows; expected at least 1 slice and 16 rows\."),
        ({"slices": 0}, r"0 slices of 256 rows"),
        ({"slice_spacing_mm": 0.0}, r"0\.0 mm between slices; expected positive numbers\."),
        ({"pixel_spacing_mm": -1.0}, r"spacing -1\.0 mm in the plane"),
        ({"phase": "late"}, r"contrast phase 'late' is unknown; expected one of native, arterial, portal venous\."),
    ],
)
def test_an_impossible_spec_is_refused(wrong, text):
    with pytest.raises(ValueError, match=text):
        PhantomSpec(**wrong)


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(pydicom.Dataset, "save_as", lambda *_, **__: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_study(tmp_path / "study", **SMALL)
    assert list(tmp_path.iterdir()) == []


def test_the_command_prints_one_line_and_writes_the_ground_truth(tmp_path, capsys):
    out, labels = tmp_path / "out", tmp_path / "labels.nii.gz"
    assert main([str(out), "--seed", "7", "--rows", "64", "--slices", "12", "--labels", str(labels)]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("12 CT images in ")
    assert line.endswith(f"StudyInstanceUID {read_study(out)[0].StudyInstanceUID}")
    image = nib.load(labels)
    phantom = build_phantom(PhantomSpec(seed=7, **SMALL))
    np.testing.assert_array_equal(np.asanyarray(image.dataobj), phantom.labels)
    np.testing.assert_allclose(image.affine, phantom.affine_ras, atol=1e-4)
    assert main([str(out)]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert main([str(tmp_path / "other"), "--rows", "4"]) == 2
    assert "expected at least" in capsys.readouterr().err


def test_the_ground_truth_is_in_nifti_orientation(tmp_path, phantom):
    write_labels(tmp_path / "labels.nii.gz", phantom)
    image = nib.load(tmp_path / "labels.nii.gz")
    assert nib.aff2axcodes(image.affine) == ("L", "P", "S")  # columns run to the left, rows to the back
    liver = np.argwhere(np.asanyarray(image.dataobj) == Label.LIVER).mean(axis=0)
    assert (image.affine @ [*liver, 1])[0] > 25  # RAS: positive x is the patient's right
    assert image.header.get_data_dtype() == np.uint8


@pytest.mark.peers
@pytest.mark.parametrize("options", [{}, {"patient": True}, {"oblique_deg": 12.0}, {"seed": 14}])
def test_dciodvfy_finds_no_fault(tmp_path, options):
    if shutil.which("dciodvfy") is None:
        if os.environ.get("CLARA_REQUIRE_PEERS") == "1":
            pytest.fail("dciodvfy is not installed")
        pytest.skip("dciodvfy is not installed")
    write_study(tmp_path / "study", **SMALL, **options)
    for path in sorted((tmp_path / "study").iterdir()):
        report = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
        assert "Error" not in report.stderr + report.stdout
        assert "Warning" not in report.stderr + report.stdout
