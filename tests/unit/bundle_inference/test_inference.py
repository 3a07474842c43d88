"""A bundle of the Model Zoo runs as it is, and its labels lie on the input's grid."""

import json
import pickle

import nibabel as nib
import numpy as np
import pytest
import torch
import yaml

from clara_stages.kit import BadInputError, OutOfMemoryError
from tests.unit.bundle_inference.conftest import OBLIQUE, blob, state, write_volume

INVERT = {
    "_target_": "Invertd",
    "keys": "pred",
    "transform": "@preprocessing",
    "orig_keys": "image",
    "nearest_interp": True,
}
ARGMAX = {"_target_": "AsDiscreted", "keys": "pred", "argmax": True}
SOFTMAX = {"_target_": "Activationsd", "keys": "pred", "softmax": True}
SIGMOID = {"_target_": "Activationsd", "keys": "pred", "sigmoid": True}
TABLE = [
    {
        "value": value,
        "name": name,
        "category": {"scheme": "SCT", "value": "85756007", "meaning": "Tissue"},
        "type": {"scheme": "SCT", "value": "87784001", "meaning": "Soft tissue"},
    }
    for value, name in ((1, "one"), (2, "two"))
]


def dice(first, second):
    return 2 * (first & second).sum() / (first.sum() + second.sum())


def test_labels_lie_on_the_input_grid_with_its_affine_fields(bundle, volume, run_stage):
    result = run_stage(volume, bundle.write())
    given = nib.load(volume / "volume.nii")
    assert result.labels.dtype == np.uint8
    assert result.labels.shape == given.shape
    for name in ("srow_x", "srow_y", "srow_z", "sform_code", "qform_code", "pixdim", "quatern_b"):
        np.testing.assert_array_equal(result.image.header[name], given.header[name])
    assert dice(result.labels == 1, blob() > 50) > 0.9
    assert result.document["labels"][0]["voxels"] == int((result.labels == 1).sum())


def test_a_bundle_that_decides_before_it_inverts_gives_what_the_right_order_gives(bundle, volume, run_stage):
    right = run_stage(volume, bundle.write()).labels
    bundle.post(SOFTMAX, ARGMAX, INVERT, {"_target_": "SaveImaged", "keys": "pred"})
    np.testing.assert_array_equal(run_stage(volume, bundle.write()).labels, right)


def test_a_bundle_that_never_inverts_is_inverted(bundle, volume, run_stage):
    right = run_stage(volume, bundle.write()).labels
    bundle.post(SOFTMAX, ARGMAX)
    np.testing.assert_array_equal(run_stage(volume, bundle.write()).labels, right)


def test_a_bundle_without_postprocessing_is_decided_by_argmax(bundle, volume, run_stage):
    right = run_stage(volume, bundle.write()).labels
    del bundle.config["postprocessing"]
    assert dice(run_stage(volume, bundle.write()).labels == 1, right == 1) > 0.98


def test_labels_made_by_the_bundles_own_lambda_are_not_resampled_by_nearest_neighbour(bundle, volume, run_stage):
    right = run_stage(volume, bundle.write()).labels
    own = {"_target_": "Lambdad", "keys": "pred", "func": "$lambda x: x.argmax(0, keepdim=True).float()"}
    bundle.post(own, INVERT)
    result = run_stage(volume, bundle.write()).labels
    assert set(np.unique(result)) == {0, 1}
    assert dice(result == 1, right == 1) > 0.9


def test_steps_after_the_decision_keep_their_order_and_see_the_input_grid(bundle, volume, run_stage):
    pixels = blob()
    pixels[0:3, 0:3, 0:3] = 100
    two = write_volume(volume.parent / "two", pixels)
    largest = {"_target_": "KeepLargestConnectedComponentd", "keys": "pred", "applied_labels": [1]}
    bundle.post(ARGMAX, largest, INVERT)
    result = run_stage(two, bundle.write()).labels
    assert not result[0:3, 0:3, 0:3].any()
    assert result[12, 10, 6] == 1


