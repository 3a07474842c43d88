"""Planes become a report that names everything wrong with them, in numbers, all at once."""

import dataclasses
import math

import numpy as np
import pytest

from clara_stages.dicom_reader.geometry.findings import FindingKind
from clara_stages.dicom_reader.geometry.plane import Plane
from clara_stages.dicom_reader.geometry.stack import examine_stack
from tests.support.series import CORONAL
from tests.unit.dicom_reader.geometry.stacks import EVEN, OBLIQUE, stack, tangent


def only_message(planes, kind):
    report = examine_stack(planes)
    assert [finding.kind for finding in report.findings] == [kind]
    assert report.findings[0].remedy
    return report.findings[0].message


def moved(planes, index, **change):
    planes = list(planes)
    planes[index] = dataclasses.replace(planes[index], **change)
    return planes


def regions(*parts):
    return np.concatenate([[0.0], np.cumsum(np.concatenate([[gap] * count for count, gap in parts]))])


def test_an_even_straight_stack_has_no_finding():
    report = examine_stack(stack())
    assert report.findings == ()
    assert report.order == (0, 1, 2, 3, 4)
    assert report.places_mm == pytest.approx(np.array(EVEN) + 40)
    assert (report.planes, report.shape, report.usual_gap_mm, report.is_single_place) == (5, (12, 10), 2.5, False)
    assert report.tilt_degrees == 0


def test_the_order_runs_along_row_x_column_whatever_the_order_of_files():
    planes = stack()
    assert examine_stack([planes[index] for index in (3, 0, 4, 1, 2)]).order == (1, 3, 4, 0, 2)
    assert examine_stack(stack(orientation=(1, 0, 0, 0, -1, 0))[::-1]).order == (4, 3, 2, 1, 0)


def test_no_plane_at_all_is_a_finding():
    assert only_message([], FindingKind.ONE_PLACE) == "the series has no slice"


def test_one_slice_is_no_volume_and_a_single_place():
    assert only_message(stack((0,)), FindingKind.ONE_PLACE) == "the series has one slice, and one slice is no volume"
    assert examine_stack(stack((0,))).is_single_place


def test_two_slices_are_a_stack():
    assert examine_stack(stack((0, 3))).findings == ()


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ((0, 2.5, 7.5, 10), "the gap between slices 2 and 3 of 4 is 5.00 mm, the usual gap 2.50 mm: 1 slice is "
         "missing there"),
        ((0, 2.5, 5, 15), "the gap between slices 3 and 4 of 4 is 10.00 mm, the usual gap 2.50 mm: 3 slices are "
         "missing there"),
        ((0, 2.5, 5, 10, 15, 17.5, 20), "the gap between slices 3 and 4 of 7 is 5.00 mm, the usual gap 2.50 mm: 1 "
         "slice is missing there (2 such gaps, after slices 3, 4; 2 slices missing in all)"),
        ((0, 2.5, 5, 7.5, 60), "the gap between slices 4 and 5 of 5 is 52.50 mm, the usual gap 2.50 mm: 20 slices are "
         "missing there"),
        ((0, 2.5, 5, 7.5, 61.3), "the gap between slices 4 and 5 of 5 is 53.80 mm, the usual gap 2.50 mm: slices are "
         "missing there, for it is more than 5 times the smallest gap"),
    ],
)  # fmt: skip
def test_missing_slices_are_named_with_both_gaps_and_counted(places, message):
    assert only_message(stack(places), FindingKind.MISSING) == message


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ((0, 2.5, 6, 8.5), "the gap between slices 2 and 3 of 4 is 3.50 mm, the usual gap 2.50 mm: uneven spacing"),
        (regions((30, 2.5), (20, 5)), "the spacing changes along the stack: 30 gaps of 2.50 mm (slices 1 to 31), then "
         "20 gaps of 5.00 mm (slices 31 to 51)"),
        (regions((30, 2.5), (1, 3.2), (20, 5)), "the spacing changes along the stack: 30 gaps of 2.50 mm (slices 1 to "
         "31), then 20 gaps of 5.00 mm (slices 32 to 52); the gap between slices 31 and 32 of 52 is 3.20 mm, the usual "
         "gap 2.50 mm: uneven spacing"),
        (np.cumsum([0, 1, 2.2, 3.1, 1.7, 4.4, 2.9]), "the gap between slices 5 and 6 of 7 is 4.40 mm, the usual gap "
         "2.20 mm: uneven spacing (5 such gaps, after slices 1, 3, 4, 5, 6)"),
    ],
)  # fmt: skip
def test_variable_spacing_is_not_called_a_missing_slice(places, message):
    assert only_message(stack(places), FindingKind.VARIABLE_SPACING) == message


