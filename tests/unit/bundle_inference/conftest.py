"""A volume and a bundle in the Model Zoo's layout, tiny and built in code."""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch

from clara_stages.kit import StageIO
from clara_stages.kit.contract import StageRequest

OBLIQUE = np.array([[-1.9, 0.3, 0.2, 40.0], [-0.3, -1.9, 0.1, -7.0], [0.2, 0.1, 3.0, 100.0], [0.0, 0.0, 0.0, 1.0]])
"""Feet-to-head slices 3 mm apart, pixels of about 1.9 mm, turned by a few degrees; not orthogonal to the last digit."""

METADATA: dict[str, Any] = {
    "version": "0.3.1",
    "intended_use": "an example",
    "network_data_format": {
        "inputs": {"image": {"modality": "CT", "num_channels": 1}},
        "outputs": {"pred": {"num_channels": 2, "channel_def": {"0": "background", "1": "bright blob"}}},
    },
}

CONFIG: dict[str, Any] = {
    "imports": ["$import glob", "$import os"],
    "bundle_root": "/workspace/never/there",
    "output_dir": "$@bundle_root + '/eval'",
    "dataset_dir": "/workspace/data",
    "datalist": "$list(sorted(glob.glob(@dataset_dir + '/*.nii.gz')))",
    "device": "$torch.device('cuda:0')",
    "network_def": {"_target_": "torch.nn.Conv3d", "in_channels": 1, "out_channels": 2, "kernel_size": 1},
    "network": "$@network_def.to(@device)",
    "preprocessing": {
        "_target_": "Compose",
        "transforms": [
            {"_target_": "LoadImaged", "keys": "image", "reader": "ITKReader"},
            {"_target_": "EnsureChannelFirstd", "keys": "image"},
            {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"},
            {"_target_": "Spacingd", "keys": "image", "pixdim": [3.1, 2.7, 3.7], "mode": "bilinear"},
            {"_target_": "ScaleIntensityRanged", "keys": "image", "a_min": 0, "a_max": 100, "b_min": 0, "b_max": 1},
        ],
    },
    "dataset": {"_target_": "Dataset", "data": "$[{'image': i} for i in @datalist]", "transform": "@preprocessing"},
    "inferer": {
        "_target_": "SlidingWindowInferer",
        "roi_size": [8, 8, 8],
        "sw_batch_size": 2,
        "overlap": 0.25,
        "device": "$torch.device('cuda')",
    },
    "postprocessing": {
        "_target_": "Compose",
        "transforms": [
            {"_target_": "Activationsd", "keys": "pred", "softmax": True},
            {
                "_target_": "Invertd",
                "keys": "pred",
                "transform": "@preprocessing",
                "orig_keys": "image",
                "nearest_interp": False,
            },
            {"_target_": "AsDiscreted", "keys": "pred", "argmax": True},
            {"_target_": "SaveImaged", "keys": "pred", "output_dir": "@output_dir"},
        ],
    },
    "handlers": [
        {
            "_target_": "CheckpointLoader",
            "load_path": "$@bundle_root + '/models/model.pt'",
            "load_dict": {"model": "@network"},
        },
        {"_target_": "StatsHandler", "iteration_log": False},
    ],
    "evaluator": {"_target_": "SupervisedEvaluator", "network": "@network", "val_handlers": "@handlers", "amp": True},
    "run": ["$@evaluator.run()"],
}
"""The spleen bundle of the Model Zoo in small: above 50 a voxel is bright."""


def blob(shape: tuple[int, int, int] = (24, 20, 12)) -> np.ndarray:
    """A smooth ball of 100 in 0."""
    i, j, k = np.meshgrid(*(np.arange(size) - size / 2 + 0.5 for size in shape), indexing="ij")
    distance = np.sqrt((i / 7) ** 2 + (j / 6) ** 2 + (k / 3.5) ** 2)
    return (100 / (1 + np.exp(6 * (distance - 1)))).astype(np.float32)


def write_volume(folder: Path, pixels: np.ndarray, affine: np.ndarray = OBLIQUE, **series: Any) -> Path:
    """A folder of kind volume."""
    folder.mkdir(parents=True)
    nib.Nifti1Image(pixels, affine).to_filename(folder / "volume.nii")
    document = {
        "modality": "CT",
        "shape": list(pixels.shape),
        "spacing_mm": np.linalg.norm(affine[:3, :3], axis=0).tolist(),
        "affine_ras": affine.tolist(),
        "facts": {"quality_control_subject": False},
    } | series
    (folder / "series.json").write_text(json.dumps(document))
    return folder


@dataclass
class ZooBundle:
    """What a bundle's folder will hold; change it, then ``write``."""

    folder: Path
    config: dict[str, Any] = field(default_factory=lambda: deepcopy(CONFIG))
    metadata: dict[str, Any] = field(default_factory=lambda: deepcopy(METADATA))
    state: Any = None

    def post(self, *transforms: dict[str, Any]) -> None:
        self.config["postprocessing"]["transforms"] = list(transforms)

    def script(self, name: str, text: str) -> None:
        (self.folder / "scripts").mkdir(parents=True, exist_ok=True)
        (self.folder / "scripts" / "__init__.py").touch()
        (self.folder / "scripts" / f"{name}.py").write_text(text)

    def write(self) -> Path:
        (self.folder / "configs").mkdir(parents=True, exist_ok=True)
        (self.folder / "models").mkdir(exist_ok=True)
        (self.folder / "configs" / "metadata.json").write_text(json.dumps(self.metadata))
        if self.config:
            (self.folder / "configs" / "inference.json").write_text(json.dumps(self.config))
        if self.state is not None:
            torch.save(self.state, self.folder / "models" / "model.pt")
        return self.folder


def state(slopes: tuple[float, ...] = (0.0, 10.0), offsets: tuple[float, ...] = (0.0, -5.0)) -> dict[str, torch.Tensor]:
    """Weights of a 1x1x1 convolution: one line of the intensity a channel."""
    return {
        "weight": torch.tensor(slopes).reshape(-1, 1, 1, 1, 1),
        "bias": torch.tensor(offsets),
    }


@dataclass
class Result:
    labels: np.ndarray
    image: Any
    document: dict[str, Any]
    io: StageIO
    folder: Path


@pytest.fixture
def bundle(tmp_path: Path) -> ZooBundle:
    """A bundle whose weights are a plain state_dict in models/model.pt."""
    return ZooBundle(folder=tmp_path / "zoo_blob", state=state())


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """A bright ball on an oblique grid."""
    return write_volume(tmp_path / "volume", blob())


@pytest.fixture
def run_stage(tmp_path: Path) -> Callable[..., Result]:
    """Runs the stage in this process: ``run_stage(volume, bundle folder, **params)``."""
    from clara_stages.bundle_inference.__main__ import main

    runs: list[Path] = []

    def run(volume: Path, bundle: Path, **params: Any) -> Result:
        output = tmp_path / f"output{len(runs)}"
        runs.append(output)
        output.mkdir()
        io = StageIO(
            StageRequest(
                workflow="test",
                dag_run_id="test",
                stage="bundle_inference",
                stage_key="key",
                inputs={"volume": str(volume), "bundle": str(bundle)},
                output=str(output),
                params={"device": "cpu"} | params,
            )
        )
        main(io)
        image = nib.load(output / "labels" / "labels.nii")
        document = json.loads((output / "labels" / "labels.json").read_text())
        return Result(np.asarray(image.dataobj), image, document, io, output)

    return run
