import copy
import json

import pytest

from clara_stages.dicom_writer.inputs.label_table import load_label_table, parse_label_table
from clara_stages.kit import BadInputError


def code(value, meaning, scheme="SCT"):
    return {"scheme": scheme, "value": value, "meaning": meaning}


def label(value, number, name, voxels, **fields):
    return {
        "value": value, "segment_number": number, "name": name, "voxels": voxels,
        "category": code("123037004", "Anatomical Structure"), "type": code("10200004", "Liver"),
        "laterality": None, "anatomic_region": None, "colour_rgb": [221, 130, 101],
    } | fields  # fmt: skip


@pytest.fixture
def document():
    return {
        "algorithm": {
            "name": "ct_organ_seg", "version": "1.0.0", "digest": "ab" * 32,
            "family": code("123110", "Artificial Intelligence", "DCM"),
        },
        "intended_use": "Demonstration.", "series_description": "Organs", "content_label": "DEMONSTRATION",
        "labels": [
            label(2, 1, "liver", 210),
            label(7, 2, "left kidney", 43, laterality=code("7771000", "Left")),
            label(9, None, "spleen", 0),
        ],
    }  # fmt: skip


def test_labels_without_a_voxel_are_absent_and_numbered_after_the_others(document):
    table = parse_label_table(document)
    assert [(item.segment_number, item.name) for item in table.labels] == [(1, "liver"), (2, "left kidney")]
    assert [(item.segment_number, item.name, item.voxels) for item in table.absent] == [(3, "spleen", 0)]
    assert table.by_number(3).name == "spleen"
    with pytest.raises(KeyError):
        table.by_number(4)


def test_segments_are_in_order_of_their_numbers(document):
    document["labels"].reverse()
    assert [item.value for item in parse_label_table(document).labels] == [2, 7]


def test_segments_lie_in_channels_one_after_the_other_unless_the_table_says_otherwise(document):
    document["labels"][0]["channel"] = 4
    document["labels"][1]["channel"] = None
    assert [item.channel for item in parse_label_table(document).labels] == [4, 1]


def test_who_drew_a_segment_is_the_algorithm_unless_the_table_says_otherwise(document):
    document["labels"][1]["algorithm_type"] = ""
    assert [item.algorithm_type for item in parse_label_table(document).labels] == ["AUTOMATIC", ""]
    document["labels"][1]["algorithm_type"] = "MANUAL"
    assert parse_label_table(document).labels[1].algorithm_type == "MANUAL"


def test_the_interpreted_type_is_taken_over(document):
    document["labels"][0]["interpreted_type"] = "ORGAN"
    document["labels"][1]["interpreted_type"] = None
    assert [item.interpreted_type for item in parse_label_table(document).labels] == ["ORGAN", ""]


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(BadInputError, match=r"labels\.json is missing: it stands beside the voxels"):
        load_label_table(tmp_path)


def test_a_table_that_is_no_json_says_where(tmp_path):
    (tmp_path / "labels.json").write_text('{"algorithm": ')
    with pytest.raises(BadInputError, match=r"labels\.json cannot be read: .*line 1 column"):
        load_label_table(tmp_path)


def test_a_table_that_is_nested_beyond_reason_is_refused(tmp_path):
    (tmp_path / "labels.json").write_text("[" * 200000)
    with pytest.raises(BadInputError, match=r"labels\.json cannot be read"):
        load_label_table(tmp_path)


def test_a_table_is_read_from_its_folder(tmp_path, document):
    (tmp_path / "labels.json").write_text(json.dumps(document))
    assert load_label_table(tmp_path).content_label == "DEMONSTRATION"


