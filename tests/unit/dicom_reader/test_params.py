import dataclasses

import pytest

from clara_ops.workflow import load_catalog
from clara_stages.dicom_reader.params import CHOICES, Params
from clara_stages.kit import BadInputError
from clara_stages.kit.params import parse_params

MANIFEST = load_catalog().entries["dicom_reader"].manifest.params
TYPES = {"str": "string", "bool": "boolean", "int": "integer"}


def test_the_manifest_lists_the_words_that_the_code_accepts():
    assert {name: tuple(schema["enum"]) for name, schema in MANIFEST.items() if "enum" in schema} == CHOICES


@pytest.mark.parametrize("field", dataclasses.fields(Params), ids=lambda field: field.name)
def test_the_manifest_has_type_and_default_of_each_parameter(field):
    schema = MANIFEST[field.name]
    assert schema["type"] == TYPES[getattr(field.type, "__name__", field.type)]
    assert schema["default"] == field.default
    assert type(schema["default"]) is type(field.default)


@pytest.mark.parametrize("name", CHOICES)
@pytest.mark.parametrize("word", ["", "ALL", "nonsense"])
def test_a_wrong_word_is_refused_with_the_right_ones(name, word):
    with pytest.raises(BadInputError) as caught:
        parse_params(Params, {name: word})
    assert caught.value.message == f"parameter {name!r} is {word!r}, expected {' or '.join(CHOICES[name])}"


@pytest.mark.parametrize("field", dataclasses.fields(Params), ids=lambda field: field.name)
@pytest.mark.parametrize("value", [None, [], 1.5, {"a": 1}])
def test_a_value_of_another_type_is_refused_by_name(field, value):
    with pytest.raises(BadInputError, match=f"parameter '{field.name}' is "):
        parse_params(Params, {field.name: value})


@pytest.mark.parametrize(("name", "value"), [("images", 1), ("images", "true"), ("max_voxels", True), ("select", 1)])
def test_numbers_texts_and_truth_are_not_mixed_up(name, value):
    with pytest.raises(BadInputError, match=f"parameter '{name}' is "):
        parse_params(Params, {name: value})


@pytest.mark.parametrize("name", ["max_voxels", "max_header_mib"])
@pytest.mark.parametrize("value", [0, -1])
def test_a_limit_is_positive(name, value):
    with pytest.raises(BadInputError, match=f"parameter '{name}' is {value}, expected at least 1"):
        parse_params(Params, {name: value})


def test_every_parameter_reaches_policy_and_limits():
    given = Params(
        tilt="shear", spacing="resample", bad_files="leave_out", pet="activity", max_voxels=7, max_header_mib=3
    )
    assert (given.policy.geometry.tilt, given.policy.geometry.spacing) == ("shear", "resample")
    assert (given.policy.leave_out_bad, given.policy.pet) == (True, "activity")
    assert (given.limits.max_voxels, given.limits.max_header_mib) == (7, 3)
