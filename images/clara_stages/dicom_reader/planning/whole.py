"""What must hold of a series as a whole before any of its volumes is made."""

from collections import Counter
from collections.abc import Iterable

from clara_stages.dicom_reader.headers.instance import Instance
from clara_stages.kit import BadInputError

_LISTED = 8
"""Parts that an error lists."""

_WHICH = ("one", "another", "a third")
"""Patients of an error, which must not name them."""


def refuse_mixed_or_incomplete(instances: Iterable[Instance]) -> BadInputError | None:
    """The error about a series of several patients, or one that lacks a part of a concatenation; else None."""
    distinct = list({instance.sop_instance_uid: instance for instance in instances}.values())
    return _several_patients(distinct) or _lacking_part(distinct)


def _several_patients(instances: Iterable[Instance]) -> BadInputError | None:
    """Images without a Patient ID are not counted: a type 2 attribute may be empty."""
    counts = Counter(instance.membership.patient for instance in instances if instance.membership.patient)
    if len(counts) < 2:
        return None
    ranked = sorted(counts.values(), reverse=True)
    found = ", ".join(f"{count} with {which}" for count, which in zip(ranked, _WHICH, strict=False))
    return BadInputError(
        f"the series mixes {len(counts)} patients by Patient ID: of {sum(counts.values())} instances {found}",
        remedy="correct Patient ID at the source, or send the images of one patient alone",
    )


def _lacking_part(instances: Iterable[Instance]) -> BadInputError | None:
    """PS3.3 C.7.6.16.2.2.4: an object that was divided says how many parts it has."""
    found: dict[str, set[int]] = {}
    totals: dict[str, int] = {}
    for instance in instances:
        part = instance.membership
        if part.concatenation_uid:
            found.setdefault(part.concatenation_uid, set()).add(part.concatenation_number)
            totals[part.concatenation_uid] = max(totals.get(part.concatenation_uid, 0), part.concatenation_total)
    for uid, numbers in found.items():
        if len(numbers) < totals[uid]:
            shown = ", ".join(map(str, sorted(numbers)[:_LISTED]))
            return BadInputError(
                f"a multi-frame object was divided into {totals[uid]} parts (a concatenation) and {len(numbers)} are "
                f"here: {shown}{' and more' if len(numbers) > _LISTED else ''}",
                remedy="send all parts of the concatenation",
            )
    return None
