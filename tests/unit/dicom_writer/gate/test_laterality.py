"""Whether left is left."""

from dataclasses import replace

import pytest

from clara_stages.dicom_writer.gate import laterality
from clara_stages.dicom_writer.gate.finding import Severity
from clara_stages.dicom_writer.gate.written_file import read_written
from tests.support.writing import Body

LEFT, RIGHT = ("7771000", "Left"), ("24028007", "Right")
KIDNEY = ("64033007", "Kidney")
LEFT_KIDNEY = Body(name="k1", code=KIDNEY, centre_mm=(20, 5, 0), semi_axes_mm=(12, 10, 15), laterality=LEFT)
RIGHT_KIDNEY = Body(name="k2", code=KIDNEY, centre_mm=(-20, 5, 0), semi_axes_mm=(12, 10, 15), laterality=RIGHT)
SWAPPED = (replace(LEFT_KIDNEY, laterality=RIGHT), replace(RIGHT_KIDNEY, laterality=LEFT))


def sides(results):
    written, _ = read_written(results.files)
    findings = list(laterality.check(written, results.job))
    assert {finding.severity for finding in findings} <= {Severity.WARNING}
    return [finding.name for finding in findings]


@pytest.mark.parametrize("geometry", ["axial", "feet_first", "sagittal", "oblique", "tilted", "enhanced"])
def test_a_left_kidney_on_the_left_is_no_finding_and_swapped_ones_are(results_of, geometry):
    assert sides(results_of(geometry, bodies=(LEFT_KIDNEY, RIGHT_KIDNEY))) == []
    assert sides(results_of(geometry, bodies=SWAPPED)) == ["laterality_swapped"]


def test_a_swap_is_told_in_mm(results_of):
    messages = [finding.message for finding in results_of(bodies=SWAPPED).examine()]
    assert any("segment 2, coded left, lies 40 mm to the patient's right of segment 1" in item for item in messages)


@pytest.mark.parametrize("name", ["right kidney", "kidney_right", "Niere rechts", "ren dexter", "R. kidney rt"])
def test_a_name_that_contradicts_its_code_is_a_finding(results_of, name):
    assert sides(results_of(bodies=(replace(LEFT_KIDNEY, name=name), RIGHT_KIDNEY))) == ["laterality_name"]


@pytest.mark.parametrize("name", ["left kidney", "kidney", "bright spot", "left and right", "linkage"])
def test_a_name_that_does_not_contradict_is_none(results_of, name):
    assert sides(results_of(bodies=(replace(LEFT_KIDNEY, name=name), RIGHT_KIDNEY))) == []


@pytest.mark.parametrize("geometry", ["axial", "feet_first", "sagittal"])
def test_sides_that_only_names_state_are_looked_at_too(results_of, geometry):
    named = [
        replace(body, name=f"kidney_{side}", laterality=None)
        for body, side in ((LEFT_KIDNEY, "left"), (RIGHT_KIDNEY, "right"))
    ]
    swapped = [replace(named[0], name="kidney_right"), replace(named[1], name="kidney_left")]
    assert "laterality_swapped" not in sides(results_of(geometry, bodies=tuple(named)))
    assert "laterality_swapped" in sides(results_of(geometry, bodies=tuple(swapped)))


def test_one_of_a_pair_without_a_side_is_a_finding_and_both_in_one_are_not(results_of):
    assert sides(results_of(bodies=(replace(LEFT_KIDNEY, laterality=None),))) == ["laterality_missing"]
    both = Body(name="kidneys", code=KIDNEY, centre_mm=(0, 5, 0), semi_axes_mm=(30, 10, 15))
    assert sides(results_of(bodies=(both,))) == []


def test_a_single_left_organ_on_the_right_of_a_trunk_is_a_finding_and_in_a_small_field_of_view_not(results_of):
    alone = (replace(RIGHT_KIDNEY, laterality=LEFT, centre_mm=(-40, 5, 0)),)
    assert sides(results_of(bodies=alone, shape=(140, 36, 14))) == ["laterality_place"]
    assert sides(results_of(bodies=(replace(RIGHT_KIDNEY, laterality=LEFT),))) == []