def test_channels_are_brought_back_a_few_at_a_time_with_the_same_result(bundle, volume, run_stage, monkeypatch):
    from clara_stages.bundle_inference import postprocessing

    bundle.config["network_def"]["out_channels"] = 5
    bundle.metadata["network_data_format"]["outputs"]["pred"]["channel_def"] = {str(c): f"c{c}" for c in range(5)} | {
        "0": "background"
    }
    bundle.state = state((0.0, 4.0, 8.0, 12.0, 16.0), (0.0, -0.8, -2.4, -4.8, -8.0))
    at_once = run_stage(volume, bundle.write()).labels
    assert len(np.unique(at_once)) == 5
    bundle.post(SOFTMAX, ARGMAX, INVERT)
    monkeypatch.setattr(postprocessing, "_CHUNK_BYTES", 1)
    np.testing.assert_array_equal(run_stage(volume, bundle.write()).labels, at_once)


def test_one_sigmoid_channel_is_one_label(bundle, volume, run_stage):
    bundle.config["network_def"]["out_channels"] = 1
    bundle.state = state((10.0,), (-5.0,))
    bundle.metadata["network_data_format"]["outputs"]["pred"]["channel_def"] = {"0": "lesion"}
    bundle.post(SIGMOID, {"_target_": "AsDiscreted", "keys": "pred", "threshold": 0.5}, INVERT)
    result = run_stage(volume, bundle.write())
    assert dice(result.labels == 1, blob() > 50) > 0.9
    assert result.document["labels"][0]["name"] == "lesion"


def overlapping(bundle):
    bundle.config["network_def"]["out_channels"] = 2
    bundle.state = state((10.0, 10.0), (-2.0, -8.0))
    bundle.metadata["network_data_format"]["outputs"]["pred"]["channel_def"] = {"0": "whole", "1": "core"}
    bundle.post(SIGMOID, INVERT, {"_target_": "AsDiscreted", "keys": "pred", "threshold": 0.5})


def test_channels_that_may_overlap_are_refused_by_name(bundle, volume, run_stage):
    overlapping(bundle)
    with pytest.raises(BadInputError, match=r"thresholds each channel for itself \(whole, core\): they may overlap"):
        run_stage(volume, bundle.write())


def test_channels_of_a_bundle_with_a_label_table_go_to_the_most_probable(bundle, volume, run_stage):
    overlapping(bundle)
    bundle.metadata["labels"] = TABLE
    assert set(np.unique(run_stage(volume, bundle.write()).labels)) == {0, 1}


def test_channels_that_the_bundle_itself_joins_to_one_are_taken(bundle, volume, run_stage):
    overlapping(bundle)
    bundle.config["postprocessing"]["transforms"].append(
        {"_target_": "Lambdad", "keys": "pred", "func": "$lambda x: torch.where(x[[1]] > 0, 2, x[[0]])"}
    )
    assert set(np.unique(run_stage(volume, bundle.write()).labels)) == {0, 1, 2}


def test_torchscript_of_the_configs_own_network_def_runs(bundle, volume, run_stage):
    right = run_stage(volume, bundle.write()).labels
    network = torch.nn.Conv3d(1, 2, 1)
    network.load_state_dict(state())
    torch.jit.script(network).save(str(bundle.folder / "models" / "model.ts"))
    (bundle.folder / "models" / "model.pt").unlink()
    bundle.state = None
    bundle.config["network_def"] = "$torch.jit.load(@bundle_root + '/models/model.ts', map_location=@device)"
    del bundle.config["handlers"]
    np.testing.assert_array_equal(run_stage(volume, bundle.write()).labels, right)


def test_torchscript_stands_in_for_a_missing_checkpoint(bundle, volume, run_stage):
    right = run_stage(volume, bundle.write()).labels
    network = torch.nn.Conv3d(1, 2, 1)
    network.load_state_dict(state())
    torch.jit.script(network).save(str(bundle.folder / "models" / "model.ts"))
    (bundle.folder / "models" / "model.pt").unlink()
    bundle.state = None
    np.testing.assert_array_equal(run_stage(volume, bundle.write()).labels, right)


@pytest.mark.parametrize("key", ["model", "state_dict"])
def test_a_checkpoint_may_hold_the_weights_under_a_key(bundle, volume, run_stage, key):
    bundle.state = {key: state(), "epoch": 7}
    assert run_stage(volume, bundle.write()).labels.any()