def test_a_slice_lost_in_a_region_of_its_own_spacing_is_missing_and_not_another_region():
    report = examine_stack(stack(regions((10, 2.5), (1, 5), (10, 2.5), (10, 5), (1, 10), (10, 5))))
    assert [finding.kind for finding in report.findings] == [FindingKind.MISSING, FindingKind.VARIABLE_SPACING]
    assert "(2 such gaps, after slices 11, 32; 2 slices missing in all)" in report.findings[0].message


def test_a_gap_too_wide_to_be_interpolated_is_missing_slices_even_as_a_region():
    kinds = [finding.kind for finding in examine_stack(stack(regions((10, 1), (10, 10)))).findings]
    assert kinds == [FindingKind.MISSING]


def test_two_images_nearly_at_one_place_are_a_repeated_place():
    found = "the gap between slices 3 and 4 of 6 is 0.02 mm, the usual gap 2.50 mm: that place was taken twice"
    assert only_message(stack((0, 2.5, 5, 5.02, 7.5, 10)), FindingKind.REPEATED) == found


def test_gaps_that_are_each_within_tolerance_must_not_add_up():
    message = only_message(stack(regions((40, 5.04), (40, 4.96))), FindingKind.VARIABLE_SPACING)
    assert message == (
        "slice 41 of 81 lies 1.60 mm from its place in an even stack with steps of 5.00 mm; accepted are 0.50 mm"
    )


def test_positions_rounded_to_a_tenth_of_a_millimetre_are_one_grid():
    assert examine_stack(stack([round(0.625 * k, 1) for k in range(40)])).findings == ()


@pytest.mark.parametrize("lean", [(0, 1), (0, -1), (1, 0), (-1, 0), (0.6, -0.8)])
def test_a_tilted_gantry_is_named_with_its_angle(lean):
    planes = stack(lean=tangent(15) * np.array(lean))
    assert only_message(planes, FindingKind.TILT) == (
        "each slice lies 0.67 mm beside the one before it, so that the stack leans 15.0 degrees (tilted gantry)"
    )
    assert examine_stack(planes).tilt_degrees == pytest.approx(15)


def test_tilt_and_missing_slice_are_both_named_and_the_angle_is_that_of_the_whole_stack():
    report = examine_stack(stack((0, 2.5, 7.5, 10), lean=(0, tangent(10))))
    assert [finding.kind for finding in report.findings] == [FindingKind.TILT, FindingKind.MISSING]
    assert "lies 0.44 mm beside the one before it, so that the stack leans 10.0 degrees" in report.findings[0].message


def test_a_lean_that_is_rounding_is_no_tilt():
    report = examine_stack(stack(lean=(0, 1e-3)))
    assert report.findings == ()
    assert report.tilt_degrees == pytest.approx(0.0573, abs=1e-4)


def test_no_gantry_leans_sixty_degrees():
    message = only_message(stack(lean=(tangent(60), 0)), FindingKind.IRREGULAR_SHEAR)
    assert message == "the stack leans 60.0 degrees; no gantry tilts more than 45"


@pytest.mark.parametrize("index", range(5))
@pytest.mark.parametrize("lean", [(0, 0), (0, 0.2)])
def test_a_slice_beside_the_stack_is_named_wherever_it_is(index, lean):
    planes = stack(lean=lean)
    x, y, z = planes[index].position_lps_mm
    report = examine_stack(moved(planes, index, position_lps_mm=(x + 1, y, z)))
    beside = [finding for finding in report.findings if finding.kind == FindingKind.OFF_PLACE]
    assert beside[0].message == (
        f"slice {index + 1} of 5 lies 1.00 mm beside its place on the line of the others; accepted are 0.25 mm"
    )
    assert (FindingKind.TILT in report.kinds) == any(lean)
    assert len(report.findings) == 1 + any(lean)


