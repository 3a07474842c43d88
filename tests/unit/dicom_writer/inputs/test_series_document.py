import copy
import json

import pytest

from clara_stages.dicom_writer.inputs.series_document import load_series_document, parse_series_document
from clara_stages.kit import BadInputError
from tests.support.writing import write_inputs


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    found = {}
    for geometry in ("axial", "tilted", "enhanced_4d"):
        folder = write_inputs(tmp_path_factory.mktemp(geometry), geometry, shape=(12, 9, 6))["volume"]
        found[geometry] = json.loads((folder / "series.json").read_text())
    return found


def test_what_the_reader_writes_is_understood(documents):
    axial, tilted, four = (parse_series_document(document) for document in documents.values())
    assert (axial.modality, axial.unit, axial.shape, axial.patient_space) == ("CT", "HU", (12, 9, 6), True)
    assert (axial.origin_index, axial.time_points) == (None, 1)
    assert tilted.origin_index.shape == (6, 3)
    assert tilted.tilt_degrees == pytest.approx(14)
    assert four.time_points == 3
    assert [image.frame for image in four.images_at(1)] == list(range(7, 13))


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("modality",), KeyError, "modality is missing"),
        (("unit",), 1, "unit is int, expected str"),
        (("patient_space",), 1, "patient_space is int, expected bool"),
        (("shape",), [12, 9], r"shape is \[12, 9\], expected three or four numbers above 0"),
        (("shape",), [12, 9, -6], "expected three or four numbers above 0"),
        (("shape",), [12, 9, 6, 2], "slices has 6 images of time point 0|slices has 0 images of time point 1"),
        (("shape",), [12, 9, 7], "slices has 6 images of time point 0, expected 7"),
        (("slices",), {}, "slices is dict, expected list"),
        (("slices", 0), None, r"slices\[0\] is NoneType, expected an object"),
        (("slices", 0, "frame"), 0, r"slices\[0\] has frame 0"),
        (("slices", 0, "frame"), "1", r"slices\[0\].frame is str, expected int or NoneType"),
        (("slices", 0, "t"), 1, "slices name time point 1, the shape has 1"),
        (("slices", 0, "t"), -1, r"slices\[0\] has frame None and t -1"),
        (("slices", 0, "t"), True, r"slices\[0\].t is bool, expected int"),
        (("slices", 0, "sop_instance_uid"), "", "and a sop_instance_uid"),
        (("transform",), [], "transform is list, expected an object"),
        (("transform",), {"degrees": 1.0}, "transform.source_origin_index is missing"),
        (("transform",), {"degrees": 1.0, "source_origin_index": [[0, 0]]}, "no list of three numbers for each slice"),
        (("transform",), {"degrees": 1.0, "source_origin_index": [["a", 0, 0]]}, "no list of three numbers"),
        (("transform",), {"degrees": 1.0, "source_origin_index": [[0, 0, 0]]}, "6 images of time point 0, expected 1"),
    ],
)
def test_a_fault_is_named_with_its_place(documents, path, value, words):
    changed = copy.deepcopy(documents["axial"])
    holder = changed
    *parents, last = path
    for part in parents:
        holder = holder[part]
    if value is KeyError:
        del holder[last]
    else:
        holder[last] = value
    with pytest.raises(BadInputError, match=rf"series\.json: .*{words}"):
        parse_series_document(changed)


@pytest.mark.parametrize(
    ("text", "words"), [("{", "cannot be read"), ("[" * 200000, "cannot be read"), ("[]", "the document is list")]
)
def test_a_file_that_is_no_document_is_named(tmp_path, text, words):
    (tmp_path / "series.json").write_text(text)
    with pytest.raises(BadInputError, match=rf"series\.json.* {words}"):
        load_series_document(tmp_path / "series.json")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BadInputError, match=r"series\.json is missing"):
        load_series_document(tmp_path / "series.json")
