"""Names and words for the parts of a series."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from clara_stages.dicom_reader.headers.frame import Attributes, Frame
from clara_stages.dicom_reader.splitting.candidates import SEPARATORS, TIMES, Candidate
from clara_stages.dicom_reader.splitting.drafts import Draft
from clara_stages.dicom_reader.splitting.parts import Part, Value
from clara_stages.dicom_reader.splitting.steps import Step

_LONGEST_NAME = 48
"""Characters: with the rest of a path it stays far below 255."""

_ROOM_FOR_NUMBER = 6
"""Characters kept free for the number that makes a name unique."""

_LISTED_VALUES = 8
"""Values that a message lists; of 64 directions the number says more."""

_NAME_OF_KIND = {"stack": "volume", "image": "image", "refused": "colour"}

_NO_RULE = ("acquisition_time_s", "content_time_s", "dimension_index_values", "stack_position", "diffusion_direction")
"""Attributes that a rule cannot use: dates, which may tell who somebody is, and what numbers the frames of a stack."""

_CANDIDATES = {candidate.attribute: candidate for candidate in (*SEPARATORS, *TIMES)}
_TIME_WORDS = {candidate.attribute: candidate.words for candidate in TIMES}


def name_parts(drafts: Sequence[Draft]) -> tuple[Part, ...]:
    """Parts of drafts, with names that are unique among them; the order stays."""
    values = [part_values(draft) for draft in drafts]
    bases = [_base_name(draft, known) for draft, known in zip(drafts, values, strict=True)]
    names = _unique(bases)
    return tuple(
        Part(
            name=name,
            values=known,
            times=draft.times,
            time_values=draft.time_values,
            time_attribute=draft.time_attribute,
            explanation=_explanation(draft),
            kind_of=draft.kind_of,
        )
        for draft, known, name in zip(drafts, values, names, strict=True)
    )


def part_values(draft: Draft) -> dict[str, Value]:
    """``Part.values`` of a draft."""
    attributes = [frame.attributes for frame in draft.frames if not frame.instance.fault]
    values: dict[str, Value] = {}
    for field in fields(Attributes):
        if field.name in _NO_RULE or not attributes:
            continue
        common = _common([getattr(item, field.name) for item in attributes], _CANDIDATES.get(field.name))
        if common is not None and common not in ("", ()):
            values[field.name] = "/".join(common) if isinstance(common, tuple) else common
    return values | {step.attribute: step.value for step in draft.steps if step.value is not None}


def _common(found: list[Any], candidate: Candidate | None) -> Any:
    """The one value that all have, but for rounding, or None."""
    first = found[0]
    if isinstance(first, float) and candidate is not None and None not in found:
        tolerance = candidate.absolute + candidate.relative * abs(first)
        return first if max(found) - min(found) <= tolerance else None
    return first if all(value == first for value in found) else None


def _base_name(draft: Draft, values: dict[str, Value]) -> str:
    texts = []
    for step in draft.steps:
        texts.append(step.name)
        if step.attribute == "echo_number" and "echo_time_ms" in values:
            texts.append(f"te{values['echo_time_ms']:.6g}ms")
    name = "-".join(filter(None, map(_safe, texts)))
    return name[: _LONGEST_NAME - _ROOM_FOR_NUMBER].strip("-._") or _NAME_OF_KIND[draft.kind_of]


def _safe(text: str) -> str:
    return re.sub(r"[^a-z0-9._]+|\.{2,}", "-", text.lower()).strip("-._")


def _unique(bases: Sequence[str]) -> list[str]:
    """Names that occur several times get a number, from 1."""
    counts, taken = Counter(bases), {base for base in bases}
    names, used = [], Counter[str]()
    for base in bases:
        if counts[base] == 1:
            names.append(base)
            continue
        while True:
            used[base] += 1
            name = f"{base}{'-' if base[-1].isdigit() else ''}{used[base]}"
            if name not in taken:
                break
        taken.add(name)
        names.append(name)
    return names


def _explanation(draft: Draft) -> str:
    texts = [", ".join(map(_step_words, draft.steps))] if draft.steps else []
    return "; ".join(filter(None, [*texts, _content(draft), *draft.notes]))


def _step_words(step: Step) -> str:
    return f"{step.words} {step.shown}{f' {step.unit}' if step.unit and step.value is not None else ''}"


def _content(draft: Draft) -> str:
    """What is not plain to see: time points, and places that repeat."""
    if draft.kind_of != "stack":
        return ""
    if len(draft.times) > 1:
        lengths = sorted({len(stack) for stack in draft.times})
        words = _TIME_WORDS.get(draft.time_attribute, draft.time_attribute)
        slices = (
            f"{lengths[0]} slices each" if len(lengths) == 1 else f"{lengths[0]} to {lengths[-1]} slices: some lost"
        )
        return f"{len(draft.times)} time points by {words}, {slices}"
    return "" if draft.is_explained else "positions repeat, and nothing in the headers tells volumes apart"


def describe_split(drafts: Sequence[Draft]) -> tuple[str, ...]:
    """``Split.by``: each attribute once, in the order in which they were used, with its values."""
    found: dict[str, tuple[Step, dict[str, None]]] = {}
    times: dict[str, set[int]] = {}
    for draft in drafts:
        for step in draft.steps:
            found.setdefault(step.attribute, (step, {}))[1].setdefault(step.shown)
        if draft.kind_of == "stack" and len(draft.times) > 1:
            times.setdefault(draft.time_attribute, set()).add(len(draft.times))
    texts = [_values_words(step, list(values)) for step, values in found.values()]
    for attribute, counts in times.items():
        words = _TIME_WORDS.get(attribute, attribute)
        texts.append(f"{words}: {' or '.join(map(str, sorted(counts)))} time points")
    return tuple(texts)


def _values_words(step: Step, shown: list[str]) -> str:
    unit = f" {step.unit}" if step.unit else ""
    if len(shown) > _LISTED_VALUES:
        return f"{step.words}: {len(shown)} values from {shown[0]} to {shown[-1]}{unit}"
    return f"{step.words}: {', '.join(shown)}{unit}"


def frame_times(frames: Sequence[Frame]) -> float:
    """When the first of some frames was acquired, else made; infinity where no header says it."""
    known = [
        time
        for frame in frames
        for time in (frame.attributes.acquisition_time_s, frame.attributes.content_time_s)
        if time is not None
    ]
    return min(known, default=float("inf"))
