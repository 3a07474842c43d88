"""A report becomes a grid, by policy, or an error with every finding that the policy does not repair."""

import dataclasses
import itertools
import math

import numpy as np
import pytest

from clara_stages.dicom_reader.geometry.findings import FindingKind
from clara_stages.dicom_reader.geometry.grid import NoStackError, blocking_findings, build_grid, largest_shift_mm
from clara_stages.dicom_reader.geometry.stack import examine_stack
from clara_stages.dicom_reader.policy import GeometryPolicy
from clara_stages.kit import BadInputError
from tests.support.series import AXIAL, CORONAL, SAGITTAL
from tests.unit.dicom_reader.geometry.stacks import EVEN, OBLIQUE, stack, tangent

SHEAR = GeometryPolicy(tilt="shear")
POLICIES = list(itertools.product(("resample", "shear", "refuse"), ("resample", "refuse")))
EVEN_OUT = GeometryPolicy(spacing="resample")


def grid_of(planes, policy=GeometryPolicy()):  # noqa: B008 - frozen
    return build_grid(examine_stack(planes), policy)


def test_an_axial_stack_maps_voxels_to_ras_with_columns_first():
    grid = grid_of(stack())
    assert grid.shape == (12, 10, 5)
    assert grid.spacing_mm == pytest.approx((0.8, 0.9, 2.5))
    assert grid.affine_ras @ [1, 2, 3, 1] == pytest.approx([20 - 0.8, 30 - 1.8, 40 + 7.5, 1])
    assert grid.affine_lps @ [1, 2, 3, 1] == pytest.approx([-20 + 0.8, -30 + 1.8, 40 + 7.5, 1])
    assert grid.resampling is None
    assert (grid.source_affine_lps == grid.affine_lps).all()


@pytest.mark.parametrize("orientation", [AXIAL, CORONAL, SAGITTAL, OBLIQUE, (-1, 0, 0, 0, 1, 0)])
def test_every_voxel_lies_where_the_equation_of_the_standard_puts_it(orientation):
    planes = stack(orientation=orientation)
    grid = grid_of(planes)
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    for k, index in enumerate(grid.order):
        lps = np.array(planes[index].position_lps_mm) + row * 0.8 * 7 + column * 0.9 * 4
        assert grid.affine_lps @ [7, 4, k, 1] == pytest.approx([*lps, 1], abs=1e-9)
        assert grid.affine_ras @ [7, 4, k, 1] == pytest.approx([-lps[0], -lps[1], lps[2], 1], abs=1e-9)
    assert np.linalg.det(grid.affine_ras) > 0


def test_positions_rounded_to_a_tenth_of_a_millimetre_are_one_grid_that_says_how_uneven_it_is():
    grid = grid_of(stack([round(0.625 * k, 1) for k in range(40)]))
    assert grid.spacing_mm[2] == pytest.approx(0.625, abs=2e-3)
    assert 0 < grid.unevenness_mm <= 0.1


def test_a_lean_below_the_tolerance_stays_in_the_affine():
    grid = grid_of(stack(lean=(0, 1e-3)))
    assert grid.affine_ras[:3, 2] == pytest.approx([0, -0.0025, 2.5])
    assert grid.resampling is None


@pytest.mark.parametrize(
    "planes",
    [stack((0,)), stack((5, 5, 5)), stack() * 3, [*stack(), *stack(orientation=CORONAL)], []],
    ids=["one slice", "one place", "several volumes", "orientations", "nothing"],
)
def test_what_was_not_meant_as_a_stack_is_told_from_a_damaged_one(planes):
    with pytest.raises(NoStackError):
        grid_of(planes)


@pytest.mark.parametrize("planes", [[*stack(), stack()[2]], stack((0, 2.5, 7.5, 10)), stack((0, 2.5, 6, 8.5))])
def test_a_damaged_stack_is_no_other_thing(planes):
    with pytest.raises(BadInputError) as caught:
        grid_of(planes)
    assert not isinstance(caught.value, NoStackError)
    assert caught.value.remedy


