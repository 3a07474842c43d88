"""What a bundle is made for is checked before anything heavy is loaded."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from clara_stages.bundle_inference.bundle import Bundle
from clara_stages.bundle_inference.scope import check_scope
from clara_stages.kit import BadInputError, OutOfScopeError
from tests.unit.bundle_inference.conftest import blob, write_volume

IMAGES = Path(__file__).parents[3] / "images"


def bundle_of(scope=None, **metadata):
    metadata = {"algorithm_name": "ct_organ_seg"} | metadata
    if scope is not None:
        metadata["scope"] = scope
    return Bundle(folder=Path("/bundles/x"), metadata=metadata, config_file=Path("/bundles/x/configs/inference.json"))


def series(*, tilt_deg=0.0, slices=40, spacing=5.0, modality="CT", phantom=False):
    angle = np.radians(tilt_deg)
    affine = np.diag([0.8, 0.8, spacing, 1.0])
    affine[:3, 2] = spacing * np.array([0.0, np.sin(angle), np.cos(angle)])
    return {
        "modality": modality,
        "shape": [512, 512, slices],
        "spacing_mm": [0.8, 0.8, spacing],
        "affine_ras": affine.tolist(),
        "facts": {"quality_control_subject": phantom},
    }


def test_a_patient_is_refused_by_a_bundle_for_phantoms():
    with pytest.raises(
        OutOfScopeError,
        match=r"^the bundle ct_organ_seg is made for phantoms \(Quality Control Subject = YES\), this series is not "
        "one$",
    ):
        check_scope(bundle_of({"quality_control_subject": True}), series())


def test_a_phantom_is_taken_by_a_bundle_for_phantoms_and_by_one_that_does_not_care():
    assert check_scope(bundle_of({"quality_control_subject": True}), series(phantom=True)) == []
    assert check_scope(bundle_of({"quality_control_subject": False}), series(phantom=True)) == []


@pytest.mark.parametrize(
    ("scope", "found", "text"),
    [
        ({"modality": ["CT", "MR"]}, {"modality": "PT"}, "made for CT or MR, this series is PT"),
        ({"modality": ["CT"]}, {"modality": ""}, "made for CT, this series is of no modality"),
        (
            {"slice_spacing_mm": {"min": 1, "max": 3}},
            {"spacing": 5.0},
            "made for a slice spacing of 1 to 3 mm, this series has 5 mm",
        ),
        (
            {"slice_spacing_mm": {"max": 3}},
            {"spacing": 3.3},
            "made for a slice spacing of at most 3 mm, this series has 3.3 mm",
        ),
        (
            {"slice_spacing_mm": {"min": 2}},
            {"spacing": 1.25},
            "made for a slice spacing of at least 2 mm, this series has 1.25 mm",
        ),
        ({"minimum_slices": 30}, {"slices": 3}, "made for at least 30 slices, this series has 3"),
        (
            {"orientation": "axial"},
            {"tilt_deg": 90},
            "made for axial slices, the slices of this series are turned by 90 degrees",
        ),
        (
            {"minimum_coverage_mm": 250},
            {"slices": 40},
            "made for a coverage of at least 250 mm along the slices, this series has 200 mm",
        ),
    ],
)
def test_each_condition_says_what_was_found_and_what_was_expected(scope, found, text):
    with pytest.raises(OutOfScopeError) as caught:
        check_scope(bundle_of(scope), series(**found))
    assert str(caught.value) == f"the bundle ct_organ_seg is {text}"


def test_a_ct_that_shows_another_quantity_is_no_ct_for_a_bundle_that_names_no_unit():
    iodine = series() | {"unit": "mg/ml"}
    with pytest.raises(OutOfScopeError, match="is made for values in HU, this series has mg/ml"):
        check_scope(bundle_of({"modality": ["CT"]}), iodine)
    assert check_scope(bundle_of({"modality": ["CT"], "unit": ["mg/ml"]}), iodine) == []
    assert check_scope(bundle_of({"modality": ["CT"]}), series() | {"unit": "HU"}) == []
    assert check_scope(bundle_of({"modality": ["MR"]}), series(modality="MR") | {"unit": "1"}) == []


def test_every_violated_condition_is_named():
    scope = {"modality": ["MR"], "minimum_slices": 100, "orientation": "axial"}
    with pytest.raises(
        OutOfScopeError, match=r"made for MR, this series is CT; and it is made for at least 100 slices"
    ):
        check_scope(bundle_of(scope), series())


def test_limits_belong_to_the_scope_and_a_few_degrees_are_axial():
    scope = {
        "slice_spacing_mm": {"min": 5, "max": 5},
        "minimum_slices": 40,
        "orientation": "axial",
        "minimum_coverage_mm": 200,
    }
    assert check_scope(bundle_of(scope), series(tilt_deg=12, spacing=5.0004)) == []
    assert check_scope(bundle_of(scope), series(tilt_deg=180)) == []


def test_an_unknown_condition_is_refused_and_not_ignored():
    with pytest.raises(BadInputError, match="unknown condition 'minimum_slice'") as caught:
        check_scope(bundle_of({"minimum_slice": 3}), series())
    assert caught.value.remedy == "did you mean 'minimum_slices'?"


@pytest.mark.parametrize(
    "scope", [{"orientation": "coronal"}, {"slice_spacing_mm": 3}, {"quality_control_subject": "yes"}, ["CT"]]
)
def test_a_broken_scope_is_bad_input(scope):
    with pytest.raises(BadInputError, match="scope"):
        check_scope(bundle_of(scope), series())


def test_a_zoo_bundle_is_held_to_the_modality_of_its_input_and_warned_about():
    zoo = bundle_of(network_data_format={"inputs": {"image": {"modality": "MRI"}}})
    with pytest.raises(OutOfScopeError, match="made for MR, this series is CT"):
        check_scope(zoo, series())
    (warning,) = check_scope(zoo, series(modality="MR"))
    assert "names no scope: only the modality (MR) was checked" in warning


def test_a_zoo_bundle_without_any_modality_runs_with_a_warning():
    (warning,) = check_scope(bundle_of(network_data_format={"inputs": {"image": {"modality": "n/a"}}}), series())
    assert "nothing was checked" in warning


def test_out_of_scope_is_exit_21_and_loads_no_torch(bundle, tmp_path):
    volume = write_volume(tmp_path / "v", blob())
    bundle.metadata["scope"] = {"quality_control_subject": True}
    program = (
        "import sys, runpy\n"
        f"sys.argv = ['x', '--input', 'volume={volume}', '--input', 'bundle={bundle.write()}', "
        f"'--output', '{tmp_path / 'out'}']\n"
        "try:\n    runpy.run_module('clara_stages.bundle_inference', run_name='__main__')\n"
        "finally:\n    sys.stderr.write(str([m for m in ('torch', 'monai', 'scipy') if m in sys.modules]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(IMAGES)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 21, done.stdout + done.stderr
    assert done.stderr == "[]"
    last = json.loads(done.stdout.splitlines()[-1])["short_result"]
    assert last["error"]["message"].endswith("this series is not one")
    assert not any((tmp_path / "out").iterdir())
