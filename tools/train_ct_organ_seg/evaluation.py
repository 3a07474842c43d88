"""The test: the bundle as it is shipped, on held-out phantoms, measured on the grid of their slices."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from monai.data import decollate_batch, list_data_collate

from tools.phantom import PhantomSpec, build_phantom
from tools.train_ct_organ_seg.data import BUNDLE, load_config, write_volume
from tools.train_ct_organ_seg.training import dice

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


def segment(path: Path, bundle: Path = BUNDLE, network: torch.nn.Module | None = None) -> NDArray[np.uint8]:
    """Run the bundle's preprocessing, network, inferer and post-processing on one NIfTI.

    Args:
        path: A CT in HU.
        bundle: The bundle's folder.
        network: Used instead of the stored one.

    Returns:
        Label map on the grid of the input, the same axes.
    """
    config = load_config(bundle)
    config["device"] = "cpu"
    item = config.get_parsed_content("preprocessing")({"image": str(path)})
    batch: Any = list_data_collate([item])
    network = network or config.get_parsed_content("network")
    with torch.no_grad():
        batch["pred"] = config.get_parsed_content("inferer")(batch["image"], network)
    post = config.get_parsed_content("postprocessing")
    (item,) = decollate_batch(batch)
    for transform in post.transforms[:-1]:  # all but writing the file
        item = transform(item)
    return np.asarray(item["pred"][0]).astype(np.uint8)


def evaluate(
    specs: Iterable[PhantomSpec], bundle: Path = BUNDLE, network: torch.nn.Module | None = None
) -> list[dict[str, float]]:
    """Dice by label, one dictionary per phantom; prints each."""
    rows = []
    for spec in specs:
        phantom = build_phantom(spec)
        with TemporaryDirectory() as folder:
            path = Path(folder) / "volume.nii"
            write_volume(path, phantom)
            started = time.monotonic()
            prediction = segment(path, bundle, network)
        scores = dice(prediction, phantom.labels)
        rows.append(scores)
        text = " ".join(f"{name} {value:.3f}" for name, value in scores.items())
        shape = "x".join(str(n) for n in phantom.labels.shape)
        print(f"seed {spec.seed} {shape} {phantom.phase}: {text} ({time.monotonic() - started:.1f} s)", flush=True)
    return rows


def summary(rows: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Mean, median and minimum by label, and the mean over the labels."""
    names = list(rows[0])
    table = {
        name: {
            "mean": round(float(np.mean([row[name] for row in rows])), 4),
            "median": round(float(np.median([row[name] for row in rows])), 4),
            "minimum": round(float(np.min([row[name] for row in rows])), 4),
        }
        for name in names
    }
    means = [float(np.mean(list(row.values()))) for row in rows]
    table["mean of labels"] = {
        "mean": round(float(np.mean(means)), 4),
        "median": round(float(np.median(means)), 4),
        "minimum": round(float(np.min(means)), 4),
    }
    return table
