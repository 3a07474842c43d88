import copy
import json

import numpy as np
import pytest

from clara_stages.dicom_writer.label_table import load_label_table, parse_label_table
from clara_stages.kit import BadInputError


@pytest.fixture
def document(build):
    return build.label_document(build.example_values())


def test_labels_without_a_voxel_become_no_segment(document):
    table = parse_label_table(document)
    assert [(label.segment_number, label.name) for label in table.labels] == [(1, "liver"), (2, "left kidney")]


def test_segments_are_in_order_of_their_numbers(document):
    document["labels"].reverse()
    assert [label.value for label in parse_label_table(document).labels] == [2, 7]


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(BadInputError, match=r"labels\.json is missing: a label map needs it"):
        load_label_table(tmp_path)


def test_a_table_that_is_no_json_says_where(tmp_path):
    (tmp_path / "labels.json").write_text('{"algorithm": ')
    with pytest.raises(BadInputError, match=r"labels\.json cannot be read: .*line 1 column"):
        load_label_table(tmp_path)


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


def test_a_map_with_no_labels_is_valid(build):
    empty = build.label_document(np.zeros(build.shape, dtype=np.uint8))
    for label in empty["labels"]:
        label["segment_number"] = None
    assert parse_label_table(json.loads(json.dumps(empty))).labels == ()


def test_a_bundle_that_states_no_use_leaves_it_empty(document):
    document["intended_use"] = ""
    assert parse_label_table(document).intended_use == ""


@pytest.mark.parametrize(
    ("stated", "meant"),
    [("AUTOMATIC", "AUTOMATIC"), ("SEMIAUTOMATIC", "SEMIAUTOMATIC"), ("MANUAL", "MANUAL"), ("", "AUTOMATIC"),
     (None, "AUTOMATIC")],
)  # fmt: skip
def test_who_drew_a_segment_is_kept(document, stated, meant):
    document["labels"][0]["algorithm_type"] = stated
    first, second = parse_label_table(document).labels
    assert (first.algorithm_type, second.algorithm_type) == (meant, "AUTOMATIC")