def broken(document, path, value):
    changed = copy.deepcopy(document)
    holder = changed
    *parents, last = path
    for part in parents:
        holder = holder[part]
    if value is KeyError:
        del holder[last]
    else:
        holder[last] = value
    return changed


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("labels",), KeyError, "labels is missing"),
        (("labels",), {}, "labels is dict, expected list"),
        (("intended_use",), "  ", "intended_use is empty, expected a text"),
        (("algorithm", "version"), 1, "algorithm.version is int, expected str"),
        (("algorithm", "family"), None, "algorithm.family is NoneType, expected dict"),
        (("labels", 0), "liver", r"labels\[0\] is str, expected an object"),
        (("labels", 0, "value"), True, r"labels\[0\].value is bool, expected int"),
        (("labels", 0, "value"), 0, "has value 0 and segment_number 1; both start at 1"),
        (("labels", 1, "value"), 2, "two labels have the same value"),
        (("labels", 1, "segment_number"), 3, r"segment numbers are \[1, 3\], expected 1\.\.2"),
        (("labels", 1, "segment_number"), None, "a label with voxels has a segment_number"),
        (("labels", 2, "segment_number"), 3, "has 0 voxels and segment_number 3"),
        (("labels", 0, "type", "meaning"), KeyError, r"labels\[0\].type.meaning is missing"),
        (("labels", 1, "laterality"), "left", r"labels\[1\].laterality is str, expected dict"),
        (("labels", 0, "colour_rgb"), [1, 2, 256], r"colour_rgb is \[1, 2, 256\], expected three integers 0\.\.255"),
        (("labels", 0, "colour_rgb"), [1, 2], "expected three integers"),
        (("intended_use",), None, "intended_use is NoneType, expected str"),
        (("intended_use",), KeyError, "intended_use is missing"),
        (("labels", 0, "algorithm_type"), "manual", "expected AUTOMATIC or SEMIAUTOMATIC or MANUAL"),
        (("labels", 0, "algorithm_type"), "HUMAN", "expected AUTOMATIC or SEMIAUTOMATIC or MANUAL"),
        (("labels", 0, "algorithm_type"), 1, "expected AUTOMATIC or SEMIAUTOMATIC or MANUAL"),
        (("labels", 0, "algorithm_type"), 0, "expected AUTOMATIC or SEMIAUTOMATIC or MANUAL"),
        (("labels", 0, "algorithm_type"), False, "expected AUTOMATIC or SEMIAUTOMATIC or MANUAL"),
        (("labels", 0, "algorithm_type"), ["MANUAL"], "expected AUTOMATIC or SEMIAUTOMATIC or MANUAL"),
        (("labels", 0, "algorithm_type"), {}, "expected AUTOMATIC or SEMIAUTOMATIC or MANUAL"),
        (("labels", 0, "voxels"), -1, "has -1 voxels"),
        (("labels", 1, "channel"), -1, r"labels\[1\].channel is -1, expected at least 0"),
        (("labels", 1, "channel"), "2", r"labels\[1\].channel is str, expected int"),
        (("labels", 0, "interpreted_type"), "organ", "interpreted_type is 'organ', expected a code string"),
        (("labels", 2, "name"), "", r"labels\[2\].name is empty"),
    ],
)
def test_a_fault_in_the_table_is_named_with_its_place(document, path, value, words):
    with pytest.raises(BadInputError, match=words):
        parse_label_table(broken(document, path, value))


def test_a_table_that_is_a_list_is_refused():
    with pytest.raises(BadInputError, match="the document is list, expected an object"):
        parse_label_table([])


def test_an_algorithm_without_a_digest_is_allowed(document):
    del document["algorithm"]["digest"]
    assert parse_label_table(document).algorithm.digest == ""


def test_a_table_whose_labels_all_lack_voxels_is_valid(document):
    for item in document["labels"]:
        item["segment_number"], item["voxels"] = None, 0
    table = parse_label_table(document)
    assert (table.labels, [item.segment_number for item in table.absent]) == ((), [1, 2, 3])


def test_a_bundle_that_states_no_use_leaves_it_empty(document):
    document["intended_use"] = ""
    assert parse_label_table(document).intended_use == ""
