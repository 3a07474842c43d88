"""A stage's parameters: a frozen dataclass is the only place that names them."""

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from clara_stages.kit.errors import BadInputError

P = TypeVar("P")


def parse_params(cls: type[P], values: Mapping[str, Any]) -> P:
    """The parameters of a stage, type-checked.

    Args:
        cls: A dataclass whose fields are plain types (``str``, ``int``, ``float``, ``bool``, lists and options of
            these).
        values: Names -> values of the request or the command line.

    Raises:
        BadInputError: An unknown or missing name, or a value of another type.
    """
    hints = typing.get_type_hints(cls)
    known = {item.name: item for item in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known) or 'none'}"
            raise BadInputError(f"unknown parameter {name!r}", remedy=hint)
    for name, item in known.items():
        required = item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
        if required and name not in values:
            raise BadInputError(f"parameter {name!r} is missing", remedy=f"give --param {name}=...")
    return cls(**{name: _convert(name, value, hints[name]) for name, value in values.items()})


def _convert(name: str, value: Any, hint: Any) -> Any:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        options = typing.get_args(hint)
        if value is None and type(None) in options:
            return None
        return _convert(name, value, next(option for option in options if option is not type(None)))
    if origin is list and isinstance(value, (list, tuple)):
        (item_hint,) = typing.get_args(hint)
        return [_convert(name, item, item_hint) for item in value]
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    expected = origin or hint
    if hint is Any or (isinstance(value, expected) and not (isinstance(value, bool) and expected is not bool)):
        return value
    wanted = getattr(hint, "__name__", None) if origin is None else str(hint)
    raise BadInputError(
        f"parameter {name!r} is {value!r} ({type(value).__name__}), expected {wanted}",
        remedy="correct the workflow's params, or the --param on the command line",
    )
