"""What a person should know about a volume that is read all the same."""

from collections.abc import Iterable

from clara_stages.dicom_reader.faults import name_frame
from clara_stages.dicom_reader.image_grid import has_place
from clara_stages.dicom_reader.plan import Verdict, VolumePlan

FEW_SLICES = 4
"""Below this a stack is a volume, but its evenness shows in two gaps at most."""


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
    if plan.left_out:
        first, reason = plan.left_out[0]
        doubts.append(f"{len(plan.left_out)} damaged images are left out; the first, {name_frame(first)}: {reason}")
    return doubts


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
