"""Parameters are a dataclass: names and types are checked, nothing is guessed."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from clara_stages.kit import BadInputError
from clara_stages.kit.params import parse_params


@dataclass(frozen=True, kw_only=True)
class Params:
    name: str
    size_mm: float = 1.0
    count: int = 1
    on: bool = False
    rules: list[str] = field(default_factory=list)
    region: list[float] | None = None
    anything: Any = None


@dataclass(frozen=True)
class NoParams:
    pass


def test_values_take_their_types_and_the_rest_the_defaults():
    params = parse_params(Params, {"name": "a", "size_mm": 2, "region": [1, 2.5], "anything": {"x": 1}})
    assert params == Params(name="a", size_mm=2.0, region=[1.0, 2.5], anything={"x": 1})
    assert parse_params(Params, {"name": "a", "region": None}).region is None


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "parameter 'name' is missing"),
        ({"name": 1}, r"parameter 'name' is 1 \(int\), expected str"),
        ({"name": "a", "count": 1.5}, r"parameter 'count' is 1.5 \(float\), expected int"),
        ({"name": "a", "count": True}, r"parameter 'count' is True \(bool\), expected int"),
        ({"name": "a", "on": 1}, r"parameter 'on' is 1 \(int\), expected bool"),
        ({"name": "a", "rules": "x"}, r"parameter 'rules' is 'x' \(str\), expected list\[str\]"),
        ({"name": "a", "region": ["x"]}, r"parameter 'region' is 'x' \(str\), expected float"),
        ({"name": "a", "contu": 1}, "unknown parameter 'contu'"),
    ],
)
def test_anything_else_is_bad_input(values, said):
    with pytest.raises(BadInputError, match=said):
        parse_params(Params, values)


def test_an_unknown_name_comes_with_the_nearest_or_with_all():
    with pytest.raises(BadInputError) as near:
        parse_params(Params, {"name": "a", "conut": 1})
    assert near.value.remedy == "did you mean 'count'?"
    with pytest.raises(BadInputError) as none:
        parse_params(NoParams, {"x": 1})
    assert none.value.remedy == "known are none"
