"""What a person should know about a volume that is read all the same."""

from collections import Counter
from collections.abc import Iterable

from clara_stages.dicom_reader.faults import name_frame
from clara_stages.dicom_reader.image_grid import has_place
from clara_stages.dicom_reader.plan import Verdict, VolumePlan
from clara_stages.dicom_reader.splitting.candidates import OF_ONE_VOLUME, SEPARATORS, TIMES
from clara_stages.dicom_reader.splitting.columns import UNKNOWN, Column, build_column

FEW_SLICES = 4
"""Below this a stack is a volume, but its evenness shows in two gaps at most."""


_TOLD = frozenset({*OF_ONE_VOLUME, "temporal_position", "time_slot", "cardiac_phase_percent"})
"""Where slices of one stack differ in these, a person is told; other times differ from slice to slice."""

_LISTED = 4
"""Values that a sentence lists."""


def find_doubts(plan: VolumePlan) -> list[str]:
    """Sentences about one planned volume."""
    frames = plan.frames
    doubts = list(plan.unit.notes) if plan.unit else []
    if plan.grid is not None and len(plan.stacks[0]) < FEW_SLICES:
        doubts.append(f"the volume has {len(plan.stacks[0])} slices: that none is missing cannot be seen from so few")
    if plan.grid is None and not has_place(frames[0]):
        doubts.append("the images have no place in the patient")
    elif not frames[0].plane.frame_of_reference_uid:
        doubts.append("the series has no Frame of Reference UID: results cannot refer to one")
    if plan.grid is not None and plan.grid.resampling is not None:
        doubts.append(f"the volume is resampled, its slices are not those of the scanner: {plan.reason}")
    lossy = sum(frame.instance.pixels.lossy for frame in frames)
    if lossy:
        doubts.append(f"{lossy} of {len(frames)} images were compressed with loss")
    doubts += [*_find_mixed(plan), *_find_lacking(plan)]
    if plan.left_out:
        first, reason = plan.left_out[0]
        doubts.append(f"{len(plan.left_out)} damaged images are left out; the first, {name_frame(first)}: {reason}")
    return doubts


def _find_mixed(plan: VolumePlan) -> list[str]:
    """What the slices of one stack differ in though one volume has one: several volumes may have lost their slices.

    A series that arrived in part looks so: of each place one image, but of one time point here, of another there.
    """
    if plan.grid is None:
        return []
    sentences = {}
    for stack in plan.stacks:
        for candidate in (*SEPARATORS, *TIMES):
            if candidate.attribute in _TOLD:
                labels = build_column(candidate, stack)
                counts = Counter(label for label in labels.labels.tolist() if label != UNKNOWN)
                if len(counts) > 1:
                    sentences.setdefault(candidate.attribute, _mixed_sentence(labels, counts))
    return list(sentences.values())


def _mixed_sentence(column: Column, counts: Counter[int]) -> str:
    candidate = column.candidate
    shown = [f"{count} with {_shown(column.value(label))}" for label, count in sorted(counts.items())]
    listed = ", ".join(shown[:_LISTED]) + (f" and {len(shown) - _LISTED} other values" if len(shown) > _LISTED else "")
    return (
        f"slices of the volume differ in {candidate.words} ({listed}{f' {candidate.unit}' if candidate.unit else ''}): "
        "they are one stack because no position is repeated, but may be the rest of several volumes"
    )


def _shown(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _find_lacking(plan: VolumePlan) -> list[str]:
    """Fewer slices than a PET series says it has: those at an end leave no gap."""
    said = {frame.instance.membership.series_slices for frame in plan.frames}
    most = max(len(stack) for stack in plan.stacks)
    if plan.grid is None or len(said) != 1 or min(said) <= most:
        return []
    return [f"the volume has {most} slices and the header says {min(said)} (Number of Slices): some may be missing"]


def find_strangers(plan: VolumePlan, plans: Iterable[VolumePlan]) -> list[str]:
    """Sentences about images in the series of a volume that are no part of it and no volume themselves.

    Args:
        plan: The volume.
        plans: Of the whole study, as ``plan_study`` made them.
    """
    others = (item for item in plans if item.series is plan.series)
    return [
        f"{len(item.frames)} images of the series ({item.name}) are no part of the volume: {item.reason}"
        for item in others
        if item.verdict in (Verdict.IMAGE, Verdict.REFUSED) and item.stacks[0][0] not in plan.frames
    ]