def test_slices_that_lean_by_different_amounts_are_an_irregular_shear():
    planes = stack(np.arange(20) * 2.5)
    bent = [
        dataclasses.replace(plane, position_lps_mm=(-20 + 0.05 * k * k, -30.0, 40 + 2.5 * k))
        for k, plane in enumerate(planes)
    ]
    message = only_message(bent, FindingKind.IRREGULAR_SHEAR)
    assert message.endswith("accepted are 0.25 mm: the stack leans by different amounts")


def test_as_many_images_at_each_position_look_like_volumes():
    message = only_message(stack() * 3, FindingKind.SEVERAL_VOLUMES)
    assert message == "the series has 15 images at 5 positions: each has 3, which looks like 3 volumes"
    assert examine_stack(stack() * 3).order[:6] == (0, 5, 10, 1, 6, 11)


def test_images_at_one_position_are_a_single_place():
    assert only_message(stack((5,) * 4), FindingKind.ONE_PLACE) == (
        "the series has 4 images at 1 position: that is no stack"
    )
    assert examine_stack(stack((5,) * 4)).is_single_place


@pytest.mark.parametrize(
    ("planes", "message"),
    [
        ([*stack(), stack()[2]], "the series has 6 images at 5 positions: position 3 of 5 along the normal is the "
         "first that has 2, the others have 1"),
        ([*stack(), *stack()[2:4]], "the series has 7 images at 5 positions: position 3 of 5 along the normal is the "
         "first that has 2, the others have 1 (2 such positions)"),
        ([*stack() * 3, *stack()[:4]], "the series has 19 images at 5 positions: position 5 of 5 along the normal is "
         "the first that has 3, the others have 4"),
    ],
)  # fmt: skip
def test_a_repeated_position_is_named(planes, message):
    assert only_message(planes, FindingKind.REPEATED) == message


def test_a_repeated_and_a_missing_position_are_both_named():
    planes = stack((0, 2.5, 5, 5, 10, 12.5), lean=(0.3, 0))
    assert [finding.kind for finding in examine_stack(planes).findings] == [
        FindingKind.REPEATED, FindingKind.TILT, FindingKind.MISSING
    ]  # fmt: skip


def test_mixed_orientations_are_listed_by_number():
    message = only_message([*stack((0, 2, 4), orientation=CORONAL), *stack()], FindingKind.ORIENTATIONS)
    assert message == (
        "the series mixes 2 orientations: 5 images along (1.000, 0.000, 0.000, 0.000, 1.000, 0.000); 3 images along "
        "(1.000, 0.000, 0.000, 0.000, 0.000, -1.000); one volume has one"
    )


def test_orientations_that_three_decimals_do_not_tell_apart_have_six():
    turned = (math.cos(5e-4), math.sin(5e-4), 0, -math.sin(5e-4), math.cos(5e-4), 0)
    message = only_message([*stack((0, 2, 4), orientation=turned), *stack()], FindingKind.ORIENTATIONS)
    assert "(1.000000, 0.000500, 0.000000, -0.000500, 1.000000, 0.000000)" in message
    assert "(1.000000, 0.000000, 0.000000, 0.000000, 1.000000, 0.000000)" in message


def test_as_many_orientations_as_images_are_not_all_compared():
    turns = np.linspace(0, 3, 3000)
    orientations = np.stack([np.cos(turns), np.sin(turns), 0 * turns, -np.sin(turns), np.cos(turns), 0 * turns], axis=1)
    planes = [
        dataclasses.replace(plane, orientation_lps=tuple(orientation))
        for plane, orientation in zip(stack(range(3000)), orientations, strict=True)
    ]
    assert "mixes more than 64 orientations: " in only_message(planes, FindingKind.ORIENTATIONS)


