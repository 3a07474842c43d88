"""Real series: right against references made by other programs, or refused in words."""

import json

import nibabel
import numpy as np
import pytest

from clara_stages.dicom_reader.__main__ import main
from clara_stages.kit import StageIO
from clara_stages.kit.contract import StageRequest
from tests.support.data import case
from tests.support.reading import read_volume as read

pytestmark = pytest.mark.data


def assert_same_volume(volume, reference, atol=0.0):
    """The reference may have its axes flipped or swapped; each voxel must have the same place and value."""
    ours = nibabel.as_closest_canonical(nibabel.Nifti1Image(volume.values.astype(np.float32), volume.grid.affine_ras))
    other = nibabel.as_closest_canonical(reference)
    assert np.allclose(ours.affine, other.affine, atol=1e-4)
    assert np.allclose(ours.get_fdata(), np.asanyarray(other.dataobj), atol=atol, rtol=1e-6)


@pytest.mark.parametrize("syntax", ["rle", "j2k", "jpegls", "jpeg"])
def test_four_compressions_equal_their_reference(syntax):
    folder = case("hard-compressed-mr")
    assert_same_volume(read(folder / syntax), nibabel.load(folder / "001_ground_truth.nii.gz"))


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("hard-per-slice-rescale", "002_non_isotropic_ground_truth.nii.gz"),
        ("hard-oblique-kanji-charset", "001_ground_truth.nii.gz"),
    ],
)
def test_odd_series_equal_their_reference(name, reference):
    folder = case(name)
    assert_same_volume(read(folder / "dicom"), nibabel.load(folder / reference), atol=1e-5)


@pytest.mark.parametrize(("modality", "name"), [("CT", "CT"), ("MR", "MR_T1"), ("PT", "PET")])
def test_each_modality_of_a_mixed_study_equals_its_reference(modality, name):
    folder = case("ct-mr-pet-rtstruct")
    volume = read(folder, f'series.modality == "{modality}"')
    assert_same_volume(volume, nibabel.load(folder / "nifti" / f"{name}_image.nii.gz"), atol=1e-5)


def test_a_whole_ct_is_upright_in_hounsfield_units_with_clean_air(tmp_path):
    request = StageRequest(
        workflow="w", dag_run_id="r", stage="read", stage_key="k", output=str(tmp_path),
        inputs={"study": str(case("ct-abdomen"))}, params={"select": 'series.modality == "CT"'},
    )  # fmt: skip
    io = StageIO(request)
    main(io)
    image = nibabel.load(tmp_path / "volume" / "volume.nii")
    values = np.asanyarray(image.dataobj)
    assert values.shape == (512, 512, 41)
    assert nibabel.aff2axcodes(image.affine) == ("L", "P", "S")
    assert values.min() == -1024
    assert io.metrics["padding_voxels"] == 2286652
    middle = values[236:276, 236:276, 20]
    assert -200 < float(np.median(middle)) < 300
    series = json.loads((tmp_path / "volume" / "series.json").read_text())
    heights = [item["position_lps_mm"][2] for item in series["slices"]]
    assert np.allclose(np.diff(heights), 5)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("hard-two-slices", (256, 256, 2)),
        ("hard-rtstruct-references", (512, 512, 2)),
        ("mr-rtstruct", (384, 384, 40)),
        ("mr-prostate", (384, 384, 19)),
        ("ct-seg-liver", (512, 512, 3)),
    ],
)
def test_a_sound_series_beside_other_objects_is_read(name, shape):
    assert read(case(name)).values.shape == shape
