"""Parts before they have a name: their frames, and how they were found."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from clara_stages.dicom_reader.headers.attributes import MOSAIC
from clara_stages.dicom_reader.headers.frame import Frame
from clara_stages.dicom_reader.splitting.candidates import CLOCKS, SEPARATORS, TIMES
from clara_stages.dicom_reader.splitting.columns import UNKNOWN, build_column
from clara_stages.dicom_reader.splitting.midnight import over_midnight
from clara_stages.dicom_reader.splitting.places import Places
from clara_stages.dicom_reader.splitting.steps import Leaf, Step

_MOSAIC_NOTE = "a mosaic shows all slices in one image, without the place of each"


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A part without a name; the attributes are those of ``Part``, and of ``Leaf``."""

    times: tuple[tuple[Frame, ...], ...]
    steps: tuple[Step, ...] = ()
    time_values: tuple[float, ...] = ()
    time_attribute: str = ""
    kind_of: str = "stack"
    is_explained: bool = True
    notes: tuple[str, ...] = ()

    @property
    def frames(self) -> tuple[Frame, ...]:
        """All frames, time point by time point."""
        return tuple(frame for stack in self.times for frame in stack)


def frame_identity(frame: Frame) -> tuple[str, int, str]:
    """Orders frames whatever order they came in."""
    return (frame.instance.sop_instance_uid, frame.index, frame.instance.label)


def draft_of(leaf: Leaf, frames: Sequence[Frame], places: Places) -> Draft:
    """The draft of a leaf; frames at one place only are images, and so are mosaics: none is a slice."""
    members = [frames[row] for row in leaf.rows]
    if len(set(places.ids[leaf.rows].tolist())) == 1 or any(map(_is_mosaic, members)):
        return draft_images(members, leaf.steps)
    stacks = leaf.times or (leaf.rows,)
    return Draft(
        times=tuple(
            tuple(frames[row] for row in stack[np.argsort(places.ids[stack], kind="stable")]) for stack in stacks
        ),
        steps=leaf.steps,
        time_values=leaf.time_values,
        time_attribute=leaf.time_attribute,
        is_explained=leaf.is_explained,
        notes=(leaf.note,) if leaf.note else (),
    )


def draft_images(frames: Sequence[Frame], steps: tuple[Step, ...]) -> Draft:
    """Images one after the other.

    Frames of one instance go by their number, others by the first attribute that orders them all, times first.
    """
    ordered = sorted(frames, key=frame_identity)
    times, attribute, values = _in_order(ordered) if len(ordered) > 1 else (ordered, "", ())
    return Draft(
        times=tuple((frame,) for frame in times),
        steps=steps,
        time_values=values,
        time_attribute=attribute,
        kind_of="image",
        notes=(_MOSAIC_NOTE,) if any(map(_is_mosaic, ordered)) else (),
    )


def _is_mosaic(frame: Frame) -> bool:
    return MOSAIC in frame.attributes.image_type


def _in_order(frames: list[Frame]) -> tuple[list[Frame], str, tuple[float, ...]]:
    if len({frame.instance.sop_instance_uid for frame in frames}) == 1:
        return frames, "frame_number", tuple(float(frame.index + 1) for frame in frames)
    for candidate in (*(over_midnight(item, frames) for item in TIMES), *SEPARATORS):
        column = build_column(candidate, frames)
        if UNKNOWN in column.labels or len(column.values) < len(frames):
            continue
        ordered = [frames[row] for row in np.argsort(column.labels, kind="stable")]
        raw: list[Any] = [candidate.read(frame) for frame in ordered]
        if not all(isinstance(value, (int, float)) for value in raw):
            return ordered, "index", _indices(frames)
        start = raw[0] if candidate.attribute in CLOCKS else 0
        return ordered, candidate.attribute, tuple(round(float(value - start), 6) for value in raw)
    return frames, "index", _indices(frames)


def _indices(frames: Sequence[Frame]) -> tuple[float, ...]:
    return tuple(float(number) for number in range(1, len(frames) + 1))


def join_lost(drafts: list[Draft], lost: Sequence[Frame]) -> list[Draft]:
    """Put frames without a place where they are missed, so that a damaged file makes its stack refused.

    A frame that lost its place has often lost its attributes as well: nobody knows where it belongs. It goes to the
    stack that lacks as many frames as its siblings have more, else to the largest one.
    """
    if not lost:
        return drafts
    if not drafts:
        return [Draft(times=(tuple(lost),))]
    stacks = [draft for draft in drafts if draft.kind_of == "stack"]
    if not stacks:
        largest = max(drafts, key=lambda draft: len(draft.times))
        whole = Draft(times=((*largest.frames, *lost),), steps=largest.steps, notes=(_lost_note(len(lost)),))
        return [whole if draft is largest else draft for draft in drafts]
    lengths = {(d, t): len(stack) for d, draft in enumerate(drafts) if draft.kind_of == "stack"
               for t, stack in enumerate(draft.times)}  # fmt: skip
    added: dict[tuple[int, int], list[Frame]] = {}
    for number, frame in enumerate(lost):
        most = max(lengths.values())
        short = [key for key, length in lengths.items() if 0 < most - length <= len(lost) - number]
        key = max(short or lengths, key=lambda key: (lengths[key], -key[0], -key[1]))
        if not short:  # the largest stays the largest
            added.setdefault(key, []).extend(lost[number:])
            break
        lengths[key] += 1
        added.setdefault(key, []).append(frame)
    return [_with_lost(draft, index, added) for index, draft in enumerate(drafts)]


def _with_lost(draft: Draft, index: int, added: dict[tuple[int, int], list[Frame]]) -> Draft:
    times = tuple((*stack, *added.get((index, time), ())) for time, stack in enumerate(draft.times))
    count = sum(map(len, times)) - len(draft.frames)
    return replace(draft, times=times, notes=(*draft.notes, _lost_note(count))) if count else draft


def _lost_note(count: int) -> str:
    """Why images without a place are in a stack."""
    images = "1 image has" if count == 1 else f"{count} images have"
    return f"{images} a broken header, or no position or orientation, and may belong here"
