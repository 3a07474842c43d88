"""CEL rules over the facts: checked when loaded, evaluated when a study is there.

cel-python is imported when the first rule is compiled, so that the contract itself needs nothing.
"""

import difflib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from clara_stages.kit.contract.facts import SAMPLE_SERIES, SAMPLE_STUDY

SAMPLES: dict[str, dict[str, Any]] = {"study": SAMPLE_STUDY, "series": SAMPLE_SERIES}
"""Variable a rule may use -> its typed sample."""

_FIELD = re.compile(r"(\w+|[)\]])\s*\.\s*([A-Za-z_]\w*)\b(?!\s*\()")
"""``owner.name`` that is no method call; the owner may end in a bracket."""

_TEXT = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'")


class RuleError(ValueError):
    """A rule does not compile, names something unknown, or does not answer true or false."""


@lru_cache(maxsize=512)
def _program(rule: str) -> Any:
    import celpy  # 80 ms, and only rules need it

    environment = celpy.Environment()
    try:
        return environment.program(environment.compile(rule))
    except celpy.CELParseError as error:
        raise RuleError(f"{rule!r} is no CEL expression: {str(error).splitlines()[0]}") from None


def evaluate_rule(rule: str, variable: str, facts: Mapping[str, Any]) -> bool:
    """Whether a rule holds for the facts of one study or series.

    Args:
        rule: CEL, for example ``series.modality == "CT"``.
        variable: ``study`` or ``series``: the name the rule knows the facts by.
        facts: What ``build_study_facts`` or ``build_series_facts`` made.

    Raises:
        RuleError: The rule does not compile, fails on these facts, or answers something else than true or false.
    """
    import celpy

    return _evaluate(rule, variable, celpy.json_to_cel(dict(facts)))


def _evaluate(rule: str, variable: str, facts: Any) -> bool:
    import celpy
    import celpy.celtypes

    program = _program(rule)
    try:
        answer = program.evaluate({variable: facts})
    except celpy.CELEvalError as error:
        raise RuleError(f"{rule!r} cannot be evaluated: {_cause(error)}{_nearest(rule, variable)}") from None
    if not isinstance(answer, (bool, celpy.celtypes.BoolType)):
        raise RuleError(f"{rule!r} answers {answer!r}, expected true or false: compare the value with something")
    return bool(answer)


def check_rule(rule: str, variable: str) -> None:
    """Refuse a rule that could not be evaluated later, by trying it on the typed sample.

    Raises:
        RuleError: See ``evaluate_rule``; an unknown name comes with the nearest known one.
    """
    unknown = _unknown_names(rule, variable)
    if unknown:
        raise RuleError(f"{rule!r} names the unknown {unknown[0][0]!r}{_nearest(rule, variable)}")
    _evaluate(rule, variable, _sample(variable))


@lru_cache(maxsize=2)
def _sample(variable: str) -> Any:
    import celpy

    return celpy.json_to_cel(SAMPLES[variable])


def _known_names(variable: str, owner: str) -> set[str]:
    """Facts that may follow ``owner.``: a study's after ``study``, else a series'."""
    if owner == variable or variable == "series":
        return set(SAMPLES[variable])
    return set(SAMPLE_SERIES)


def _unknown_names(rule: str, variable: str) -> list[tuple[str, str]]:
    # cel-python is not typed: a short-circuited branch would hide a misspelt fact until a study meets it.
    fields = _FIELD.findall(_TEXT.sub('""', rule))
    return [(name, owner) for owner, name in fields if name not in _known_names(variable, owner)]


def _nearest(rule: str, variable: str) -> str:
    for name, owner in _unknown_names(rule, variable):
        known = sorted(_known_names(variable, owner))
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        return f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"
    return ""


def _cause(error: Exception) -> str:
    text = " ".join(str(part) for part in error.args[:1])
    return text.splitlines()[0] if text else type(error).__name__
