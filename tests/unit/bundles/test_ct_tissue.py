"""The demonstration bundle ct_tissue: classes by Hounsfield units inside the body, without the table."""

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from tests.support.data import case

ROOT = Path(__file__).parents[3]
BUNDLE = ROOT / "bundles" / "ct_tissue"
AIR, LUNG, FAT, SOFT, BONE = -1000.0, -850.0, -100.0, 50.0, 700.0


def load(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def body_mask():
    return load(BUNDLE / "scripts" / "body_mask.py").body_mask


def trunk(*, slices=3, pixel_mm=2.0, size=200, table=True):
    """A trunk of fat, muscle, two lungs, a spine and bowel gas, lying on a table; HU [i, j, k], truth [i, j, k]."""
    i, j = (axis * pixel_mm for axis in np.meshgrid(np.arange(size), np.arange(size), indexing="ij"))
    middle = size * pixel_mm / 2

    def ellipse(x, y, a, b):
        return ((i - middle - x) / a) ** 2 + ((j - middle - y) / b) ** 2 <= 1

    hu = np.full((size, size), AIR)
    truth = np.zeros((size, size), int)
    for region, value, label in (
        (ellipse(0, 0, 150, 100), FAT, 2),
        (ellipse(0, 0, 140, 90), SOFT, 3),
        (ellipse(-70, -10, 45, 60), LUNG, 1),
        (ellipse(70, -10, 45, 60), LUNG, 1),
        (ellipse(0, 60, 20, 20), BONE, 4),
        (ellipse(0, -40, 12, 12), AIR, 1),
    ):
        hu[region], truth[region] = value, label
    if table:
        shell = ellipse(0, -320, 700, 425) & ~ellipse(0, -320, 696, 421)
        hu[shell] = 100.0
        hu[ellipse(0, 103, 120, 4) & (truth == 0)] = -500.0
    return np.repeat(hu[:, :, None], slices, 2), np.repeat(truth[:, :, None], slices, 2)


def affine(pixel_mm=2.0, slice_mm=5.0, tilt_deg=0.0):
    angle = np.radians(tilt_deg)
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    matrix = np.eye(4)
    matrix[:3, :3] = turn @ np.diag([-pixel_mm, -pixel_mm, slice_mm])
    return matrix


def run(volume: Path, output: Path):
    done = subprocess.run(
        [
            *(sys.executable, "-m", "clara_stages.bundle_inference", "--param", "device=cpu"),
            *("--input", f"volume={volume}", "--input", f"bundle={BUNDLE}", "--output", str(output)),
        ],
        env=os.environ | {"PYTHONPATH": str(ROOT / "images")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return np.asarray(nib.load(output / "labels" / "labels.nii").dataobj)


def write_volume(folder: Path, hu, matrix):
    folder.mkdir()
    nib.Nifti1Image(hu.astype(np.int16), matrix).to_filename(folder / "volume.nii")
    document = {
        "modality": "CT",
        "shape": list(hu.shape),
        "spacing_mm": np.linalg.norm(matrix[:3, :3], axis=0).tolist(),
        "affine_ras": matrix.tolist(),
        "facts": {"quality_control_subject": False},
    }
    (folder / "series.json").write_text(json.dumps(document))
    return folder


def test_the_model_file_is_what_its_script_makes_and_names_no_path():
    made = load(ROOT / "tools" / "make_ct_tissue.py").model_bytes()
    kept = (BUNDLE / "models" / "model.ts").read_bytes()
    assert hashlib.sha256(made).hexdigest() == hashlib.sha256(kept).hexdigest()
    assert b".py\x94" not in kept
    assert str(ROOT).encode() not in kept


@pytest.mark.parametrize(
    ("hu", "label"), [(-3024, 0), (-1024, 1), (-191, 1), (-189, 2), (-30, 2), (-29, 3), (150, 3), (151, 4), (3071, 4)]
)
def test_class_limits_are_those_of_the_model_card(hu, label):
    model = torch.jit.load(BUNDLE / "models" / "model.ts")
    scores = model(torch.full((1, 1, 4, 4, 2), float(hu)))
    assert scores.shape == (1, 5, 4, 4, 2)
    assert set(scores.argmax(1).unique().tolist()) == {label}


def test_a_trunk_on_a_table_is_labelled_without_the_table(tmp_path):
    hu, truth = trunk()
    noise = np.random.default_rng(1).normal(0, 12, hu.shape)
    labels = run(write_volume(tmp_path / "v", hu + noise, affine()), tmp_path / "out")
    assert (labels[truth == 0] > 0).mean() < 0.003
    for value in (1, 2, 3, 4):
        assert (labels[truth == value] == value).mean() > 0.9


@pytest.mark.parametrize(
    "variant", ["feet first", "head first", "oblique", "one slice", "slices along i", "no table", "fine pixels"]
)
def test_the_body_is_found_however_it_lies(body_mask, variant):
    options: dict[str, dict] = {
        "no table": {"table": False},
        "one slice": {"slices": 1},
        "fine pixels": {"pixel_mm": 0.8, "size": 500},
    }
    hu, truth = trunk(**options.get(variant, {}))
    matrix = affine(pixel_mm=0.8 if variant == "fine pixels" else 2.0, tilt_deg=8.0 if variant == "oblique" else 0.0)
    if variant == "head first":
        matrix[:, 2] *= -1
    if variant == "feet first":
        hu, truth = hu[::-1, ::-1], truth[::-1, ::-1]
    if variant == "slices along i":
        hu, truth, matrix = hu.transpose(2, 0, 1), truth.transpose(2, 0, 1), matrix[:, [2, 0, 1, 3]]
    mask = body_mask(hu, matrix)
    assert mask.shape == hu.shape
    assert (mask[truth > 0]).mean() > 0.99
    assert (mask[truth == 0]).mean() < 0.005


def test_legs_are_both_body(body_mask):
    i, j = np.meshgrid(np.arange(200) * 2.0, np.arange(150) * 2.0, indexing="ij")
    legs = ((i - 110) ** 2 + (j - 150) ** 2 < 70**2) | ((i - 290) ** 2 + (j - 150) ** 2 < 60**2)
    mask = body_mask(np.where(legs, SOFT, AIR)[:, :, None], affine())
    assert mask[:, :, 0][legs].mean() > 0.99


@pytest.mark.parametrize("hu", [AIR, -3024.0])
def test_without_a_body_nothing_is_labelled(body_mask, hu):
    assert not body_mask(np.full((60, 50, 4), hu), affine()).any()
    only_table, _ = trunk()
    only_table[:, :151] = hu
    assert not body_mask(only_table, affine()).any()


def test_a_body_that_fills_the_image_is_body(body_mask):
    assert body_mask(np.full((60, 50, 4), SOFT), affine()).all()


@pytest.mark.data
def test_organs_of_a_real_ct_are_what_they_should_be(tmp_path):
    folder = case("nifti-ct-organs")
    image = nib.load(folder / "example_ct_sm.nii.gz")
    organs = np.asarray(nib.load(folder / "example_seg.nii.gz").dataobj)
    volume = write_volume(tmp_path / "v", np.asarray(image.dataobj), np.asarray(image.affine))
    labels = run(volume, tmp_path / "out")
    # TotalSegmentator: 1 spleen, 5 liver, 10-14 lung lobes, 26-50 vertebrae, 92-115 ribs
    assert (labels[organs == 5] == 3).mean() >= 0.98
    assert (labels[organs == 1] == 3).mean() >= 0.98
    assert (labels[(organs >= 92) & (organs <= 115)] == 4).mean() >= 0.60
    assert (labels[(organs >= 10) & (organs <= 14)] == 1).mean() >= 0.98
    assert (labels[(organs >= 26) & (organs <= 50)] == 4).mean() >= 0.40  # marrow is soft tissue by its HU
    assert (labels[organs > 0] > 0).mean() >= 0.999


@pytest.mark.data
def test_the_table_and_the_air_around_a_real_patient_are_background(tmp_path):
    pydicom = pytest.importorskip("pydicom")
    files = sorted((pydicom.dcmread(path) for path in case("ct-abdomen").rglob("*.dcm")), key=lambda d: d.SliceLocation)
    chosen = files[:: len(files) // 5]
    hu = np.stack([item.pixel_array.T * float(item.RescaleSlope) + float(item.RescaleIntercept) for item in chosen], 2)
    matrix = np.diag([-0.797, -0.797, 40.0, 1.0])
    labels = run(write_volume(tmp_path / "v", hu, matrix), tmp_path / "out")
    table = np.zeros(hu.shape, bool)
    table[:, 410:] = hu[:, 410:] > -300
    assert table.sum() > 1000
    assert not labels[table].any()
    assert not labels[:20].any()
    assert 0.15 < (labels > 0).mean() < 0.5
    assert (labels[(hu > 400) & (labels > 0)] == 4).mean() > 0.95