def test_all_findings_are_in_the_error_and_each_remedy_once():
    planes = [*stack((0, 2.5, 7.5, 10), lean=(0, 0.2))]
    planes[1] = dataclasses.replace(planes[1], rows=11)
    with pytest.raises(
        BadInputError, match=r"mixes 2 sizes .*; each slice lies 0\.50 mm .*; the gap between"
    ) as caught:
        grid_of(planes, GeometryPolicy(tilt="refuse"))
    assert "tilt: resample" in caught.value.remedy


@pytest.mark.parametrize(("tilt", "spacing"), POLICIES)
def test_a_policy_heals_tilt_and_variable_spacing_and_nothing_else(tilt, spacing):
    planes = [*stack((0, 2.5, 5, 7.5, 12.5, 15, 18.5), lean=(0, 0.2)), *stack((0,))]
    planes[0] = dataclasses.replace(planes[0], rows=11)
    report = examine_stack(planes)
    assert {FindingKind.TILT, FindingKind.REPEATED, FindingKind.MISSING, FindingKind.VARIABLE_SPACING} < report.kinds
    blocking = blocking_findings(report, GeometryPolicy(tilt=tilt, spacing=spacing))
    healed = {FindingKind.TILT} if tilt != "refuse" else set()
    healed |= {FindingKind.VARIABLE_SPACING} if spacing == "resample" else set()
    assert {finding.kind for finding in blocking} == report.kinds - healed


def test_a_tilted_stack_becomes_an_orthogonal_grid_that_holds_all_slices():
    grid = grid_of(stack(lean=(0, -tangent(20))))
    columns = grid.affine_lps[:3, :3]
    assert columns.T @ columns == pytest.approx(np.diag([0.8**2, 0.9**2, 2.5**2]), abs=1e-12)
    assert grid.shape == (12, 10 + 5, 5)  # 10 mm x tan 20 degrees are 4.04 rows
    assert grid.spacing_mm == pytest.approx((0.8, 0.9, 2.5))
    assert grid.affine_lps[:3, 3] == pytest.approx([-20, -30 - 10 * tangent(20), 40])
    assert grid.resampling.kind == "tilt"
    assert grid.resampling.degrees == pytest.approx(20)
    assert grid.resampling.lower.tolist() == grid.resampling.upper.tolist() == [0, 1, 2, 3, 4]
    assert grid.unevenness_mm == pytest.approx(0, abs=1e-9)


def test_the_sheared_affine_on_request_keeps_the_slices_and_the_distance_along_the_normal():
    planes = stack(lean=(0.1, -tangent(20)))
    grid = grid_of(planes, SHEAR)
    assert grid.resampling is None
    assert grid.shape == (12, 10, 5)
    assert grid.spacing_mm == pytest.approx((0.8, 0.9, 2.5))
    for k, plane in enumerate(planes):
        assert grid.affine_lps @ [0, 0, k, 1] == pytest.approx([*plane.position_lps_mm, 1])
    assert grid_of(planes).source_affine_lps == pytest.approx(grid.affine_lps)


def test_two_spacings_become_the_smaller_one_and_keep_every_slice():
    grid = grid_of(stack((0, 2.5, 5, 7.5, 12.5, 17.5, 22.5)), EVEN_OUT)
    assert grid.shape == (12, 10, 10)
    assert grid.spacing_mm[2] == pytest.approx(2.5)
    assert grid.resampling.kind == "spacing"
    assert grid.resampling.lower.tolist() == [0, 1, 2, 3, 3, 4, 4, 5, 5, 6]
    assert grid.resampling.upper.tolist() == [0, 1, 2, 3, 4, 4, 5, 5, 6, 6]
    assert grid.resampling.weight == pytest.approx([0, 0, 0, 0, 0.5, 0, 0.5, 0, 0.5, 0])
    assert grid.source_affine_lps is None


