"""CEL rules over the facts: checked when loaded, evaluated when a study is there.

cel-python is imported when the first rule is compiled, so that the contract itself needs nothing.
"""

import difflib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from clara_stages.kit.contract.facts import SAMPLE_ANNOTATION, SAMPLE_SERIES, SAMPLE_STUDY, SAMPLE_VOLUME

SAMPLES: dict[str, dict[str, dict[str, Any]]] = {
    "study": {"study": SAMPLE_STUDY},
    "series": {"series": SAMPLE_SERIES, "volume": SAMPLE_VOLUME},
    "annotation": {"annotation": SAMPLE_ANNOTATION},
}
"""What a rule is about -> the variables it may use, each with its typed sample."""

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


def evaluate_rule(rule: str, **facts: Mapping[str, Any]) -> bool:
    """Whether a rule holds for some facts.

    Args:
        rule: CEL, for example ``series.modality == "CT"``.
        facts: Under the names that the rule knows them by; those of one entry of ``SAMPLES``.

    Raises:
        RuleError: The rule does not compile, fails on these facts, or answers something else than true or false.
    """
    import celpy

    return _evaluate(rule, {name: celpy.json_to_cel(dict(value)) for name, value in facts.items()})


def _evaluate(rule: str, variables: Mapping[str, Any]) -> bool:
    import celpy
    import celpy.celtypes

    program = _program(rule)
    try:
        answer = program.evaluate(dict(variables))
    except celpy.CELEvalError as error:
        subject = next(name for name, samples in SAMPLES.items() if variables.keys() <= samples.keys())
        nearest = _nearest(rule, subject)
        raise RuleError(f"{rule!r} cannot be evaluated: {_cause(error)}{nearest}") from None
    if not isinstance(answer, (bool, celpy.celtypes.BoolType)):
        # The type alone: the value may be a description, in which a person typed a name.
        kind = type(answer).__name__.removesuffix("Type").lower()
        raise RuleError(f"{rule!r} answers a {kind}, expected true or false: compare the value with something")
    return bool(answer)


def check_rule(rule: str, subject: str) -> None:
    """Refuse a rule that could not be evaluated later, by trying it on the typed samples.

    Args:
        rule: CEL.
        subject: A key of ``SAMPLES``: what the rule is about.

    Raises:
        RuleError: See ``evaluate_rule``; an unknown name comes with the nearest known one.
    """
    unknown = _unknown_names(rule, subject)
    if unknown:
        raise RuleError(f"{rule!r} names the unknown {unknown[0][0]!r}{_nearest(rule, subject)}")
    _evaluate(rule, _samples(subject))


@lru_cache(maxsize=len(SAMPLES))
def _samples(subject: str) -> dict[str, Any]:
    import celpy

    return {name: celpy.json_to_cel(sample) for name, sample in SAMPLES[subject].items()}


def _known_names(subject: str, owner: str) -> set[str]:
    """Facts that may follow ``owner.``; an owner that is no variable stands for one of the series of a study."""
    return set(SAMPLES[subject].get(owner, SAMPLE_SERIES))


def _unknown_names(rule: str, subject: str) -> list[tuple[str, str]]:
    # cel-python is not typed: a short-circuited branch would hide a misspelt fact until a study meets it.
    fields = _FIELD.findall(_TEXT.sub('""', rule))
    return [(name, owner) for owner, name in fields if name not in _known_names(subject, owner)]


def _nearest(rule: str, subject: str) -> str:
    for name, owner in _unknown_names(rule, subject):
        known = sorted(_known_names(subject, owner))
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        return f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"
    return ""


def _cause(error: Exception) -> str:
    text = " ".join(str(part) for part in error.args[:1])
    return text.splitlines()[0] if text else type(error).__name__
