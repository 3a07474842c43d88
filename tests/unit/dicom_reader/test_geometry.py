"""Planes become a grid, or the error names what is wrong with them in numbers."""

import dataclasses
import math

import numpy as np
import pytest

from clara_stages.dicom_reader.geometry.grid import NoStackError, build_grid
from clara_stages.dicom_reader.geometry.plane import Plane
from clara_stages.kit import BadInputError
from tests.support.series import AXIAL, CORONAL, SAGITTAL

OBLIQUE = (
    math.cos(0.3), math.sin(0.3), 0.0,
    -math.sin(0.3) * math.cos(0.2), math.cos(0.3) * math.cos(0.2), math.sin(0.2),
)  # fmt: skip


def stack(places_mm=(0.0, 2.5, 5.0, 7.5, 10.0), *, orientation=AXIAL, origin=(-20.0, -30.0, 40.0), lean=(0, 0, 0)):
    """Planes at these places along their normal; ``lean`` moves each sideways by a part of its place."""
    normal = np.cross(orientation[:3], orientation[3:])
    return [
        Plane(
            rows=10,
            columns=12,
            position_lps_mm=tuple(np.array(origin) + place * (normal + np.array(lean))),
            orientation_lps=tuple(orientation),
            pixel_spacing_mm=(0.9, 0.8),
            frame_of_reference_uid="1.2.3",
        )
        for place in places_mm
    ]


def test_an_axial_stack_maps_voxels_to_ras_with_columns_first():
    grid = build_grid(stack())
    assert grid.shape == (12, 10, 5)
    assert grid.spacing_mm == pytest.approx((0.8, 0.9, 2.5))
    assert grid.affine_ras @ [1, 2, 3, 1] == pytest.approx([20 - 0.8, 30 - 1.8, 40 + 7.5, 1])


@pytest.mark.parametrize("orientation", [AXIAL, CORONAL, SAGITTAL, OBLIQUE])
def test_every_voxel_lies_where_the_equation_of_the_standard_puts_it(orientation):
    planes = stack(orientation=orientation)
    grid = build_grid(planes)
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    for k, index in enumerate(grid.order):
        lps = np.array(planes[index].position_lps_mm) + row * 0.8 * 7 + column * 0.9 * 4
        assert grid.affine_ras @ [7, 4, k, 1] == pytest.approx([-lps[0], -lps[1], lps[2], 1], abs=1e-9)
    assert np.linalg.det(grid.affine_ras) > 0


def test_the_order_of_the_files_does_not_matter():
    planes = stack()
    shuffled = [planes[index] for index in (3, 0, 4, 1, 2)]
    assert build_grid(shuffled).order == (1, 3, 4, 0, 2)
    assert (build_grid(shuffled).affine_ras == build_grid(planes).affine_ras).all()


def test_two_slices_are_a_volume():
    assert build_grid(stack((0, 3))).shape == (12, 10, 2)


def test_one_slice_is_no_volume():
    with pytest.raises(NoStackError, match="one slice is no volume"):
        build_grid(stack((0,)))


def test_a_missing_slice_is_named_with_both_gaps():
    found = r"gap between slices 2 and 3 of 4 is 5\.00 mm, the usual gap 2\.50 mm: 1 slice is missing there$"
    with pytest.raises(BadInputError, match=found):
        build_grid(stack((0, 2.5, 7.5, 10)))


def test_several_missing_slices_are_counted():
    with pytest.raises(BadInputError, match=r"is 10\.00 mm, the usual gap 2\.50 mm: 3 slices are missing there"):
        build_grid(stack((0, 2.5, 5, 15)))


def test_uneven_spacing_is_not_called_a_missing_slice():
    with pytest.raises(BadInputError, match=r"is 3\.50 mm, the usual gap 2\.50 mm: uneven spacing$"):
        build_grid(stack((0, 2.5, 6, 8.5)))


def test_the_number_of_uneven_gaps_is_said():
    with pytest.raises(BadInputError, match=r"\(2 such gaps\)"):
        build_grid(stack((0, 2.5, 5, 10, 15, 17.5, 20)))


def test_positions_rounded_to_a_tenth_of_a_millimetre_are_one_grid():
    grid = build_grid(stack([round(0.625 * k, 1) for k in range(40)]))
    assert grid.spacing_mm[2] == pytest.approx(0.625, abs=2e-3)
    assert 0 < grid.unevenness_mm <= 0.1


def test_gaps_that_are_each_within_tolerance_must_not_add_up():
    places = np.concatenate([[0], np.cumsum([5.04] * 40 + [4.96] * 40)])
    with pytest.raises(BadInputError, match=r"lies 1\.60 mm from its place in an even stack with steps of 5\.00 mm"):
        build_grid(stack(places))


