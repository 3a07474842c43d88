"""A bundle's postprocessing, reordered: class maps go back to the input grid first, then they are decided.

Most bundles do so. Some decide first and bring labels back by nearest neighbour, or not at all; their boundaries would
step along the network's grid. Probabilities are interpolated linearly and decided on the grid of the image, a few
channels at a time, so that a network of 100 classes needs the memory of a few.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from monai.data import MetaTensor
from monai.transforms import Activationsd, AsDiscreted, Compose, Invertd

from clara_stages.kit import BadInputError

PRED = "pred"
"""The key under which MONAI's evaluators hand the network's output to the postprocessing."""

SIGMOID_THRESHOLD = 0.5
"""Where sigmoid channels are decided without a threshold of their own."""

_CHUNK_BYTES = 1 << 29
"""Memory for the channels that are on the input grid at one time."""

Step = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What is known of the network's output: how its channels become label values.

    Attributes:
        name: The bundle's name, for errors.
        exclusive_values: Label value of each channel where the bundle has a label table of its own (its author says
            that one voxel has one label); None where channels may overlap.
        channels: Their names, for errors.
    """

    name: str
    exclusive_values: Callable[[int], list[int]] | None
    channels: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Inversion:
    """Undoes the preprocessing of ``image_key`` on any map of the network's grid, with linear interpolation."""

    preprocessing: Compose
    image_key: str

    def to_input_grid(self, maps: torch.Tensor, image: Any) -> torch.Tensor:
        """Maps [channel, ...] on the network's grid -> [channel, i, j, k] on the image file's grid."""
        if not getattr(image, "applied_operations", None):
            return maps
        invert = Invertd(
            keys=PRED,
            transform=self.preprocessing,
            orig_keys=self.image_key,
            nearest_interp=False,
            to_tensor=True,
        )
        on_grid: torch.Tensor = invert({PRED: maps, self.image_key: image})[PRED]
        return on_grid


def plan_steps(transforms: list[Any], inversion: Inversion, outcome: Outcome) -> list[Step]:
    """The steps that make one label map on the input grid of ``data["pred"]`` [channel, ...].

    Args:
        transforms: The bundle's own, instantiated, in its order, without savers.
        inversion: Undoes its preprocessing.
        outcome: What its channels mean.
    """
    flat = [item for transform in transforms for item in _flattened(transform)]
    inverted_at = next((index for index, item in enumerate(flat) if _is(item, Invertd)), None)
    steps = [item for item in flat if not _is(item, Invertd) and not _only_one_hot(item)]
    decided_at = next((index for index, item in enumerate(steps) if _decides(item)), None)
    sigmoid = any(_is(item, Activationsd) and any(item.sigmoid) for item in steps)
    if decided_at is None:
        decision = Decision(argmax=not sigmoid, threshold=SIGMOID_THRESHOLD if sigmoid else None)
        if inverted_at is None or inverted_at >= len(steps):
            return [*steps, _Decide(inversion, outcome, decision, last=True)]
        back = _Invert(inversion)
        return [*steps[:inverted_at], back, *steps[inverted_at:], _Decide(None, outcome, decision, last=True)]
    before, after = steps[:decided_at], steps[decided_at + 1 :]
    decision = _decision(steps[decided_at])
    if inverted_at is not None and inverted_at < decided_at:
        before.insert(inverted_at, _Invert(inversion))
        return [*before, _Decide(None, outcome, decision, last=not after), *after]
    return [*before, _Decide(inversion, outcome, decision, last=not after), *after]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """How class maps become labels: the highest channel, or each channel against a threshold."""

    argmax: bool
    threshold: float | None


class _Invert:
    """Brings ``pred`` back; a map that is labels already is brought back class by class and decided again."""

    def __init__(self, inversion: Inversion) -> None:
        self.inversion = inversion

    def __call__(self, data: dict[str, Any]) -> dict[str, Any]:
        pred, image = data[PRED], data[self.inversion.image_key]
        if not getattr(image, "applied_operations", None):
            return data
        if pred.shape[0] == 1 and bool((pred == pred.round()).all()):
            values = pred.unique().tolist()
            classes = (((pred == value).to(torch.float32), int(value)) for value in values)
            return data | {PRED: _highest(self.inversion, image, classes)}
        return data | {PRED: self.inversion.to_input_grid(pred, image)}


