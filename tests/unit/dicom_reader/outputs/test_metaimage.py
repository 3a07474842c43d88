import nibabel
import numpy as np
import pytest
import SimpleITK

from clara_stages.kit import BadInputError
from tests.support.reading import run_stage
from tests.support.series import write_ct_series, write_enhanced_series

RAS_FROM_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def lean(k, dataset):
    """A tilted gantry: each slice half a millimetre further down the column."""
    x, y, z = dataset.ImagePositionPatient
    dataset.ImagePositionPatient = [x, float(y) + 0.5 * k, z]


def affine_of(image):
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return RAS_FROM_LPS @ affine


AXIAL, OBLIQUE = (1, 0, 0, 0, 1, 0), (0, 0.8, -0.6, -1, 0, 0)


@pytest.mark.parametrize(("change", "orientation"), [(None, AXIAL), (None, OBLIQUE), (lean, AXIAL)])
def test_metaimage_and_nifti_are_one_volume_to_another_reader(tmp_path, change, orientation):
    write_ct_series(tmp_path / "in", orientation=orientation, change=change)
    _, series = run_stage(tmp_path / "in", tmp_path / "out", metaimage=True)
    meta = SimpleITK.ReadImage(tmp_path / "out" / "metaimage" / "volume.mhd")
    nifti = nibabel.load(tmp_path / "out" / "volume" / "volume.nii")
    assert (series["transform"] is None) == (change is None)
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(meta).T, np.asarray(nifti.dataobj))
    np.testing.assert_allclose(affine_of(meta), series["affine_ras"], atol=1e-4)
    itk = SimpleITK.ReadImage(tmp_path / "out" / "volume" / "volume.nii")
    np.testing.assert_allclose(affine_of(itk), affine_of(meta), atol=1e-4)
    assert {path.name for path in (tmp_path / "out" / "metaimage").iterdir()} == {"volume.mhd", "volume.raw"}


def test_a_sheared_volume_is_never_written_as_a_rotated_one(tmp_path):
    write_ct_series(tmp_path / "in", change=lean)
    with pytest.raises(BadInputError, match=r"sheared \(cosine 0\.196 between two axes\)"):
        run_stage(tmp_path / "in", tmp_path / "out", metaimage=True, tilt="shear")


def test_a_sheared_nifti_has_the_shear_in_its_sform(tmp_path):
    write_ct_series(tmp_path / "in", change=lean)
    _, series = run_stage(tmp_path / "in", tmp_path / "out", tilt="shear")
    header = nibabel.load(tmp_path / "out" / "volume" / "volume.nii").header
    np.testing.assert_allclose(header.get_sform(), series["affine_ras"], atol=1e-5)
    assert series["affine_lps"][1][2] == pytest.approx(0.5)


def test_metaimage_of_time_points_is_refused(tmp_path):
    write_enhanced_series(tmp_path / "in", times=2)
    with pytest.raises(BadInputError, match="MetaImage is written of volumes of one time point"):
        run_stage(tmp_path / "in", tmp_path / "out", metaimage=True, volumes="4d")


@pytest.mark.parametrize("params", [{"metaimage": True}, {"annotations": "label_map"}])
def test_what_is_about_one_volume_is_refused_for_all(tmp_path, params):
    write_ct_series(tmp_path / "in")
    with pytest.raises(BadInputError, match="are about one volume, `volumes: all` asks for several"):
        run_stage(tmp_path / "in", tmp_path / "out", volumes="all", **params)