def test_a_tilted_gantry_is_named_with_its_angle():
    found = r"each slice lies 0\.67 mm beside the one before it, so that the stack leans 15\.0 degrees"
    with pytest.raises(BadInputError, match=found):
        build_grid(stack(lean=(0, math.tan(math.radians(15)), 0)))


def test_tilt_and_missing_slice_are_both_named():
    with pytest.raises(BadInputError, match=r"leans 10\.0 degrees .* 1 slice is missing there"):
        build_grid(stack((0, 2.5, 7.5, 10), lean=(0, math.tan(math.radians(10)), 0)))


def test_a_lean_below_the_tolerance_stays_in_the_affine():
    grid = build_grid(stack(lean=(0, 1e-3, 0)))
    assert grid.affine_ras[:3, 2] == pytest.approx([0, -0.0025, 2.5])


def test_a_slice_beside_the_stack_is_named():
    planes = stack()
    moved = dataclasses.replace(planes[2], position_lps_mm=(-19.0, -30.0, 45.0))
    with pytest.raises(BadInputError, match=r"slice 3 of 5 lies 1\.00 mm from its place"):
        build_grid([*planes[:2], moved, *planes[3:]])


def test_as_many_images_at_each_position_look_like_volumes():
    with pytest.raises(NoStackError, match=r"15 images at 5 positions: each has 3, which looks like 3 volumes"):
        build_grid(stack() * 3)


def test_images_at_one_position_are_no_stack():
    with pytest.raises(NoStackError, match=r"4 images at 1 position: that is no stack"):
        build_grid(stack((5, 5, 5, 5)))


def test_a_position_repeated_once_is_a_damaged_stack():
    with pytest.raises(BadInputError, match=r"6 images at 5 positions: position 3 of 5 .* has 2") as caught:
        build_grid([*stack(), stack()[2]])
    assert not isinstance(caught.value, NoStackError)


def test_mixed_orientations_are_listed():
    with pytest.raises(NoStackError, match=r"mixes 2 orientations: 5 images along \(1\.000.*; 3 images along"):
        build_grid([*stack(), *stack((0, 2, 4), orientation=CORONAL)])


def test_orientations_that_differ_by_rounding_are_one():
    planes = stack(orientation=OBLIQUE)
    rounded = dataclasses.replace(planes[1], orientation_lps=tuple(round(value, 5) for value in OBLIQUE))
    assert build_grid([planes[0], rounded, *planes[2:]]).shape == (12, 10, 5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frame_of_reference_uid": "1.2.4"}, "mixes 2 frames of reference: 4 images with 1.2.3, 1 images with 1.2.4"),
        ({"frame_of_reference_uid": ""}, "mixes 2 frames of reference: 4 images with 1.2.3, 1 images with none"),
        ({"rows": 11}, r"mixes 2 sizes \(rows x columns\): 4 images with 10 x 12, 1 images with 11 x 12"),
        ({"pixel_spacing_mm": (0.9, 0.81)}, r"mixes 2 pixel spacings \(mm\): 4 images with 0.9 x 0.8, 1 images with"),
        ({"pixel_spacing_mm": (0.9, -0.8)}, r"Pixel Spacing is -0.8 mm, expected more than 0"),
        ({"position_lps_mm": None}, r"1 of 5 images have no Image Position \(Patient\) of finite numbers"),
        ({"orientation_lps": None}, r"1 of 5 images have no Image Orientation \(Patient\) of finite numbers"),
        ({"pixel_spacing_mm": None}, "1 of 5 images have no Pixel Spacing of finite numbers"),
    ],
)
def test_one_image_that_differs_is_said(change, message):
    planes = stack()
    with pytest.raises(BadInputError, match=message):
        build_grid([*planes[:4], dataclasses.replace(planes[4], **change)])


def test_directions_must_be_unit_vectors():
    with pytest.raises(BadInputError, match=r"directions of length 1\.1000 and 1\.0000, expected 1"):
        build_grid([dataclasses.replace(plane, orientation_lps=(1.1, 0, 0, 0, 1, 0)) for plane in stack()])


def test_directions_must_be_at_a_right_angle():
    leaning = (1, 0, 0, math.sin(0.01), math.cos(0.01), 0)
    with pytest.raises(BadInputError, match=r"rows and columns are at 89\.43 degrees, expected 90"):
        build_grid([dataclasses.replace(plane, orientation_lps=leaning) for plane in stack()])