def test_orientations_that_differ_by_rounding_are_one():
    planes = moved(stack(orientation=OBLIQUE), 0, orientation_lps=tuple(round(value, 5) for value in OBLIQUE))
    report = examine_stack(planes)
    assert report.findings == ()
    assert report.row == pytest.approx(OBLIQUE[:3], abs=1e-12)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"frame_of_reference_uid": "1.2.4"}, "frames_of_reference",
         "the series mixes 2 frames of reference: 4 images with 1.2.3, 1 image with 1.2.4; one volume has one"),
        ({"frame_of_reference_uid": ""}, "frames_of_reference",
         "the series mixes 2 frames of reference: 4 images with 1.2.3, 1 image with none; one volume has one"),
        ({"frame_of_reference_uid": "a name"}, "frames_of_reference",
         "the series mixes 2 frames of reference: 4 images with 1.2.3, 1 image with an invalid UID; one volume "
         "has one"),
        ({"rows": 11}, "sizes",
         "the series mixes 2 sizes (rows x columns): 4 images with 10 x 12, 1 image with 11 x 12; one volume has one"),
        ({"pixel_spacing_mm": (0.9, 0.81)}, "pixel_spacings",
         "the series mixes 2 pixel spacings (mm): 4 images with 0.9 x 0.8, 1 image with 0.9 x 0.81; one volume "
         "has one"),
        ({"pixel_spacing_mm": (0.9, -0.8)}, "pixel_spacings",
         "Pixel Spacing is -0.8 mm, expected 0.000001 mm or more"),
        ({"position_lps_mm": None}, "no_plane",
         "1 of 5 images has no Image Position (Patient) of finite numbers: where they lie is unknown"),
        ({"position_lps_mm": (math.nan, 0, 0)}, "no_plane",
         "1 of 5 images has no Image Position (Patient) of finite numbers: where they lie is unknown"),
        ({"position_lps_mm": (1e300, 0, 0)}, "no_plane",
         "1 of 5 images has no Image Position (Patient) of finite numbers: where they lie is unknown"),
        ({"orientation_lps": (1, 0, 0)}, "no_plane",
         "1 of 5 images has no Image Orientation (Patient) of finite numbers: where they lie is unknown"),
        ({"pixel_spacing_mm": None}, "no_plane",
         "1 of 5 images has no Pixel Spacing of finite numbers: where they lie is unknown"),
    ],
)  # fmt: skip
def test_one_image_that_differs_is_said(change, kind, message):
    assert only_message(moved(stack(), 4, **change), kind) == message


def test_more_than_four_values_are_counted_and_not_listed():
    planes = [dataclasses.replace(plane, rows=10 + index) for index, plane in enumerate(stack())]
    message = only_message(planes, FindingKind.SIZES)
    assert message.endswith("1 image with 13 x 12, and 1 more; one volume has one")


def test_no_frame_of_reference_at_all_is_no_finding():
    assert examine_stack([dataclasses.replace(plane, frame_of_reference_uid="") for plane in stack()]).findings == ()


def test_positions_in_two_frames_of_reference_are_not_compared():
    planes = moved(stack((0, 2.5, 7.5)), 0, frame_of_reference_uid="1.2.4")
    assert examine_stack(planes).kinds == {FindingKind.FRAMES_OF_REFERENCE}


def test_sizes_spacings_and_gaps_are_named_together():
    planes = moved(moved(stack((0, 2.5, 7.5, 10)), 0, rows=11), 1, pixel_spacing_mm=(1.0, 1.0))
    assert examine_stack(planes).kinds == {FindingKind.SIZES, FindingKind.PIXEL_SPACINGS, FindingKind.MISSING}


@pytest.mark.parametrize("lengths", [(1.1, 1.0), (0.0, 1.0), (0.0, 0.0)])
def test_directions_must_be_unit_vectors(lengths):
    orientation = (lengths[0], 0, 0, 0, lengths[1], 0)
    planes = [dataclasses.replace(plane, orientation_lps=orientation) for plane in stack()]
    assert only_message(planes, FindingKind.BAD_ORIENTATION) == (
        f"Image Orientation (Patient) has directions of length {lengths[0]:.4f} and {lengths[1]:.4f}, expected 1"
    )


