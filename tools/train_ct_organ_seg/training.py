"""The training loop: seeded, on the CPU, from cached phantoms to the weights in the bundle."""

from __future__ import annotations

import copy
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from monai.losses import DiceLoss

from tools.phantom import Label

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

Pair: TypeAlias = "tuple[NDArray[np.uint8], NDArray[np.uint8]]"

EMA_DECAY = 0.998
"""The kept weights are an average of about the last 500 steps: steadier than the last step alone."""

SHORT_SCAN_SHARE = 0.25
"""Share of patches that stand for a scan shorter than the sliding window."""


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """How to train.

    Attributes:
        steps: Optimiser steps, one patch each.
        seed: Of the weights, the order and the augmentation.
        learning_rate: At the peak of the schedule.
        tumour_weight: Of a tumour's voxels in the cross-entropy; those of other labels have 1.
        warm_up: Share of the steps before the peak.
        patch: Voxels along x, y, z; the bundle's sliding window has the same size.
        spacing_mm: Of the network's grid along x, y, z.
    """

    steps: int
    seed: int
    patch: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    learning_rate: float = 2e-3
    tumour_weight: float = 1.0
    warm_up: float = 0.05


def load_pairs(paths: Sequence[Path]) -> list[Pair]:
    """Cached images (0..255) and labels, both uint8 with axes (x, y, z)."""
    pairs = []
    for path in paths:
        with np.load(path) as file:
            pairs.append((file["image"], file["labels"]))
    return pairs


def train(network: torch.nn.Module, pairs: list[Pair], plan: TrainingPlan) -> torch.nn.Module:
    """Train ``network`` and return the averaged one, in evaluation mode."""
    rng = np.random.default_rng(plan.seed)
    averaged = copy.deepcopy(network).eval()
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.learning_rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, plan))
    loss_function = _Loss(plan.tumour_weight)
    network.train()
    started, mean_loss = time.monotonic(), 0.0
    for step in range(plan.steps):
        image, labels = draw_patch(pairs[int(rng.integers(len(pairs)))], plan, rng)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = network(image)
        loss = loss_function(logits.float(), labels)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        _average(averaged, network, min(EMA_DECAY, (step + 1) / (step + 10)))
        mean_loss = loss.item() if step == 0 else 0.98 * mean_loss + 0.02 * loss.item()
        if (step + 1) % 100 == 0:
            print(f"step {step + 1} loss {mean_loss:.4f} {time.monotonic() - started:.0f} s", flush=True)
    return averaged


class _Loss:
    """Dice of the labels plus cross-entropy.

    Where the network is sure that there is no tumour the Dice loss has no slope: only the cross-entropy teaches it a
    kind of tumour that it does not know, and its weight decides how fast.
    """

    def __init__(self, tumour_weight: float) -> None:
        weight = torch.ones(len(Label))
        weight[Label.LIVER_TUMOUR] = tumour_weight
        self.dice = DiceLoss(softmax=True, to_onehot_y=True, include_background=False)
        self.cross_entropy = torch.nn.CrossEntropyLoss(weight)

    def __call__(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        loss: torch.Tensor = self.dice(logits, labels) + self.cross_entropy(logits, labels[:, 0].long())
        return loss


def draw_patch(pair: Pair, plan: TrainingPlan, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """A random patch, turned, scaled and with other brightness and noise.

    Patients are not mirrored: the side tells the liver from the spleen.

    Returns:
        Image float32 about 0..1 and labels float32, both of shape ``(1, 1, x, y, z)``.
    """
    image, labels = pair
    patch = np.asarray(plan.patch)
    matrix = _random_matrix(np.asarray(plan.spacing_mm), rng)
    shape = np.asarray(image.shape)
    # The centre of the patch stays where the patch covers most of the volume, with some overhang.
    room = np.maximum(shape - patch, 0) / 2 + np.array([6, 6, 8])
    centre = (shape - 1) / 2 + rng.uniform(-room, room)
    grid = _sampling_grid(matrix, centre, patch, shape)
    x = torch.from_numpy(image.astype(np.float32) / 255)[None, None]
    y = torch.from_numpy(labels.astype(np.float32))[None, None]
    x = torch.nn.functional.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=True)
    y = torch.nn.functional.grid_sample(y, grid, mode="nearest", padding_mode="zeros", align_corners=True)
    noise = torch.from_numpy(rng.standard_normal(x.shape, dtype=np.float32)) * float(rng.uniform(0, 0.025))
    x = (x * float(rng.uniform(0.94, 1.06)) + float(rng.uniform(-0.03, 0.03)) + noise).clamp(0, 1)
    if rng.uniform() < SHORT_SCAN_SHARE:
        _shorten(x, y, rng)
    return x, y


def _shorten(image: torch.Tensor, labels: torch.Tensor, rng: np.random.Generator) -> None:
    """Blank what a shorter scan does not reach, in place; the sliding window pads such a scan with zeros."""
    length = image.shape[-1]
    kept = int(rng.integers(12, length))
    start = (length - kept) // 2
    for tensor in (image, labels):
        tensor[..., :start] = 0
        tensor[..., start + kept :] = 0


def _random_matrix(spacing: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """From patch steps to volume steps (voxels): a small turn and another size, made in mm."""
    a, b, c = np.deg2rad(rng.uniform((-7, -7, -10), (7, 7, 10)))
    turn_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    turn_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    turn_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    size = np.diag(rng.uniform(0.92, 1.09) * rng.uniform(0.96, 1.04, size=3))
    return np.diag(1 / spacing) @ turn_z @ turn_y @ turn_x @ size @ np.diag(spacing)


def _sampling_grid(
    matrix: NDArray[np.float64], centre: NDArray[np.float64], patch: NDArray[Any], shape: NDArray[Any]
) -> torch.Tensor:
    """Where ``grid_sample`` reads: shape ``(1, x, y, z, 3)``, last axis (z, y, x), -1..1 between the outer voxels."""
    # grid = scale * (matrix @ (index - middle) + centre) - 1
    scale = 2 / np.maximum(shape - 1, 1)
    linear = torch.from_numpy((scale[:, None] * matrix).astype(np.float32))
    steps = [torch.arange(int(n), dtype=torch.float32) - (int(n) - 1) / 2 for n in patch]
    start = torch.from_numpy((scale * centre - 1).astype(np.float32))
    axes = [
        linear[row, 0] * steps[0][:, None, None]
        + linear[row, 1] * steps[1][None, :, None]
        + (linear[row, 2] * steps[2] + start[row])[None, None, :]
        for row in range(3)
    ]
    return torch.stack(axes[::-1], dim=-1)[None]


def _rate(step: int, plan: TrainingPlan) -> float:
    """Share of the peak learning rate: a linear rise, then half a cosine to zero."""
    rise = plan.warm_up * plan.steps
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / (plan.steps - rise)))


def _average(averaged: torch.nn.Module, network: torch.nn.Module, decay: float) -> None:
    with torch.no_grad():
        for kept, new in zip(averaged.parameters(), network.parameters(), strict=True):
            kept.lerp_(new, 1 - decay)


def dice(prediction: NDArray[np.uint8], truth: NDArray[np.uint8]) -> dict[str, float]:
    """Dice of each label by name; 1 where neither has it. Both arrays have one shape."""
    scores = {}
    for label in list(Label)[1:]:
        found, true = prediction == label, truth == label
        total = int(found.sum()) + int(true.sum())
        scores[label.name.lower()] = 2 * int((found & true).sum()) / total if total else 1.0
    return scores