def test_a_named_checkpointloader_is_found_and_its_path_followed(bundle, volume, run_stage):
    bundle.config["checkpointloader"] = bundle.config.pop("handlers")[0] | {
        "load_path": "$@bundle_root + '/models/b.pt'"
    }
    bundle.config["evaluator"].pop("val_handlers")
    folder = bundle.write()
    (folder / "models" / "model.pt").rename(folder / "models" / "b.pt")
    assert run_stage(volume, folder).labels.any()


def test_a_network_that_loads_its_own_weights_needs_no_checkpointloader(bundle, volume, run_stage):
    right = run_stage(volume, bundle.write()).labels
    del bundle.config["handlers"], bundle.config["evaluator"]
    bundle.config["network"] = (
        "$(@network_def.load_state_dict(torch.load(@bundle_root + '/models/own.pt')), @network_def.to(@device))[1]"
    )
    (bundle.folder / "models" / "model.pt").rename(bundle.folder / "models" / "own.pt")
    bundle.state = None
    np.testing.assert_array_equal(run_stage(volume, bundle.write()).labels, right)


def test_the_older_separator_and_choices_by_expression_work(bundle, volume, run_stage):
    right = run_stage(volume, bundle.write()).labels
    bundle.config["displayable_configs"] = {"highres": True, "sw_overlap": 0.25, "sw_batch_size": 2}
    bundle.config["pixdim"] = "$[3.1, 2.7, 3.7] if @displayable_configs#highres else [6.0, 6.0, 6.0]"
    bundle.config["modelname"] = "$'model.pt' if @displayable_configs#highres else 'model_lowres.pt'"
    bundle.config["preprocessing"]["transforms"][3]["pixdim"] = "@pixdim"
    bundle.config["inferer"] |= {
        "overlap": "@displayable_configs#sw_overlap",
        "sw_batch_size": "@displayable_configs#sw_batch_size",
        "mode": "gaussian",
        "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
    }
    bundle.config["handlers"][0]["load_path"] = "$@bundle_root + '/models/' + @modelname"
    np.testing.assert_array_equal(run_stage(volume, bundle.write()).labels, right)


def test_missing_weights_are_named_with_the_way_to_get_them(bundle, volume, run_stage):
    bundle.state = None
    folder = bundle.write()
    (folder / "large_files.yml").write_text("large_files: []")
    with pytest.raises(BadInputError, match=r"has no models/model\.pt, which its CheckpointLoader reads") as caught:
        run_stage(volume, folder)
    assert "download_large_files" in caught.value.remedy


def test_random_weights_are_never_run(bundle, volume, run_stage):
    bundle.state = None
    del bundle.config["handlers"], bundle.config["evaluator"]
    with pytest.raises(BadInputError, match=r"has no weights, expected models/model\.pt or models/model\.ts"):
        run_stage(volume, bundle.write())


class _Evil:
    def __reduce__(self):
        return (print, ("code of a pickle ran",))


def test_a_checkpoint_that_is_a_pickle_of_code_is_refused(bundle, volume, run_stage, capsys):
    folder = bundle.write()
    (folder / "models" / "model.pt").write_bytes(pickle.dumps(_Evil()))
    with pytest.raises(BadInputError, match=r"model\.pt cannot be loaded as plain weights"):
        run_stage(volume, folder)
    assert "code of a pickle" not in capsys.readouterr().out


def test_weights_of_another_network_are_refused(bundle, volume, run_stage):
    bundle.state = state((0.0, 1.0, 2.0), (0.0, 0.0, 0.0))
    with pytest.raises(BadInputError, match=r"model\.pt does not fit network_def: .*size mismatch for weight"):
        run_stage(volume, bundle.write())


def test_yaml_with_a_macro_into_another_file_is_the_same(bundle, volume, run_stage):
    right = run_stage(volume, bundle.write()).labels
    config, bundle.config = bundle.config, {}
    network = config["network_def"]
    config["network_def"] = "%configs/network.json::deep::net"
    folder = bundle.write()
    (folder / "configs" / "inference.json").unlink()
    (folder / "configs" / "inference.yaml").write_text(yaml.safe_dump(config))
    (folder / "configs" / "network.json").write_text(json.dumps({"deep": {"net": network}}))
    np.testing.assert_array_equal(run_stage(volume, folder).labels, right)


