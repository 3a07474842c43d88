"""A box in the patient frame becomes a box of voxels."""

import numpy as np
import pytest

from clara_stages.bundle_inference.region import voxel_box
from clara_stages.kit import BadInputError
from tests.unit.bundle_inference.conftest import OBLIQUE

AXIAL = np.array([[-2.0, 0, 0, 100], [0, -2.0, 0, 50], [0, 0, 5.0, -40], [0, 0, 0, 1]])
"""The usual axial grid: columns run to the left, rows to the back; in LPS voxel (0, 0, 0) is at (-100, -50, -40)."""


def test_voxels_that_the_region_touches_are_in_the_box():
    box = voxel_box([-96, -90, -50, -40, -40, -30], (50, 40, 10), AXIAL)
    assert box.start == (2, 0, 0)
    assert box.stop == (6, 6, 3)


def test_a_region_that_ends_on_a_voxels_edge_does_not_reach_the_next():
    box = voxel_box([-101, -97, -51, -49, -42.5, -37.5], (50, 40, 10), AXIAL)
    assert (box.start, box.stop) == ((0, 0, 0), (2, 1, 1))


def test_the_box_is_cut_to_the_volume():
    box = voxel_box([-1e4, 1e4, -1e4, 1e4, -1e4, 1e4], (50, 40, 10), AXIAL)
    assert (box.start, box.stop) == ((0, 0, 0), (50, 40, 10))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_any_orientation_gives_the_voxels_inside_the_region(order):
    affine = OBLIQUE[:, [*order, 3]]
    shape = (20, 24, 16)
    centre = np.diag([-1, -1, 1, 1]) @ affine @ [9, 11, 7, 1]
    region = [value for axis in range(3) for value in (centre[axis] - 9, centre[axis] + 9)]
    box = voxel_box(region, shape, affine)
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    lps = (grid @ affine[:3, :3].T + affine[:3, 3]) * [-1, -1, 1]
    inside = np.all((lps >= np.array(region)[::2]) & (lps <= np.array(region)[1::2]), axis=-1)
    boxed = np.zeros(shape, bool)
    boxed[box.slices] = True
    assert inside.any()
    assert not (inside & ~boxed).any()
    assert boxed.sum() < 3 * inside.sum()


def test_the_affine_of_the_box_keeps_every_voxel_in_its_place():
    box = voxel_box([-96, -90, -50, -40, -40, -30], (50, 40, 10), AXIAL)
    np.testing.assert_allclose(box.affine(AXIAL) @ [0, 0, 0, 1], AXIAL @ [2, 0, 0, 1])
    np.testing.assert_array_equal(box.affine(AXIAL)[:, :3], AXIAL[:, :3])


def test_a_region_outside_the_volume_is_refused_with_numbers():
    with pytest.raises(
        BadInputError,
        match=r"the region x 200\.0\.\.300\.0, y 0\.0\.\.10\.0, z 0\.0\.\.10\.0 mm lies outside the volume, "
        r"which spans x -101\.0\.\.-1\.0, y -51\.0\.\.29\.0, z -42\.5\.\.7\.5 mm \(LPS\)",
    ):
        voxel_box([200, 300, 0, 10, 0, 10], (50, 40, 10), AXIAL)


@pytest.mark.parametrize(
    ("region", "text"),
    [
        ([0, 1, 2], "expected six numbers"),
        ([0, 1, 0, 1, 0, float("nan")], "expected six numbers"),
        ([5, 1, 0, 1, 0, 1], "x0 = 5 and x1 = 1, expected x0 < x1"),
    ],
)
def test_a_region_that_is_no_box_is_refused(region, text):
    with pytest.raises(BadInputError, match=text):
        voxel_box(region, (50, 40, 10), AXIAL)