def test_irregular_gaps_become_planes_from_the_first_slice_to_the_last_and_never_beyond():
    places = np.cumsum([0, 1, 2.2, 3.1, 1.7, 4.4, 2.9])
    grid = grid_of(stack(places), EVEN_OUT)
    assert grid.shape[2] == 17  # 15.3 mm in steps of at most 1 mm
    assert grid.spacing_mm[2] == pytest.approx(15.3 / 16)
    assert grid.affine_lps @ [0, 0, 16, 1] == pytest.approx([-20, -30, 40 + 15.3, 1])
    made = grid.resampling
    lower, upper = places[made.lower], places[made.upper]
    assert lower + made.weight * (upper - lower) == pytest.approx(np.linspace(0, 15.3, 17))
    assert set(made.lower) | set(made.upper) == set(range(7))


def test_drifting_gaps_are_evened_out():
    places = np.concatenate([[0], np.cumsum([5.04] * 40 + [4.96] * 40)])
    grid = grid_of(stack(places), EVEN_OUT)
    assert grid.shape[2] == 81
    assert grid.resampling.source_origin_index[40, 2] * grid.spacing_mm[2] == pytest.approx(places[40])


@pytest.mark.parametrize("policy", [EVEN_OUT, GeometryPolicy(tilt="shear", spacing="resample")])
def test_the_transform_puts_every_pixel_of_every_slice_where_it_was(policy):
    planes = stack((0, 2.5, 5, 7.5, 12.5, 17.5, 22.5, 26.0), orientation=OBLIQUE, lean=(-0.3, 0.2))
    grid = grid_of(planes, policy)
    row, column = np.array(OBLIQUE[:3]), np.array(OBLIQUE[3:])
    for index, origin in zip(grid.order, grid.resampling.source_origin_index, strict=True):
        lps = np.array(planes[index].position_lps_mm) + row * 0.8 * 11 + column * 0.9 * 9
        assert grid.affine_lps @ [*np.add(origin, [11, 9, 0]), 1] == pytest.approx([*lps, 1], abs=1e-9)
    assert grid.unevenness_mm == pytest.approx(0, abs=1e-9)


def test_places_of_slices_within_tolerance_stay_in_the_transform():
    grid = grid_of(stack((0, 2.55, 5, 7.45, 10), lean=(0, 0.3)))
    assert grid.resampling.source_origin_index[:, 2] == pytest.approx([0, 1.02, 2, 2.98, 4])
    assert grid.unevenness_mm == pytest.approx(0.05)


def test_the_transform_is_plain_json():
    transform = grid_of(stack(EVEN, lean=(0, 0.36))).resampling.to_json()
    assert transform["kind"] == "tilt"
    assert transform["interpolation"] == "linear"
    assert transform["source_shape"] == [12, 10, 5]
    assert transform["shape"] == [12, 14, 5]
    assert transform["source_origin_index"][4] == pytest.approx([0, 4, 4])
    assert transform["planes"][1] == {"lower": 1, "upper": 1, "weight": 0.0}
    assert np.array(transform["source_affine_lps"])[:3, 2] == pytest.approx([0, 0.9, 2.5])


def test_the_shift_between_two_grids_is_that_of_the_corner_that_moved_most():
    angle = 1e-3
    turned = (math.cos(angle), math.sin(angle), 0, -math.sin(angle), math.cos(angle), 0)
    size = (301, 401)
    one, other = grid_of(stack(size=size)), grid_of(stack(size=size, orientation=turned, origin=(-20, -30, 40)))
    assert largest_shift_mm(one, one) == 0
    corner = np.hypot(400 * 0.8, 300 * 0.9)
    assert largest_shift_mm(one, other) == pytest.approx(corner * angle, rel=1e-3)
    assert largest_shift_mm(one, grid_of(stack(size=(300, 401)))) == math.inf


def test_two_grids_whose_planes_come_from_other_places_are_not_the_same():
    one, other = (grid_of(stack(places), EVEN_OUT) for places in ((0, 3, 6, 9, 14, 19, 24), (0, 5, 10, 15, 18, 21, 24)))
    assert one.shape == other.shape
    assert (one.affine_lps == other.affine_lps).all()
    assert largest_shift_mm(one, other) == pytest.approx(6)
    even = grid_of(stack(np.linspace(0, 24, one.shape[2])))
    assert even.affine_lps == pytest.approx(one.affine_lps)
    assert largest_shift_mm(one, even) == math.inf
