"""The demonstration bundle ct_organ_seg: complete, small, and right on a phantom it has not seen."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tools.phantom import Label, PhantomSpec, build_phantom

BUNDLE = Path(__file__).parents[3] / "bundles" / "ct_organ_seg"
HELD_OUT_SEEDS = (30_601, 30_602, 30_603)
"""In the arterial phase each of them has a tumour brighter than the liver, the first two a darker one too."""

CODE_KEYS = {"scheme", "value", "meaning"}


@pytest.fixture(scope="module")
def metadata():
    return json.loads((BUNDLE / "configs" / "metadata.json").read_text())


@pytest.fixture(scope="module")
def config():
    return json.loads((BUNDLE / "configs" / "inference.json").read_text())


def test_the_bundle_has_the_files_of_a_monai_bundle():
    for name in ("LICENSE", "configs/metadata.json", "configs/inference.json", "models/model.pt", "docs/README.md"):
        assert (BUNDLE / name).is_file(), name
    assert (BUNDLE / "models" / "model.pt").stat().st_size < 5_000_000


def test_metadata_says_what_monai_and_the_stages_ask(metadata):
    monai = {
        "schema", "version", "changelog", "monai_version", "pytorch_version", "numpy_version",
        "required_packages_version", "task", "description", "authors", "copyright", "intended_use",
        "network_data_format",
    }  # fmt: skip
    ours = {"scope", "labels", "series_description", "content_label", "algorithm_name", "algorithm_family"}
    assert monai | ours <= set(metadata)
    assert "Not a medical device" in metadata["intended_use"]
    assert len(metadata["content_label"]) <= 16
    assert set(metadata["algorithm_family"]) == CODE_KEYS


def test_the_scope_admits_phantoms_only(metadata):
    scope = metadata["scope"]
    assert scope["quality_control_subject"] is True
    assert scope["modality"] == ["CT"]
    assert scope["slice_spacing_mm"]["min"] < 5.0 < scope["slice_spacing_mm"]["max"]
    assert scope["orientation"] in {"axial", "any"}
    assert scope["minimum_slices"] <= 48


def test_the_label_table_is_that_of_the_phantom_and_of_the_network(metadata, config):
    table = {row["value"]: row["name"] for row in metadata["labels"]}
    assert table == {label.value: label.name.lower().replace("_", " ") for label in Label if label}
    channels = metadata["network_data_format"]["outputs"]["pred"]["channel_def"]
    assert channels == {"0": "background"} | {str(value): name for value, name in table.items()}
    assert config["network_def"]["out_channels"] == len(channels)
    for row in metadata["labels"]:
        codes = [row["category"], row["type"], row["laterality"], row["anatomic_region"]]
        assert all(set(code) == CODE_KEYS for code in codes if code is not None)
        assert all(0 <= part <= 255 for part in row["colour_rgb"])


def test_codes_are_those_of_the_standard(metadata):
    from pydicom.sr.codedict import codes

    family = codes.cid7162.ArtificialIntelligence
    assert (metadata["algorithm_family"]["scheme"], metadata["algorithm_family"]["value"]) == ("DCM", family.value)
    types = {row["name"]: row["type"]["value"] for row in metadata["labels"]}
    assert types == {
        "liver": codes.SCT.Liver.value,
        "spleen": codes.SCT.Spleen.value,
        "kidney": codes.SCT.Kidney.value,
        "spine": codes.SCT.Spine.value,
        "liver tumour": codes.SCT.Neoplasm.value,
    }


def test_the_weights_load_without_running_code():
    import torch

    state = torch.load(BUNDLE / "models" / "model.pt", map_location="cpu", weights_only=True)
    assert all(torch.isfinite(tensor).all() for tensor in state.values())


def test_no_phantom_is_both_learned_from_and_measured():
    from tools.train_ct_organ_seg import data

    learned = {*data.TRAINING_SEEDS, *data.REFINEMENT_SEEDS}
    measured = [*data.VALIDATION_SEEDS, *data.TEST_SEEDS, *data.SECOND_TEST_SEEDS, *HELD_OUT_SEEDS]
    assert len(learned) == len(data.TRAINING_SEEDS) + len(data.REFINEMENT_SEEDS)
    assert len(measured) == len(set(measured))
    assert not learned & set(measured)


def held_out_dice(folder: Path, seed: int, phase: str) -> dict[str, float]:
    from tools.train_ct_organ_seg.data import write_volume
    from tools.train_ct_organ_seg.evaluation import segment
    from tools.train_ct_organ_seg.training import dice

    phantom = build_phantom(PhantomSpec(seed=seed, rows=160, slices=48, phase=phase))
    write_volume(folder / "volume.nii", phantom)
    prediction = segment(folder / "volume.nii", BUNDLE)
    assert prediction.shape == phantom.labels.shape
    return dice(prediction, phantom.labels)


def test_all_labels_of_a_held_out_portal_venous_phantom_are_found(tmp_path):
    scores = held_out_dice(tmp_path, HELD_OUT_SEEDS[0], "portal venous")
    assert np.mean(list(scores.values())) >= 0.88, scores
    assert min(scores.values()) >= 0.7, scores


@pytest.mark.parametrize("seed", HELD_OUT_SEEDS)
def test_tumours_brighter_and_darker_than_the_liver_are_found_in_the_arterial_phase(tmp_path, seed):
    scores = held_out_dice(tmp_path, seed, "arterial")
    assert np.mean(list(scores.values())) >= 0.88, scores
    assert min(scores.values()) >= 0.7, scores