def test_a_bundles_own_scripts_are_imported_from_its_folder_and_forgotten(bundle, volume, run_stage):
    import sys
    from pathlib import Path

    path, cwd = list(sys.path), Path.cwd()
    bundle.script("transforms", "def flip(x):\n    return 2 - x if bool((x > 0).any()) else x\n")
    bundle.config["imports"].append("$import scripts")
    bundle.config["imports"].append("$from scripts.transforms import flip")
    bundle.post(SOFTMAX, INVERT, ARGMAX, {"_target_": "Lambdad", "keys": "pred", "func": "$flip"})
    bundle.metadata["labels"] = TABLE
    result = run_stage(volume, bundle.write())
    assert set(np.unique(result.labels)) == {1, 2}
    assert (sys.path, Path.cwd()) == (path, cwd)
    assert not [name for name in sys.modules if name.split(".")[0] == "scripts"]
    assert not list(bundle.folder.rglob("*.pyc"))


def test_an_image_key_of_another_name_is_followed(bundle, volume, run_stage):
    right = run_stage(volume, bundle.write()).labels
    bundle.config = json.loads(json.dumps(bundle.config).replace('"image"', '"@the_key"')) | {"the_key": "scan"}
    np.testing.assert_array_equal(run_stage(volume, bundle.write()).labels, right)


def test_a_bundle_that_loads_two_images_is_refused(bundle, volume, run_stage):
    bundle.config["preprocessing"]["transforms"][0]["keys"] = ["flair", "t1"]
    with pytest.raises(BadInputError, match="loads flair, t1, expected one image"):
        run_stage(volume, bundle.write())


def test_a_bundle_of_four_channels_is_refused(bundle, volume, run_stage):
    bundle.metadata["network_data_format"]["inputs"]["image"]["num_channels"] = 4
    with pytest.raises(BadInputError, match=r"takes 4 channel\(s\) of a volume, its preprocessing gives 1 x"):
        run_stage(volume, bundle.write())


def test_a_failing_expression_is_named_with_its_key_and_text(bundle, volume, run_stage):
    bundle.config["preprocessing"]["transforms"][3]["pixdim"] = "$[1.0 / @zero, 1, 1]"
    bundle.config["zero"] = 0
    with pytest.raises(
        BadInputError,
        match=r"configs/inference\.json of the bundle zoo_blob: preprocessing::transforms::3::pixdim "
        r"\(\$\[1\.0 / @zero, 1, 1\]\) fails: ZeroDivisionError: float division by zero",
    ):
        run_stage(volume, bundle.write())


def test_an_unknown_component_is_named_with_its_key(bundle, volume, run_stage):
    bundle.config["preprocessing"]["transforms"][1]["_target_"] = "AddChannelly"
    with pytest.raises(BadInputError, match=r"preprocessing::transforms::1 \(AddChannelly\) fails"):
        run_stage(volume, bundle.write())


def test_a_missing_package_is_named_as_the_metadata_names_it(bundle, volume, run_stage):
    bundle.config["imports"].append("$import nowhere_to_be_found as nw")
    bundle.config["network_def"] = "$nw.network()"
    bundle.metadata["required_packages_version"] = {"nowhere-to-be-found": "1.2.3", "pytorch-ignite": "0.4.11"}
    with pytest.raises(BadInputError, match=r"network_def .*nowhere_to_be_found") as caught:
        run_stage(volume, bundle.write())
    assert caught.value.remedy == "install nowhere-to-be-found==1.2.3"


def test_a_missing_key_is_named(bundle, volume, run_stage):
    del bundle.config["network_def"], bundle.config["network"], bundle.config["handlers"]
    with pytest.raises(BadInputError, match="has no key 'network_def'"):
        run_stage(volume, bundle.write())


def test_a_network_that_fails_on_the_volume_is_bad_input_with_its_words(bundle, volume, run_stage):
    bundle.script("net", "def fail(x):\n    raise ValueError('patches must be even')\n")
    bundle.config["inferer"] = "$lambda inputs, network: scripts.net.fail(inputs)"
    bundle.config["imports"] += ["$import scripts", "$import scripts.net"]
    with pytest.raises(
        BadInputError, match=r"the network of the bundle zoo_blob fails on this volume: ValueError: patc"
    ):
        run_stage(volume, bundle.write())


