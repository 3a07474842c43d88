"""Every case of the shared data becomes what was expected of it before the reader was written."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tests.support.data import case
from tests.support.reading_cases import Voxels, compare, expected_readings
from tests.support.reading_judge import inspect, judge
from tests.support.reading_labels import expected_labels, judge_labels
from tests.support.reading_page import render_page, require_same_page

pytestmark = [pytest.mark.data, pytest.mark.system]


@pytest.mark.parametrize("reading", expected_readings(), ids=lambda reading: reading.name)
def test_a_case_becomes_what_was_expected(reading):
    assert judge(reading).faults == []


@pytest.mark.parametrize("number", range(len(expected_labels())), ids=lambda n: f"{n}-{expected_labels()[n].case}")
def test_labels_of_others_lie_where_the_masks_of_the_case_lie(number):
    assert judge_labels(number)[1] == ()


def test_the_judge_sees_through_flips_and_not_through_errors():
    values = np.random.default_rng(1).integers(0, 2000, (6, 5, 4))
    affine = np.array([[0.0, 0, 3, 1], [2, 0, 0, 5], [0, -1, 0, 9], [0, 0, 0, 1]])
    truth = Voxels(values=values, affine_lps=affine)
    turn = np.array([[-1.0, 0, 0, 5], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    assert compare(Voxels(values=values[::-1], affine_lps=affine @ turn), truth).largest == 0
    assert compare(Voxels(values=values[::-1], affine_lps=affine @ turn), truth).corner_mm == 0
    assert compare(Voxels(values=values[::-1], affine_lps=affine), truth).largest > 0
    shifted = affine.copy()
    shifted[0, 3] += 0.01
    assert compare(Voxels(values=values, affine_lps=shifted), truth).corner_mm == pytest.approx(0.01)
    assert compare(Voxels(values=values + 1, affine_lps=affine), truth).largest == 1
    assert not compare(Voxels(values=values[1:], affine_lps=affine), truth).shape


def test_every_case_of_the_folder_has_an_expectation():
    root = case("ct-abdomen").parent
    expected = {reading.case for reading in expected_readings()}
    assert {path.name for path in root.iterdir() if path.is_dir()} == expected


def test_the_command_prints_what_the_module_prints():
    folder = case("hard-two-slices")
    command = [sys.executable, "-m", "clara_stages.dicom_reader.inspection", str(folder)]
    printed = subprocess.run([*command, "--json"], check=True, capture_output=True, text=True).stdout
    assert json.loads(printed) == inspect(folder)
    words = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "volume" in words
    assert "256" in words


def test_the_page_says_what_the_reader_does_now():
    judgements = [judge(reading) for reading in expected_readings()]
    labels = [judge_labels(number)[0] for number in range(len(expected_labels()))]
    require_same_page("reading.md", render_page(judgements, labels))