def test_rounded_directions_are_made_unit_vectors():
    report = examine_stack(stack(orientation=(0.956, 0.295, 0, -0.295, 0.956, 0)))
    assert report.findings == ()
    for direction in (report.row, report.column, report.normal):
        assert np.linalg.norm(direction) == pytest.approx(1, abs=1e-12)


def test_directions_must_be_at_a_right_angle():
    leaning = (1, 0, 0, math.sin(0.01), math.cos(0.01), 0)
    planes = [dataclasses.replace(plane, orientation_lps=leaning) for plane in stack()]
    assert only_message(planes, FindingKind.BAD_ORIENTATION) == "rows and columns are at 89.43 degrees, expected 90"


def test_planes_of_nothing_but_sizes_make_a_report():
    blank = Plane(rows=0, columns=0, position_lps_mm=None, orientation_lps=None, pixel_spacing_mm=None)
    report = examine_stack([blank, blank])
    assert [finding.kind for finding in report.findings] == [FindingKind.NO_PLANE] * 3
    assert (report.order, len(report.normal)) == ((), 0)
    assert "2 of 2 images have no Image Position" in report.findings[0].message


def test_twenty_thousand_planes_are_one_stack():
    planes = stack(np.random.default_rng(1).permutation(20_000) * 0.01)
    report = examine_stack(planes)
    assert report.findings == ()
    assert len(report.order) == 20_000
    assert (np.diff(report.places_mm) > 0).all()


def test_gaps_that_are_alike_but_leave_the_tolerance_are_uneven():
    message = only_message(stack(np.cumsum([0, 2.5, 2.5, 2.5, 2.56, 2.62])), FindingKind.VARIABLE_SPACING)
    assert message == "the gap between slices 5 and 6 of 6 is 2.62 mm, the usual gap 2.50 mm: uneven spacing"


def test_the_tolerance_of_tenths_hides_no_lost_slice_of_a_fine_stack():
    message = only_message(stack((0, 0.08, 0.16, 0.32)), FindingKind.MISSING)
    assert message == (
        "the gap between slices 3 and 4 of 4 is 0.16 mm, the usual gap 0.08 mm: 1 slice is missing there"
    )


def test_a_slice_beside_a_stack_of_four_is_named():
    planes = stack((0, 2.5, 5, 7.5))
    message = only_message(moved(planes, 0, position_lps_mm=(-19.0, -30.0, 40.0)), FindingKind.OFF_PLACE)
    assert message.startswith("slice 1 of 4 lies 1.00 mm beside its place")


def test_a_tenth_of_a_millimetre_between_two_slices_is_rounding():
    report = examine_stack(stack((0, 1), lean=(0.1, 0)))
    assert report.findings == ()
    assert report.tilt_degrees == pytest.approx(5.71, abs=0.01)


def test_a_twentieth_of_a_degree_is_no_tilt_however_long_the_stack():
    assert examine_stack(stack(np.arange(1000), lean=(tangent(0.05), 0))).findings == ()


def test_of_images_at_one_position_the_first_comes_first_whatever_the_last_digit_of_the_text():
    planes = [*stack((2e-4, 2.5)), *stack((1e-4, 2.5)), *stack((0, 2.5))]
    assert examine_stack(planes).order == (0, 2, 4, 1, 3, 5)


def test_pixel_spacings_that_differ_by_rounding_are_one():
    planes = moved(stack(), 2, pixel_spacing_mm=(0.9, 0.80002))
    report = examine_stack(planes)
    assert report.findings == ()
    assert report.pixel_spacing_mm == (0.9, 0.8)


def test_gaps_that_grow_slowly_are_uneven_and_too_wide_ones_missing():
    grown = stack(np.cumsum(np.arange(1.0, 4.0, 0.05)))
    assert examine_stack(grown).smallest_gap_mm == pytest.approx(1.05)
    assert examine_stack(grown).kinds == {FindingKind.VARIABLE_SPACING}
    assert FindingKind.MISSING in examine_stack(stack(np.cumsum(np.arange(1.0, 7.0, 0.05)))).kinds