class _Decide:
    """Brings ``pred`` back where asked, and decides it."""

    def __init__(self, inversion: Inversion | None, outcome: Outcome, decision: Decision, *, last: bool) -> None:
        self.inversion = inversion
        self.outcome = outcome
        self.decision = decision
        self.last = last

    def __call__(self, data: dict[str, Any]) -> dict[str, Any]:
        pred = data.pop(PRED)
        channels = pred.shape[0]
        if self.decision.argmax and channels > 1:
            labels = self._argmax(pred, data)
            if self.decision.threshold is not None:
                labels = (labels >= self.decision.threshold).to(torch.int16)
            return data | {PRED: labels}
        if self.inversion is not None:
            pred = _Invert(self.inversion)(data | {PRED: pred})[PRED]
        if self.decision.argmax or self.decision.threshold is None:
            return data | {PRED: pred}
        if channels == 1 or not self.last:
            return data | {PRED: (pred >= self.decision.threshold).to(torch.int16)}
        return data | {PRED: self._highest_above_threshold(pred, self.decision.threshold)}

    def _argmax(self, pred: torch.Tensor, data: dict[str, Any]) -> torch.Tensor:
        if self.inversion is None:
            return pred.argmax(dim=0, keepdim=True).to(torch.int16)
        image = data[self.inversion.image_key]
        size = _channels_at_once(image)
        chunks = ((pred[start : start + size], start) for start in range(0, pred.shape[0], size))
        return _highest(self.inversion, image, chunks)

    def _highest_above_threshold(self, pred: torch.Tensor, threshold: float) -> torch.Tensor:
        if self.outcome.exclusive_values is None:
            names = ", ".join(self.outcome.channels) or f"{pred.shape[0]} channels"
            raise BadInputError(
                f"the bundle {self.outcome.name} thresholds each channel for itself ({names}): they may overlap, and a "
                "label map has one value a voxel",
                remedy="add a step to its postprocessing that gives one channel, or labels to its metadata.json "
                "where its channels exclude each other",
            )
        values = self.outcome.exclusive_values(pred.shape[0])
        first = 1 if values[0] == 0 else 0
        highest, channel = pred[first:].max(dim=0, keepdim=True)
        labels = torch.tensor(values[first:], dtype=torch.int16, device=pred.device)[channel]
        return torch.where(highest >= threshold, labels, torch.zeros_like(labels))


def _highest(inversion: Inversion, image: Any, chunks: Any) -> torch.Tensor:
    """The label of the highest map, over chunks ``(maps [channel, ...], label of the first)``; the first wins ties."""
    best: torch.Tensor | None = None
    labels: torch.Tensor | None = None
    for maps, first in chunks:
        on_grid = inversion.to_input_grid(maps, image)
        highest, channel = on_grid.max(dim=0, keepdim=True)
        found = (channel + first).to(torch.int16)
        if best is None or labels is None:
            best, labels = highest, found
            continue
        better = highest > best
        labels = torch.where(better, found, labels)
        best = torch.maximum(best, highest)
    if labels is None:
        raise BadInputError("the network has no output channel", remedy="correct network_def")
    return labels


def _channels_at_once(image: Any) -> int:
    shape = image.meta.get("spatial_shape", image.shape[1:]) if isinstance(image, MetaTensor) else image.shape[1:]
    voxels = 1
    for size in shape:
        voxels *= max(int(size), 1)
    return max(1, _CHUNK_BYTES // (4 * voxels))


def _flattened(transform: Any) -> list[Any]:
    return list(transform.flatten().transforms) if isinstance(transform, Compose) else [transform]


def _is(item: Any, cls: Any) -> bool:
    return isinstance(item, cls) and PRED in item.keys


def _flags(item: AsDiscreted) -> tuple[Any, Any, Any]:
    index = list(item.keys).index(PRED)
    return item.argmax[index], item.threshold[index], item.rounding[index]


def _decides(item: Any) -> bool:
    return _is(item, AsDiscreted) and any(flag not in (None, False) for flag in _flags(item))


def _only_one_hot(item: Any) -> bool:
    return _is(item, AsDiscreted) and not _decides(item)


def _decision(item: AsDiscreted) -> Decision:
    argmax, threshold, rounding = _flags(item)
    if threshold is None and rounding is not None:
        threshold = SIGMOID_THRESHOLD
    return Decision(argmax=bool(argmax), threshold=None if threshold is None else float(threshold))
