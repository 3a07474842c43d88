"""Phantoms as training data: their specs by seed, and what the bundle's own preprocessing makes of them."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
from monai.bundle import ConfigParser
from monai.transforms import Compose, Orientation, Spacing

from tools.phantom import Phantom, PhantomSpec, build_phantom
from tools.phantom.tissue import PHASES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

BUNDLE = Path("bundles/ct_organ_seg")

TRAINING_SEEDS = range(10_000, 10_360)
REFINEMENT_SEEDS = range(11_000, 11_360)
"""Phantoms added to the training phantoms for the second part of the training; most of them arterial."""

REFINEMENT_PHASES = (0.2, 0.6, 0.2)
"""Shares of ``tissue.PHASES``. With the phantoms' own (0.2, 0.25, 0.55) one tumour in eight is bright."""

VALIDATION_SEEDS = range(20_000, 20_012)
TEST_SEEDS = range(30_000, 30_024)
"""Seeds of held-out phantoms. Version 0.1.0 was measured on them; its missed tumours led to the refinement."""

SECOND_TEST_SEEDS = range(31_000, 31_024)
"""Seeds of held-out phantoms that nothing was chosen by: no run on them came before the refinement was decided."""


def training_spec(seed: int) -> PhantomSpec:
    """A phantom on a grid like that of a clinical CT, with fewer pixels to save time."""
    rng = np.random.default_rng([seed, 1])
    spacing = float(rng.choice([2.5, 3.0, 4.0, 5.0, 5.0, 6.0]))
    return PhantomSpec(
        seed=seed,
        rows=int(rng.choice([64, 112, 144, 176, 208], p=[0.05, 0.1, 0.25, 0.3, 0.3])),
        slices=round(rng.uniform(170, 290) / spacing),
        slice_spacing_mm=spacing,
        oblique_deg=float(rng.uniform(-15, 15)) if rng.uniform() < 0.2 else 0.0,
        tumours=int(rng.choice([0, 1, 2, 3], p=[0.1, 0.3, 0.3, 0.3])),
    )


def refinement_spec(seed: int) -> PhantomSpec:
    """A training phantom with a tumour, more often of the arterial phase: only there are tumours bright."""
    rng = np.random.default_rng([seed, 3])
    phase = str(rng.choice(PHASES, p=REFINEMENT_PHASES))
    return replace(training_spec(seed), phase=phase, tumours=int(rng.integers(1, 4)))


def held_out_spec(seed: int) -> PhantomSpec:
    """A held-out phantom: the demo's grid, or one seed in three another one up to 512 x 512."""
    other = (PhantomSpec(rows=512, slices=60, slice_spacing_mm=4.0), PhantomSpec(rows=384, slices=90))
    rng = np.random.default_rng([seed, 2])
    if seed % 3:
        return PhantomSpec(seed=seed)
    chosen = other[int(rng.integers(2))]
    spacing = float(rng.choice([2.5, 3.0])) if chosen.slices == 90 else chosen.slice_spacing_mm
    return PhantomSpec(seed=seed, rows=chosen.rows, slices=chosen.slices, slice_spacing_mm=spacing)


def load_config(bundle: Path = BUNDLE) -> ConfigParser:
    """The bundle's inference configuration."""
    parser = ConfigParser()
    parser.read_config(str(bundle / "configs" / "inference.json"))
    parser["bundle_root"] = str(bundle)
    return parser


def write_volume(path: Path, phantom: Phantom) -> None:
    """The CT as NIfTI, int16 HU, RAS affine: what the reader gives to the bundle."""
    nib.save(nib.Nifti1Image(phantom.volume_hu, phantom.affine_ras), path)


def prepare(spec: PhantomSpec, config: ConfigParser) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """One phantom on the network's grid.

    Returns:
        Image scaled to 0..255 and labels; axes (x, y, z) towards right-to-left, back-to-front, feet-to-head (RAS).
    """
    phantom = build_phantom(spec)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "volume.nii"
        write_volume(path, phantom)
        image: Any = config.get_parsed_content("preprocessing")({"image": str(path)})["image"]
        nib.save(nib.Nifti1Image(phantom.labels, phantom.affine_ras), path)
        load = config.get_parsed_content("preprocessing").transforms[:2]
        to_grid = Compose([Orientation("RAS", labels=None), Spacing(config["spacing_mm"], mode="nearest")])
        labels: Any = to_grid(Compose(load)({"image": str(path)})["image"])
    return np.rint(image[0].numpy() * 255).astype(np.uint8), labels[0].numpy().astype(np.uint8)


def cache(seeds: Sequence[int], folder: Path, workers: int = 2) -> list[Path]:
    """Prepare the training phantoms of ``seeds`` once; returns one ``.npz`` (image, labels) per seed."""
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(workers) as pool:
        return list(pool.map(partial(_cached, folder=folder), seeds))


def _cached(seed: int, folder: Path) -> Path:
    path = folder / f"{seed}.npz"
    if not path.exists():
        spec = refinement_spec(seed) if seed in REFINEMENT_SEEDS else training_spec(seed)
        image, labels = prepare(spec, load_config())
        partial_path = path.with_suffix(".partial.npz")
        np.savez(partial_path, image=image, labels=labels)
        partial_path.replace(path)
        print(f"phantom {seed}: {image.shape}", file=sys.stderr)
    return path
