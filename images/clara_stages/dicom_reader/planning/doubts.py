"""What a person should know about a volume that is read all the same."""

from collections import Counter
from collections.abc import Iterable, Sequence

from clara_stages.dicom_reader.image_grid import has_place, is_mosaic
from clara_stages.dicom_reader.planning.faults import name_frame
from clara_stages.dicom_reader.planning.volume_plan import Verdict, VolumePlan
from clara_stages.dicom_reader.splitting.candidates import OF_ONE_VOLUME, SEPARATORS, TIMES
from clara_stages.dicom_reader.splitting.columns import UNKNOWN, Column, build_column

FEW_SLICES = 4
"""Below this a stack is a volume, but its evenness shows in two gaps at most."""


_TOLD = frozenset({*OF_ONE_VOLUME, "temporal_position", "time_slot", "cardiac_phase_percent"})
"""Where slices of one stack differ in these, a person is told; other times differ from slice to slice."""

_LISTED = 4
"""Values that a sentence lists."""

_WHY = ": they are together because nothing shows that they are not, but may be the rest of several volumes"
"""What a person should make of it."""


def find_doubts(plan: VolumePlan) -> list[str]:
    """Sentences about one planned volume."""
    frames = plan.frames
    doubts = list(plan.unit.notes) if plan.unit else []
    if plan.grid is not None and len(plan.stacks[0]) < FEW_SLICES:
        doubts.append(f"the volume has {len(plan.stacks[0])} slices: that none is missing cannot be seen from so few")
    if plan.grid is None and any(map(is_mosaic, frames)):
        doubts.append("the images are mosaics: each shows all slices side by side, where they lie is unknown")
    elif plan.grid is None and not has_place(frames):
        one = "" if len(frames) == 1 or not has_place(frames[:1]) else "common "
        doubts.append(f"the images have no {one}place in the patient")
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
    stacks = plan.stacks if plan.grid is not None else (plan.frames,)
    told = _TOLD - {plan.time_attribute} if plan.grid is None else _TOLD
    what = "slices of the volume" if plan.grid is not None else "the images"
    sentences: dict[str, str] = {}
    for candidate in (*SEPARATORS, *TIMES):
        for stack in stacks if candidate.attribute in told else ():
            text = _values_in(build_column(candidate, stack))
            if text:
                sentences.setdefault(candidate.attribute, f"{what} differ in {candidate.words} ({text}){_WHY}")
    return list(sentences.values())


def _values_in(column: Column) -> str:
    """How many images have which value, or "" where all have one."""
    counts = Counter(label for label in column.labels.tolist() if label != UNKNOWN)
    if len(counts) < 2:
        return ""
    shown = [f"{count} with {_shown(column.value(label))}" for label, count in sorted(counts.items())]
    listed = ", ".join(shown[:_LISTED]) + (f" and {len(shown) - _LISTED} other values" if len(shown) > _LISTED else "")
    return f"{listed} {column.candidate.unit}".strip()


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_shown, value))})"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _find_lacking(plan: VolumePlan) -> list[str]:
    """Fewer slices than a PET series says it has: those at an end leave no gap."""
    said = {frame.instance.membership.series_slices for frame in plan.frames}
    most = max(len(stack) for stack in plan.stacks)
    if plan.grid is None or len(said) != 1 or min(said) <= most:
        return []
    return [f"the volume has {most} slices and the header says {min(said)} (Number of Slices): some may be missing"]


def find_strangers(chosen: Sequence[VolumePlan], plans: Iterable[VolumePlan]) -> list[str]:
    """Sentences about images in the series of what was chosen that are no part of it and no volume themselves.

    Args:
        chosen: The volumes that are made.
        plans: Of the whole study, as ``plan_study`` made them.
    """
    made = {id(frame) for plan in chosen for frame in plan.frames}
    series = {id(plan.series) for plan in chosen}
    others = (item for item in plans if id(item.series) in series)
    return [
        f"{len(item.frames)} images of the series ({item.name}) are no part of the volume: {item.reason}"
        for item in others
        if item.verdict in (Verdict.IMAGE, Verdict.REFUSED) and not any(id(frame) in made for frame in item.frames)
    ]
