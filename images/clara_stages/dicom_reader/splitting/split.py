"""Which frames of one series belong together: split before you stack."""

from collections.abc import Sequence

import numpy as np

from clara_stages.dicom_reader.headers.frame import Frame
from clara_stages.dicom_reader.splitting.clusters import Labels
from clara_stages.dicom_reader.splitting.drafts import Draft, draft_images, draft_of, frame_identity, join_lost
from clara_stages.dicom_reader.splitting.explain import Explainer
from clara_stages.dicom_reader.splitting.names import describe_split, frame_times, name_parts
from clara_stages.dicom_reader.splitting.parts import Part, Split
from clara_stages.dicom_reader.splitting.places import find_places, has_place
from clara_stages.dicom_reader.splitting.quantities import (
    divide_by_quantity,
    is_colour,
    is_localizer,
    is_slice,
    modality_of,
)
from clara_stages.dicom_reader.splitting.steps import Step

__all__ = ["Part", "Split", "split_frames"]

_KINDS = ("stack", "image", "refused")


def split_frames(frames: Sequence[Frame]) -> Split:
    """The frames of one series as parts that each may be a volume, an image, or neither.

    First come apart what can never be one volume: two-dimensional classes, modalities, colour, localizers, measured
    quantities. Where each place then occurs once, there is one part, whatever else differs from slice to slice. Where
    places repeat, the attributes that explain it divide the frames: into parts, or where they are times into the time
    points of one part. A repeated place that nothing explains stays, so that geometry refuses it with its numbers.

    Neither the order of the frames nor InstanceNumber matters. Frames with a broken header or without a place stay
    with the rest.

    Args:
        frames: Of one series, of classes of slices and of images; each once.
    """
    ordered = sorted(frames, key=frame_identity)
    drafts = _image_drafts([frame for frame in ordered if not is_slice(frame)])
    slices = [frame for frame in ordered if is_slice(frame)]
    modalities = sorted({modality_of(frame) for frame in slices})
    for number, modality in enumerate(modalities):
        step = Step(attribute="modality", words="modality", value=modality.upper(), name=modality, order=(0, number))
        chain = (step,) if len(modalities) > 1 else ()
        drafts += _slice_drafts([frame for frame in slices if modality_of(frame) == modality], chain)
    drafts.sort(key=lambda draft: (_KINDS.index(draft.kind_of), [step.order for step in draft.steps]))
    return Split(by=describe_split(drafts), parts=name_parts(drafts))


def _image_drafts(frames: Sequence[Frame]) -> list[Draft]:
    """Each instance of a two-dimensional class is an image, its frames one after the other; colour is refused."""
    grey, colour = _without_colour(frames)
    instances: dict[str, list[Frame]] = {}
    for frame in grey:
        instances.setdefault(frame.instance.sop_instance_uid, []).append(frame)
    in_time = sorted(instances.values(), key=frame_times)
    drafts = []
    for number, members in enumerate(in_time, start=1):
        step = Step(attribute="instance", words="instance", value=number, name="", order=(0, number))
        drafts.append(draft_images(members, (step,) if len(in_time) > 1 else ()))
    return drafts + colour


def _without_colour(frames: Sequence[Frame]) -> tuple[list[Frame], list[Draft]]:
    colour = [frame for frame in frames if not frame.instance.fault and is_colour(frame)]
    if not colour:
        return list(frames), []
    kept = {id(frame) for frame in colour}
    note = "colours: a volume has one value a voxel"
    refused = Draft(times=(tuple(colour),), kind_of="refused", notes=(note,))
    return [frame for frame in frames if id(frame) not in kept], [refused]


def _slice_drafts(frames: Sequence[Frame], chain: tuple[Step, ...]) -> list[Draft]:
    """Drafts of the frames of one modality."""
    grey, drafts = _without_colour(frames)
    localizers = [frame for frame in grey if is_localizer(frame)]
    drafts += _localizer_drafts(localizers, chain)
    others = [frame for frame in grey if not is_localizer(frame)]
    placed = [frame for frame in others if not frame.instance.fault and has_place(frame)]
    kept = {id(frame) for frame in placed}
    lost = [frame for frame in others if id(frame) not in kept]
    stacks = _stack_drafts(placed, chain) if placed else []
    return drafts + join_lost(stacks, lost)


def _localizer_drafts(frames: Sequence[Frame], chain: tuple[Step, ...]) -> list[Draft]:
    """One image a place; one without a place is an image of its own."""
    step = Step(attribute="image_type", words="image type", value="LOCALIZER", name="localizer", order=(2, 0))
    placed = [frame for frame in frames if has_place(frame)]
    groups = [[frame] for frame in frames if not has_place(frame)]
    if placed:
        ids = find_places(placed).ids
        groups = [[placed[row] for row in np.flatnonzero(ids == place)] for place in range(int(ids.max()) + 1)] + groups
    return [draft_images(group, (*chain, step)) for group in groups]


def _stack_drafts(frames: Sequence[Frame], chain: tuple[Step, ...]) -> list[Draft]:
    places = find_places(frames)
    explainer = Explainer(frames, places)
    drafts: list[Draft] = []
    for groups in divide_by_quantity(frames, places, np.arange(len(frames))):
        steps = (*chain, *(group.step for group in groups))
        rows: Labels = groups[-1].rows if groups else np.arange(len(frames))
        for leaf_rows, leaf_steps in _apart(explainer, rows, steps):
            leaves = explainer.explain(leaf_rows, leaf_steps)
            drafts += [draft_of(leaf, frames, places) for leaf in leaves]
    return drafts


def _apart(explainer: Explainer, rows: Labels, steps: tuple[Step, ...]) -> list[tuple[Labels, tuple[Step, ...]]]:
    stacks = explainer.stacks(rows)
    return [(group.rows, (*steps, group.step)) for group in stacks] if stacks else [(rows, steps)]
