import numpy as np
import pytest

from clara_stages.dicom_writer.seg.checks.pixel_grid import Planes, planes_on_grid

VALUES = np.arange(60).reshape(5, 4, 3)


def planes(origin, along=(1, 0, 0), down=(0, 1, 0), rows=2, columns=3):
    return Planes(
        origins=np.array([origin], dtype=float),
        along_rows=np.array([along], dtype=float),
        down_columns=np.array([down], dtype=float),
        rows=rows,
        columns=columns,
    )


def test_a_plane_on_the_grid_is_a_block_of_it():
    found = planes((1.2, 0.9, 2.3))
    assert found.offsets == [((1, 1, 2),)]
    (picked,) = found.pick(VALUES, 0)
    np.testing.assert_array_equal(picked, VALUES[1:4, 1:3, 2].T)


def test_a_plane_midway_between_voxels_takes_either():
    found = planes((1, 0, 1.4995))
    assert found.offsets == [((1, 0, 1), (1, 0, 2))]
    first, second = found.pick(VALUES, 0)
    np.testing.assert_array_equal(first, VALUES[1:4, 0:2, 1].T)
    np.testing.assert_array_equal(second, VALUES[1:4, 0:2, 2].T)


def test_outside_the_grid_is_background():
    (picked,) = planes((3, -1, 0)).pick(VALUES, 0)
    np.testing.assert_array_equal(picked, [[0, 0, 0], [VALUES[3, 0, 0], VALUES[4, 0, 0], 0]])


def test_a_turned_plane_is_picked_pixel_by_pixel():
    """Rows run along j, columns along -i: no shift of the grid."""
    found = planes((4, 0, 1), along=(0, 1, 0), down=(-1, 0, 0))
    assert found.offsets == [()]
    for picked in found.pick(VALUES, 0):
        np.testing.assert_array_equal(picked, VALUES[[4, 3], :3, 1])


def test_a_scaled_plane_is_no_shift():
    assert planes((0, 0, 0), along=(1.3, 0, 0)).offsets == [()]


@pytest.mark.parametrize("turned", [False, True])
def test_indices_come_from_positions_directions_and_spacings(turned):
    affine_ras = np.array([[-2.0, 0, 0, 10], [0, -3.0, 0, 20], [0, 0, 5.0, -30], [0, 0, 0, 1]])
    orientation = [0, 1, 0, 1, 0, 0] if turned else [1, 0, 0, 0, 1, 0]
    spacing = [2.0, 3.0] if turned else [3.0, 2.0]
    found = planes_on_grid(
        affine_ras, np.array([[-6.0, -17.0, -20.0]]), np.array([orientation], float), np.array([spacing]), (4, 5)
    )
    np.testing.assert_allclose(found.origins, [[2, 1, 2]])
    along, down = ([0, 1, 0], [1, 0, 0]) if turned else ([1, 0, 0], [0, 1, 0])
    np.testing.assert_allclose(found.along_rows, [along])
    np.testing.assert_allclose(found.down_columns, [down])
