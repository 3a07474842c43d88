"""Which of the volumes of a study the stage makes."""

from collections.abc import Sequence
from dataclasses import dataclass

from clara_stages.dicom_reader.planning.time_points import join_volumes, single_time_points
from clara_stages.dicom_reader.planning.volume_plan import Verdict, VolumePlan
from clara_stages.kit import BadInputError
from clara_stages.kit.contract.rules import RuleError, evaluate_rule

DOMINANCE = 2
"""Of the volumes of one series, one is taken without being named only where it has this many times the slices of the
next: a stack beside three slices of bolus tracking. Phases, b-values and echoes are of like size, and which of them is
meant is for the workflow to say."""

_LISTED = 12
"""Volumes that an error lists; a study with more is not understood from a list."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What is to be made, and why it was this where several matched ("" where it was the only one)."""

    plans: tuple[VolumePlan, ...]
    choice: str = ""


def choose(plans: Sequence[VolumePlan], rule: str, *, volumes: str = "one", images: bool = False) -> Selection:
    """The volumes that a rule selects.

    Of several series that match, the one with most slices is taken, then the one with the lowest Series Number, then
    with the lowest UID.

    Args:
        plans: Of all series of a study.
        rule: CEL over ``series`` and ``volume``; "" matches everything that can be made.
        volumes: ``one``, ``all`` that match, or ``4d``: one, with its time points.
        images: Whether single images and cine count too.

    Raises:
        BadInputError: The rule fails, nothing matches, none that matches can be made, several volumes of one series
            match, or those that match belong to several studies.
    """
    candidates = _candidates(plans, volumes)
    matching = [plan for plan in candidates if _matches(rule, plan, images)]
    usable = [plan for plan in matching if _is_usable(plan, images)]
    if not usable:
        raise _nothing_usable(candidates, matching, rule)
    studies = len({plan.series.study_instance_uid for plan in usable})
    if studies > 1:
        raise BadInputError(
            f"{len(usable)} matching volumes belong to {studies} studies; one run is about one study",
            remedy='give a folder of one study, or select one: series.series_instance_uid == "..."',
        )
    ranked = sorted(usable, key=_rank)
    if volumes == "all":
        return Selection(plans=tuple(usable))
    _require_dominant(ranked[0], usable)
    if len(matching) == 1:
        return Selection(plans=(ranked[0],))
    return Selection(
        plans=(ranked[0],),
        choice=f"{len(matching)} volumes match {_shown(rule)}; taken is {_described(ranked[0])}, {_reason(ranked)}",
    )


def _candidates(plans: Sequence[VolumePlan], volumes: str) -> list[VolumePlan]:
    if volumes != "4d":
        return [point for plan in plans for point in single_time_points(plan)]
    by_series: dict[int, list[VolumePlan]] = {}
    for plan in plans:
        by_series.setdefault(id(plan.series), []).append(plan)
    return [plan for group in by_series.values() for plan in join_volumes(group)]


def _is_usable(plan: VolumePlan, images: bool) -> bool:
    """Whether a plan may be chosen; a damaged stack may, so that the error about it is seen."""
    if plan.verdict is Verdict.IMAGE:
        return images
    return plan.verdict is not Verdict.REFUSED or plan.was_meant


def _matches(rule: str, plan: VolumePlan, images: bool) -> bool:
    if not rule:
        return _is_usable(plan, images)
    try:
        return evaluate_rule(rule, series=plan.series.facts, volume=plan.facts)
    except RuleError as error:
        raise BadInputError(f"parameter 'select': {error}", remedy="correct the rule in the workflow") from None


def _require_dominant(first: VolumePlan, usable: Sequence[VolumePlan]) -> None:
    """Refuse to guess between volumes of like size in the series of the first."""
    least = _slices(first) / DOMINANCE
    names = [plan.name for plan in usable if plan.series is first.series and _slices(plan) > least]
    if len(names) > 1:
        shown = ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
        by = f" (told apart by {' and '.join(first.split_by)})" if first.split_by else ""
        raise BadInputError(
            f"{first.series.describe()}, holds {len(names)} volumes{by}: {shown}; one is expected",
            remedy=f'select one, for example volume.name == "{names[0]}", or read them all by `volumes: all` or `4d`',
        )


def _slices(plan: VolumePlan) -> int:
    return len(plan.stacks[0])


def _rank(plan: VolumePlan) -> tuple[int, int, int, str, str]:
    facts = plan.series.facts
    return plan.verdict is Verdict.IMAGE, -_slices(plan), facts["number"], facts["series_instance_uid"], plan.name


def _reason(ranked: Sequence[VolumePlan]) -> str:
    if len(ranked) == 1:
        return "the only one that " + ("can be read" if ranked[0].verdict is Verdict.IMAGE else "is a stack of slices")
    first, second = ranked[:2]
    if _slices(first) > _slices(second):
        return f"which has most slices (the next has {_slices(second)})"
    if first.series.facts["number"] < second.series.facts["number"]:
        return "which of those with most slices has the lowest Series Number"
    return "which of those with most slices and the lowest Series Number has the lowest UID"


def _nothing_usable(plans: Sequence[VolumePlan], matching: Sequence[VolumePlan], rule: str) -> BadInputError:
    if matching:
        what = f"none of the {len(matching)} volumes that match {_shown(rule)} can be made"
    else:
        what = f"none of {len(plans)} volumes " + (f"matches {_shown(rule)}" if rule else "can be made")
    listed = sorted(matching or plans, key=lambda plan: not plan.was_meant)  # what could be meant comes first
    texts = [f"{_described(plan)}: {plan.reason}" for plan in listed[:_LISTED]]
    more = f"; and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
    return BadInputError(
        f"{what} ({'; '.join(texts)}{more})", remedy="send the series, or correct 'select' in the workflow"
    )


def _described(plan: VolumePlan) -> str:
    name = "" if plan.name == "volume" else f", {plan.name}"
    return f"{plan.series.describe()}{name}"


def _shown(rule: str) -> str:
    return f"the rule {rule}" if rule else "the empty rule"