def test_memory_that_runs_out_is_its_own_error(bundle, volume, run_stage):
    bundle.script("net", "def fail():\n    raise MemoryError('no room')\n")
    bundle.config["inferer"] = "$lambda inputs, network: scripts.net.fail()"
    bundle.config["imports"] += ["$import scripts", "$import scripts.net"]
    with pytest.raises(OutOfMemoryError, match="the memory ran out on 24 x 20 x 12 voxels"):
        run_stage(volume, bundle.write())


@pytest.mark.skipif(torch.cuda.is_available(), reason="this host has a GPU")
def test_cuda_without_a_gpu_is_a_clear_error(bundle, volume, run_stage):
    with pytest.raises(BadInputError, match="device is cuda, and torch finds no GPU here"):
        run_stage(volume, bundle.write(), device="cuda")


def test_an_empty_label_map_is_a_result_and_says_so(bundle, tmp_path, run_stage):
    dark = write_volume(tmp_path / "dark", np.zeros((8, 8, 4), np.float32))
    result = run_stage(dark, bundle.write())
    assert not result.labels.any()
    assert result.io.metrics["labels_found"] == 0
    assert any("the label map is empty" in warning for warning in result.io.warnings)
    assert result.document["labels"][0]["segment_number"] is None


def test_a_value_that_the_table_does_not_know_is_refused(bundle, volume, run_stage):
    bundle.metadata["labels"] = [TABLE[1]]
    with pytest.raises(BadInputError, match="the label map holds 1, the label table of zoo_blob knows 2"):
        run_stage(volume, bundle.write())


def test_a_region_is_cut_out_before_and_pasted_back_after(bundle, volume, run_stage):
    whole = run_stage(volume, bundle.write()).labels
    centre_lps = (np.diag([-1, -1, 1, 1]) @ OBLIQUE @ [11.5, 9.5, 5.5, 1])[:3]
    x, y, z = centre_lps
    region = [x - 30, x, y - 30, y + 30, z - 30, z + 30]
    result = run_stage(volume, bundle.folder, region_lps_mm=region)
    grid = np.stack(np.meshgrid(*map(np.arange, whole.shape), indexing="ij"), -1)
    lps_x = -(grid @ OBLIQUE[0, :3] + OBLIQUE[0, 3])
    inside, outside = (whole == 1) & (lps_x < x - 4), lps_x > x + 10
    assert (whole[outside] == 1).any()
    assert not result.labels[outside].any()
    assert (result.labels[inside] == 1).mean() > 0.95
    assert sorted(path.name for path in result.folder.iterdir()) == ["labels"]


def test_the_same_run_gives_the_same_bytes(bundle, volume, run_stage):
    first, second = (run_stage(volume, bundle.write()).folder for _ in range(2))
    for name in ("labels.nii", "labels.json"):
        assert (first / "labels" / name).read_bytes() == (second / "labels" / name).read_bytes()


def test_a_single_slice_comes_back_as_a_single_slice(bundle, tmp_path, run_stage):
    thin = write_volume(tmp_path / "thin", np.ascontiguousarray(blob()[:, :, 5:6]))
    assert run_stage(thin, bundle.write()).labels.shape == (24, 20, 1)


def test_a_cropped_foreground_is_padded_back_with_background(bundle, volume, run_stage):
    right = run_stage(volume, bundle.write()).labels
    crop = {"_target_": "CropForegroundd", "keys": "image", "source_key": "image", "select_fn": "$lambda x: x > 5"}
    bundle.config["preprocessing"]["transforms"].insert(2, crop)
    result = run_stage(volume, bundle.write()).labels
    assert dice(result == 1, right == 1) > 0.97
    assert not result[0].any()


def test_a_volume_that_is_not_that_of_its_series_json_is_refused(bundle, tmp_path, run_stage):
    other = write_volume(tmp_path / "other", blob(), shape=[24, 20, 13])
    with pytest.raises(BadInputError, match=r"volume\.nii is \(24, 20, 12\), series\.json says \[24, 20, 13\]"):
        run_stage(other, bundle.write())
