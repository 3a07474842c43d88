"""The label table of a bundle, and the map and table that are written."""

import json

import numpy as np
import pytest

from clara_stages.bundle_inference.bundle import load_bundle
from clara_stages.bundle_inference.grid import clear_other_labels, count_voxels
from clara_stages.bundle_inference.labels import (
    ANATOMICAL_STRUCTURE,
    Label,
    keep_labels,
    label_table,
    labels_document,
)
from clara_stages.kit import BadInputError
from clara_stages.kit.contract.keys import bundle_digest

TISSUE = {"scheme": "SCT", "value": "85756007", "meaning": "Tissue"}
BONE = {"scheme": "SCT", "value": "272673000", "meaning": "Bone"}


def row(value, name, **more):
    return {"value": value, "name": name, "category": TISSUE, "type": BONE, "colour_rgb": [1, 2, 3]} | more


def test_the_table_becomes_labels_json(bundle):
    left = {"scheme": "SCT", "value": "7771000", "meaning": "Left"}
    bundle.metadata |= {
        "labels": [row(7, "rib", laterality=left), row(2, "skull"), row(3, "femur")],
        "algorithm_name": "bones",
        "series_description": "Bones",
        "content_label": "BONES",
    }
    loaded = load_bundle(bundle.write())
    table, warnings = label_table(loaded)
    document = labels_document(loaded, table, {0: 90, 2: 4, 7: 6}, {"slices": [{"sop_instance_uid": "1.2.3"}]})
    assert warnings == []
    assert document["algorithm"] == {
        "name": "bones",
        "version": "0.3.1",
        "digest": bundle_digest(bundle.folder),
        "family": {"scheme": "DCM", "value": "123110", "meaning": "Artificial Intelligence"},
    }
    assert document["first_image"] == {"sop_instance_uid": "1.2.3", "frame": None}
    assert (document["series_description"], document["content_label"]) == ("Bones", "BONES")
    assert document["intended_use"] == "an example"
    found = [(item["value"], item["segment_number"], item["voxels"]) for item in document["labels"]]
    assert found == [(2, 1, 4), (3, None, 0), (7, 2, 6)]
    assert document["labels"][2] == {
        "value": 7,
        "segment_number": 2,
        "name": "rib",
        "voxels": 6,
        "category": TISSUE,
        "type": BONE,
        "laterality": left,
        "anatomic_region": None,
        "colour_rgb": [1, 2, 3],
    }


def test_a_zoo_bundle_gets_names_from_its_channels_private_codes_and_a_warning(bundle):
    channels = {"0": "background", "1": "spleen", "2": "Left Lateral Ventricle (inferior part)"}
    bundle.metadata["network_data_format"]["outputs"]["pred"]["channel_def"] = channels
    table, (warning,) = label_table(load_bundle(bundle.write()))
    assert "no label table" in warning
    assert [(label.value, label.name) for label in table] == [(1, "spleen"), (2, channels["2"])]
    assert table[0].type == {"scheme": "99CLARA", "value": "SPLEEN", "meaning": "spleen"}
    assert table[0].category["value"] == "123037004"
    assert len(table[1].type["value"]) <= 16
    assert table[0].colour_rgb != table[1].colour_rgb


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([row(1, "a"), row(1, "b")], "the value 1 is given twice"),
        ([row(1, "a"), row(2, "a")], "the name 'a' is given twice"),
        ([row(0, "a")], r"labels\[0\]\.value is 0, expected an integer of 1 to 65535"),
        ([row(True, "a")], r"labels\[0\]\.value is True"),
        ([row(1, " ")], r"labels\[0\]\.name is ' '"),
        ([row(1, "a", colour_rgb=[0, 0, 256])], r"labels\[0\]\.colour_rgb is \[0, 0, 256\]"),
        ([row(1, "a", type={"value": "1"})], r"labels\[0\]\.type is .*expected a code"),
        ([row(1, "a", laterality="left")], r"labels\[0\]\.laterality is 'left', expected a code"),
        (["a"], r"labels\[0\] is no object"),
        ({"1": "a"}, "labels .* is no list"),
    ],
)
def test_a_broken_table_is_refused_with_its_place(bundle, rows, text):
    bundle.metadata["labels"] = rows
    with pytest.raises(BadInputError, match=text):
        label_table(load_bundle(bundle.write()))


def test_a_bundle_that_names_nothing_is_refused(bundle):
    bundle.metadata = {"version": "1"}
    with pytest.raises(BadInputError, match="neither labels nor network_data_format"):
        label_table(load_bundle(bundle.write()))


def test_labels_above_255_make_a_map_of_16_bits(bundle, volume, run_stage):
    bundle.metadata["labels"] = [row(1, "a"), row(300, "b")]
    bundle.config["postprocessing"]["transforms"].insert(
        3, {"_target_": "Lambdad", "keys": "pred", "func": "$lambda x: x * 300"}
    )
    result = run_stage(volume, bundle.write())
    assert result.labels.dtype == np.uint16
    assert set(np.unique(result.labels)) == {0, 300}
    assert [item["segment_number"] for item in result.document["labels"]] == [None, 1]


def test_voxels_are_counted_by_value():
    labels = np.zeros((3, 4, 5), np.uint8)
    labels[0, 0] = 9
    assert count_voxels(labels) == {0: 55, 9: 5}


def test_a_folder_that_holds_the_bundle_one_level_down_is_explained(bundle):
    bundle.write()
    with pytest.raises(BadInputError, match=r"has no configs/metadata\.json") as caught:
        load_bundle(bundle.folder.parent)
    assert caught.value.remedy == "the bundle is one folder further down: zoo_blob"


def test_broken_json_is_named_with_its_line(bundle):
    folder = bundle.write()
    (folder / "configs" / "metadata.json").write_text('{"version": "1",\n nonsense}')
    with pytest.raises(BadInputError, match=r"configs/metadata\.json of the bundle zoo_blob is no JSON: .*line 2"):
        load_bundle(folder)


def test_a_bundle_without_an_inference_config_is_refused(bundle):
    bundle.config = {}
    with pytest.raises(BadInputError, match=r"no inference config, expected one of configs/inference\.json"):
        load_bundle(bundle.write())


def test_a_broken_inference_config_is_named(bundle, volume, run_stage):
    folder = bundle.write()
    (folder / "configs" / "inference.json").write_text(json.dumps(bundle.config)[:-5])
    with pytest.raises(BadInputError, match=r"configs/inference\.json of the bundle zoo_blob cannot be parsed"):
        run_stage(volume, folder)


def test_a_workflow_keeps_the_labels_it_names_and_no_other():
    labels = np.array([[[0, 1, 2, 3]]], np.uint8)
    assert clear_other_labels(labels, [3, 9]).tolist() == [[[0, 0, 0, 3]]]


def test_a_wanted_label_that_the_bundle_lacks_is_named_with_those_it_has(tmp_path):
    def label(value, name):
        return Label(
            value=value,
            name=name,
            category=ANATOMICAL_STRUCTURE,
            type=ANATOMICAL_STRUCTURE,
            laterality=None,
            anatomic_region=None,
            colour_rgb=(0, 0, 0),
        )

    table = [label(1, "liver"), label(2, "spleen")]
    assert [item.name for item in keep_labels(table, ["spleen"])] == ["spleen"]
    assert keep_labels(table, []) == table
    with pytest.raises(BadInputError, match="wants the label 'livre', the bundle has liver, spleen"):
        keep_labels(table, ["livre"])
