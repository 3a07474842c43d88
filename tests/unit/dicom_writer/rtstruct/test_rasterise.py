import numpy as np
import pytest
from matplotlib.path import Path

from clara_stages.dicom_writer.rtstruct.rasterise import add_polygon


@pytest.mark.parametrize("seed", range(20))
def test_it_fills_what_another_library_finds_inside(seed):
    random = np.random.default_rng(seed)
    angles = np.sort(random.uniform(0, 2 * np.pi, 12))
    radius = random.uniform(3, 14, 12)
    polygon = np.stack([12 + radius * np.cos(angles), 9 + radius * np.sin(angles)], axis=1)  # leaves the image
    count = np.zeros((20, 25), dtype=np.int32)
    add_polygon(count, polygon)
    rows, columns = np.indices(count.shape)
    inside = Path(polygon).contains_points(np.stack([columns.ravel(), rows.ravel()], axis=1))
    assert np.array_equal(count.ravel() == 1, inside)


def test_a_polygon_outside_of_the_image_fills_nothing():
    count = np.zeros((4, 4), dtype=np.int32)
    add_polygon(count, np.array([[10.0, 1.0], [12.0, 1.0], [12.0, 3.0]]))
    assert not count.any()
