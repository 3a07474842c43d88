import numpy as np
import pydicom
import pytest

from clara_stages.dicom_writer.inputs.grid import check_same_grid
from clara_stages.dicom_writer.inputs.source_stack import load_source_stack
from clara_stages.dicom_writer.inputs.volume import load_volume
from clara_stages.kit import BadInputError
from tests.support.writing import write_inputs
from tests.support.writing_sources import GEOMETRIES

SHAPE = (12, 9, 6)


def loaded(folder, geometry="oblique", **options):
    """Affine and shape of the volume, and its source."""
    folders = write_inputs(folder, geometry, shape=SHAPE, **options)
    volume = load_volume(folders["volume"], 0)
    return volume.affine_ras, volume.values.shape, load_source_stack(folders["source"])


@pytest.mark.parametrize("name", GEOMETRIES)
def test_the_grid_of_the_volume_is_accepted(tmp_path, name):
    check_same_grid(*loaded(tmp_path, name))


def test_a_sheared_grid_is_accepted(tmp_path):
    check_same_grid(*loaded(tmp_path, "tilted", reader={"tilt": "shear"}))


def shift(i=0.0, j=0.0, k=0.0):
    change = np.eye(4)
    change[:3, 3] = i, j, k
    return change


CHANGES = [
    (np.diag([1, 1, -1, 1]), r"slice 5 of the segments lies 50\.000 mm from that of the source series"),
    (np.diag([-1, 1, 1, 1]), r"a row of the segments ends 44\.000 mm from the end of the source's row"),
    (np.diag([1, -1, 1, 1]), "a column of"),
    (np.diag([1.02, 1, 1, 1]), r"a row of the segments ends 0\.440 mm .* at most 0\.200 mm is one grid"),
    (np.diag([1, 1, 1.1, 1]), r"slice 5 of the segments lies 2\.500 mm"),
    (shift(k=1), r"lies 5\.000 mm .* at most 0\.500 mm"),
    (shift(i=1), r"slice \d of the segments lies 2\.000 mm"),
    (shift(i=0.2), r"the segments are shifted by 0\.400 mm inside the slices .* at most 0\.200 mm"),
]


@pytest.mark.parametrize("geometry", ["oblique", "tilted", "enhanced"])
@pytest.mark.parametrize(("change", "words"), CHANGES)
def test_a_flipped_scaled_or_shifted_grid_is_refused_with_the_distance(tmp_path, geometry, change, words):
    affine, shape, source = loaded(tmp_path, geometry)
    with pytest.raises(BadInputError, match=words):
        check_same_grid(affine @ change, shape, source)


def test_the_grid_that_is_meant_is_named(tmp_path):
    affine, shape, source = loaded(tmp_path)
    with pytest.raises(BadInputError, match=r"slice \d of the voxels lies"):
        check_same_grid(affine @ shift(k=1), shape, source, whose="voxels")


def test_slices_that_the_reader_takes_for_even_are_accepted(tmp_path):
    folder = write_inputs(tmp_path, "axial", shape=SHAPE)
    volume = load_volume(folder["volume"], 0)
    for path, drift_mm in zip(sorted(folder["source"].glob("*.dcm"))[1:-1], (0.4, -0.2, 0.3, -0.4), strict=True):
        dataset = pydicom.dcmread(path)
        x, y, z = map(float, dataset.ImagePositionPatient)
        dataset.ImagePositionPatient = [x, y, round(z + drift_mm, 4)]
        path.unlink()
        pydicom.dcmwrite(path, dataset)
    check_same_grid(volume.affine_ras, volume.values.shape, load_source_stack(folder["source"]))


@pytest.mark.parametrize("geometry", ["axial", "projection"])
def test_another_shape_is_refused_with_both(tmp_path, geometry):
    affine, (columns, rows, slices), source = loaded(tmp_path, geometry)
    words = rf"shape \(i, j, k\) = \(12, 9, 7\), the source series has \({columns}, {rows}, {slices}\)"
    with pytest.raises(BadInputError, match=words):
        check_same_grid(affine, (12, 9, 7), source)


def test_a_volume_that_does_not_hold_every_slice_is_refused(tmp_path):
    affine, shape, source = loaded(tmp_path, "tilted")
    with pytest.raises(BadInputError, match=r"slices of the resampled source series reach from index \(0\.0, 0\.0, 0"):
        check_same_grid(affine, (shape[0], shape[1] - 1, shape[2]), source)


def test_an_affine_in_lps_is_refused(tmp_path):
    affine, shape, source = loaded(tmp_path)
    with pytest.raises(BadInputError, match="a row of"):
        check_same_grid(np.diag([-1, -1, 1, 1]) @ affine, shape, source)
