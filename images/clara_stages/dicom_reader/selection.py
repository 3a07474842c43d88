"""Which series of a study becomes the volume."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydicom import uid

from clara_stages.dicom_reader.geometry.grid import NoStackError, build_grid
from clara_stages.dicom_reader.headers.instance import Instance
from clara_stages.kit import BadInputError
from clara_stages.kit.contract.facts import build_series_facts
from clara_stages.kit.contract.rules import RuleError, evaluate_rule

SLICE_CLASSES: dict[str, str] = {
    uid.CTImageStorage: "CT",
    uid.MRImageStorage: "MR",
    uid.PositronEmissionTomographyImageStorage: "PT",
}
"""SOP classes whose objects are slices of a volume -> their modality."""

_LISTED = 12
"""Series that an error lists; a study with more is not understood from a list."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """The instances of one series.

    Attributes:
        facts: What rules see: of all instances.
        slices: The instances of a slice class.
        others: Instances of other classes in the same series.
        fault: Why it is no stack of slices that this stage reads, or ""; a damaged stack has none.
    """

    facts: dict[str, Any]
    slices: tuple[Instance, ...]
    others: tuple[Instance, ...]
    fault: str = ""

    @property
    def study_instance_uid(self) -> str:
        """Of its first instance."""
        return (*self.slices, *self.others)[0].study_instance_uid


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The chosen series, and why it was this one where several matched ("" where it was the only one)."""

    series: Series
    choice: str = ""


def group_series(instances: Iterable[Instance]) -> list[Series]:
    """The series of a study, in the order of number and UID."""
    groups: dict[tuple[str, str], list[Instance]] = {}
    for instance in instances:
        groups.setdefault((instance.study_instance_uid, instance.series_instance_uid), []).append(instance)
    series = [_series(group) for group in groups.values()]
    return sorted(series, key=lambda item: (item.facts["number"], item.facts["series_instance_uid"]))


def _series(instances: Sequence[Instance]) -> Series:
    slices = tuple(item for item in instances if item.sop_class_uid in SLICE_CLASSES)
    others = tuple(item for item in instances if item.sop_class_uid not in SLICE_CLASSES)
    facts = build_series_facts([item.header for item in instances])
    return Series(facts=facts, slices=slices, others=others, fault=_fault(slices, others))


def _fault(slices: Sequence[Instance], others: Sequence[Instance]) -> str:
    if not slices:
        names = sorted({class_name(item.sop_class_uid) for item in others})
        return f"{', '.join(names)}, no single-frame CT, MR or PET"
    kinds = [item.pixels.find_other_kind() for item in slices]
    if all(kinds):
        return f"each image is {kinds[0]}"
    return _not_a_stack(slices)


def _not_a_stack(slices: Sequence[Instance]) -> str:
    """Why the images are something else than a stack, or "".

    A damaged stack (a missing slice, an image without pixels) has no fault here: it is still the series that the rule
    means, and the error about it must be seen. Another series must not take its place.
    """
    try:
        build_grid([item.plane for item in slices])
    except NoStackError as error:
        return error.message
    except BadInputError:
        return ""
    return ""


def class_name(sop_class_uid: str) -> str:
    """The Standard's name of a SOP class, or its UID."""
    return uid.UID(sop_class_uid).name


def choose_series(series: Sequence[Series], rule: str) -> Selection:
    """The one series that a rule selects.

    Of several that match, the one with most slices is taken, then the one with the lowest Series Number, then with
    the lowest UID.

    Args:
        series: What ``group_series`` made, at least one.
        rule: CEL over ``series``; "" matches every series without a fault.

    Raises:
        BadInputError: The rule fails, no series matches, none that matches can become a volume, or those that match
            belong to several studies.
    """
    matching = [item for item in series if _matches(rule, item)]
    usable = [item for item in matching if not item.fault]
    if not usable:
        raise _nothing_usable(series, matching, rule)
    studies = len({item.study_instance_uid for item in usable})
    if studies > 1:
        raise BadInputError(
            f"{len(usable)} matching series belong to {studies} studies; one run is about one study",
            remedy='give a folder of one study, or select one: series.series_instance_uid == "..."',
        )
    ranked = sorted(usable, key=_rank)
    if len(matching) == 1:
        return Selection(series=ranked[0])
    return Selection(
        series=ranked[0],
        choice=f"{len(matching)} series match {_shown(rule)}; taken is {_described(ranked[0])}, {_reason(ranked)}",
    )


def _rank(series: Series) -> tuple[int, int, str]:
    return -len(series.slices), series.facts["number"], series.facts["series_instance_uid"]


def _reason(ranked: Sequence[Series]) -> str:
    if len(ranked) == 1:
        return "the only one that is a stack of slices"
    first, second = ranked[:2]
    if len(first.slices) > len(second.slices):
        return f"which has most slices (the next has {len(second.slices)})"
    if first.facts["number"] < second.facts["number"]:
        return "which of those with most slices has the lowest Series Number"
    return "which of those with most slices and the lowest Series Number has the lowest UID"


def _matches(rule: str, series: Series) -> bool:
    if not rule:
        return not series.fault
    try:
        return evaluate_rule(rule, "series", series.facts)
    except RuleError as error:
        raise BadInputError(f"parameter 'select': {error}", remedy="correct the rule in the workflow") from None


def _nothing_usable(series: Sequence[Series], matching: Sequence[Series], rule: str) -> BadInputError:
    if matching:
        what = f"none of the {len(matching)} series that match {_shown(rule)} can become a volume"
    else:
        what = f"none of {len(series)} series " + (f"matches {_shown(rule)}" if rule else "can become a volume")
    listed = sorted(matching or series, key=lambda item: not item.slices)  # what could be meant comes first
    texts = [f"{_described(item)}{f': {item.fault}' if item.fault else ''}" for item in listed[:_LISTED]]
    more = f"; and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
    return BadInputError(
        f"{what} ({'; '.join(texts)}{more})", remedy="send the series, or correct 'select' in the workflow"
    )


def _described(series: Series) -> str:
    """Modality, number and size; no description, which may hold a name."""
    modality = series.facts["modality"]
    code = modality if 0 < len(modality) <= 16 and modality.isalnum() else "no modality"
    return f"series {series.facts['number']}, {code}, {series.facts['instances']} instances"


def _shown(rule: str) -> str:
    return f"the rule {rule}" if rule else "the empty rule"
