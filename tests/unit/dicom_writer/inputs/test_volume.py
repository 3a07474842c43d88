import json

import nibabel
import numpy as np
import pytest

from clara_stages.dicom_writer.inputs.volume import load_volume
from clara_stages.kit import BadInputError
from tests.support.writing import write_inputs
from tests.support.writing_sources import texture

SHAPE = (12, 9, 6)


@pytest.fixture
def folder(tmp_path):
    return lambda geometry="axial", **options: write_inputs(tmp_path, geometry, shape=SHAPE, **options)["volume"]


def test_the_time_point_is_picked(folder):
    written = folder("enhanced_4d")
    for t in range(3):
        volume = load_volume(written, t)
        assert (volume.values.shape, volume.unit) == (SHAPE, "HU")
        np.testing.assert_array_equal(volume.values, texture((*SHAPE, 3))[..., t] - 1024)
    with pytest.raises(BadInputError, match="'time_point' is 3, the source has 3 time points, 0 to 2"):
        load_volume(written, 3)


def test_values_are_mapped_and_a_shear_is_kept(folder):
    volume = load_volume(folder("tilted", reader={"tilt": "shear"}), 0)
    assert isinstance(volume.values, np.memmap)
    assert volume.affine_ras.dtype == np.float64
    assert abs(volume.affine_ras[:3, 1] @ volume.affine_ras[:3, 2]) > 1


def rewrite(written, values):
    image = nibabel.load(written / "volume.nii")
    nibabel.save(nibabel.Nifti1Image(values, image.affine), written / "volume.nii")


def test_another_shape_than_the_document_says_is_refused(folder):
    written = folder()
    rewrite(written, np.zeros((12, 9, 5), np.int16))
    with pytest.raises(BadInputError, match=r"shape \(12, 9, 5\), series\.json beside it says \(12, 9, 6\)"):
        load_volume(written, 0)


def test_another_type_is_refused(folder):
    written = folder()
    rewrite(written, np.zeros(SHAPE, np.float64))
    with pytest.raises(BadInputError, match="has the type float64, expected int16 or float32 without a scale"):
        load_volume(written, 0)


def test_a_volume_without_its_document_is_refused(folder):
    written = folder()
    (written / "series.json").unlink()
    with pytest.raises(BadInputError, match=r"series\.json is missing"):
        load_volume(written, 0)
    written.joinpath("series.json").write_text(json.dumps({}))
    with pytest.raises(BadInputError, match=r"series\.json: shape is missing"):
        load_volume(written, 0)
