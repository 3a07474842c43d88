"""The largest diameter is exact: against formulas, and against every pair of points."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from clara_stages.dicom_writer.diameter import largest_diameter

STEPS = np.diag([2.0, 3.0, 5.0])


def every_pair(mask, steps):
    faces = np.concatenate([steps, -steps]) / 2
    points = (np.argwhere(mask) @ steps)[:, None] + faces
    return pdist(points.reshape(-1, points.shape[-1])).max()


def ball(radius, steps, size):
    middle = (np.array(size) - 1) / 2
    places = (np.moveaxis(np.indices(size), 0, -1) - middle) @ steps
    return np.linalg.norm(places, axis=-1) <= radius


def test_one_voxel_is_as_long_as_its_longest_edge():
    found = largest_diameter(np.ones((1, 1, 1), dtype=bool), STEPS)
    assert found.length_mm == 5.0
    assert sorted(found.ends[:, 2].tolist()) == [-0.5, 0.5]


@pytest.mark.parametrize(("axis", "length"), [(0, 14.0), (1, 21.0), (2, 35.0)])
def test_a_row_of_voxels_is_as_long_as_their_edges(axis, length):
    shape = [1, 1, 1]
    shape[axis] = 7
    assert largest_diameter(np.ones(shape, dtype=bool), STEPS).length_mm == pytest.approx(length)


def test_a_box_has_the_diagonal_between_faces():
    found = largest_diameter(np.ones((40, 30, 20), dtype=bool), STEPS).length_mm
    assert found == pytest.approx(np.linalg.norm([39 * 2, 29 * 3, 20 * 5]))  # one axis counts to its outer faces


@pytest.mark.parametrize("radius", [4.0, 11.0, 25.0])
def test_a_ball_is_as_wide_as_it_is_to_a_voxel(radius):
    mask = ball(radius, np.diag([0.8, 0.8, 1.5]), (90, 90, 50))
    assert 2 * radius - 0.8 <= largest_diameter(mask, np.diag([0.8, 0.8, 1.5])).length_mm <= 2 * radius + 1.5


@pytest.mark.parametrize("seed", range(40))
def test_it_is_the_longest_of_all_pairs(seed):
    random = np.random.default_rng(seed)
    dimensions = 2 + seed % 2
    mask = random.random(random.integers(1, 13, dimensions)) < random.choice([0.05, 0.3, 0.9])
    mask.flat[0] = True
    steps = random.normal(size=(dimensions, 3)) if seed % 3 else np.diag(random.uniform(0.3, 5, dimensions))
    found = largest_diameter(mask, steps)
    assert found.length_mm == pytest.approx(every_pair(mask, steps), rel=1e-12)
    assert np.linalg.norm((found.ends[1] - found.ends[0]) @ steps) == pytest.approx(found.length_mm)


def test_a_slanted_plane_of_many_voxels_is_measured():
    mask = np.eye(300, dtype=bool)[:, None, :] & np.ones((1, 300, 1), dtype=bool)
    assert largest_diameter(mask, np.eye(3)).length_mm == pytest.approx(np.linalg.norm([300, 299, 299]))


def test_a_slanted_line_of_many_voxels_is_measured():
    mask = np.zeros((100, 100, 100), dtype=bool)
    mask[np.arange(100), np.arange(100), np.arange(100)] = True
    assert largest_diameter(mask, np.eye(3)).length_mm == pytest.approx(np.linalg.norm([100, 99, 99]))


def test_nothing_has_no_diameter():
    with pytest.raises(ValueError, match="the mask has no voxel"):
        largest_diameter(np.zeros((3, 3, 3), dtype=bool), STEPS)
