"""Runs a bundle's inference config on one volume: preprocessing, network, inferer, postprocessing."""

import logging
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.inferers import SimpleInferer, SlidingWindowInferer
from monai.transforms import Compose, LoadImaged
from numpy.typing import NDArray

from clara_stages.bundle_inference.bundle import Bundle
from clara_stages.bundle_inference.config import BundleConfig, bundle_code, explain
from clara_stages.bundle_inference.device import choose_device, is_memory, make_deterministic, memory_errors
from clara_stages.bundle_inference.grid import Grid, write_cut_out
from clara_stages.bundle_inference.labels import channel_values
from clara_stages.bundle_inference.network import load_network
from clara_stages.bundle_inference.postprocessing import PRED, Inversion, Outcome, plan_steps
from clara_stages.bundle_inference.region import voxel_box
from clara_stages.kit import BadInputError, StageError, StageIO

log = logging.getLogger(__name__)

AFFINE_TOLERANCE_MM = 1e-2
"""Largest distance between a voxel's place in the input and in the result: inversion multiplies matrices."""

_PROGRESS_EVERY_S = 5.0


def segment(
    io: StageIO, bundle: Bundle, grid: Grid, *, region_lps_mm: list[float] | None, device: str
) -> NDArray[np.integer[Any]]:
    """The label map of a volume.

    Args:
        io: For progress, and for its output folder, where a cut-out of the volume lies meanwhile.
        bundle: The bundle to run.
        grid: The volume.
        region_lps_mm: x0, x1, y0, y1, z0, z1: only this box is given to the bundle; outside is background.
        device: ``auto``, ``cpu`` or ``cuda``.

    Returns:
        Integers [i, j, k] on the volume's grid.

    Raises:
        BadInputError: The bundle or the region cannot be used with this volume.
        OutOfMemoryError: Of the GPU or of the host.
    """
    box = None if region_lps_mm is None else voxel_box(region_lps_mm, grid.shape, grid.affine_ras)
    chosen = choose_device(device)
    make_deterministic()
    if box is None:
        return _run(io, bundle, grid, chosen)
    with tempfile.TemporaryDirectory(dir=io.output) as scratch:
        part = _run(io, bundle, write_cut_out(grid, box, Path(scratch) / "volume.nii"), chosen)
    labels = np.zeros(grid.shape, part.dtype)
    labels[box.slices] = part
    return labels


def _run(io: StageIO, bundle: Bundle, grid: Grid, device: torch.device) -> NDArray[np.integer[Any]]:
    with bundle_code(bundle.folder), torch.inference_mode(), memory_errors(grid.shape, device):
        config = BundleConfig(bundle, device=device.type)
        preprocessing, image_key = _preprocessing(config)
        transforms = _postprocessing(config)
        network = load_network(config, device)
        inferer = config.build("inferer") if "inferer" in config else SimpleInferer()
        amp = device.type == "cuda" and _amp(config)

        io.progress(0.1, f"preprocessing {' x '.join(map(str, grid.shape))} voxels on {device.type}")
        with _phase("preprocessing", bundle):
            image = preprocessing({image_key: str(grid.file)})[image_key]
        _check_channels(bundle, image)
        io.progress(0.2, f"inference on {' x '.join(map(str, image.shape[1:]))} voxels")
        with _phase("the network", bundle), torch.autocast(device.type) if amp else nullcontext():
            pred = _infer(io, inferer, network, image, device)
        io.progress(0.8, "postprocessing")
        with _phase("postprocessing", bundle):
            inversion = Inversion(preprocessing=preprocessing, image_key=image_key)
            data = {image_key: image, "image": image, PRED: MetaTensor(pred, meta=dict(image.meta))}
            del pred
            for step in plan_steps(transforms, inversion, _outcome(bundle)):
                data = step(data)
        return _checked(bundle, data[PRED], grid)


def _preprocessing(config: BundleConfig) -> tuple[Compose, str]:
    """The preprocessing and the one key it reads an image for."""
    key = "preprocessing" if "preprocessing" in config else "dataset::transform"
    preprocessing = config.build(key)
    if not isinstance(preprocessing, Compose):
        preprocessing = Compose(preprocessing)
    keys: set[str] = set()
    for transform in preprocessing.flatten().transforms:
        if isinstance(transform, LoadImaged):
            keys.update(map(str, transform.keys))
    if len(keys) != 1:
        found = ", ".join(sorted(keys)) or "none"
        raise BadInputError(
            f"the preprocessing of the bundle {config.bundle.name} loads {found}, expected one image",
            remedy="use a bundle that takes one image; this stage gives it one volume",
        )
    return preprocessing, keys.pop()


def _postprocessing(config: BundleConfig) -> list[Any]:
    if "postprocessing" not in config:
        return []
    built = config.build("postprocessing")
    return list(built) if isinstance(built, (list, tuple)) else [built] if built is not None else []


def _amp(config: BundleConfig) -> bool:
    return bool(config.build("evaluator::amp")) if "evaluator::amp" in config else False


def _check_channels(bundle: Bundle, image: torch.Tensor) -> None:
    wanted = bundle.input_image.get("num_channels", 1)
    if image.ndim != 4 or image.shape[0] != wanted:
        raise BadInputError(
            f"the network of the bundle {bundle.name} takes {wanted} channel(s) of a volume, its preprocessing gives "
            f"{' x '.join(map(str, image.shape))}",
            remedy="use a bundle that takes one volume of one channel (with EnsureChannelFirstd in its preprocessing)",
        )


def _infer(
    io: StageIO, inferer: Any, network: torch.nn.Module, image: torch.Tensor, device: torch.device
) -> torch.Tensor:
    inputs = torch.as_tensor(image).as_subclass(torch.Tensor)[None].to(device)
    pred = inferer(inputs, _with_progress(io, network, _windows(inferer, image)))
    if not isinstance(pred, torch.Tensor) or pred.ndim != 5:
        found = tuple(pred.shape) if isinstance(pred, torch.Tensor) else type(pred).__name__
        raise BadInputError(
            f"the network gives {found}, expected one tensor [1, channel, i, j, k]", remedy="see network"
        )
    return pred[0].as_subclass(torch.Tensor)


def _windows(inferer: Any, image: torch.Tensor) -> int:
    """How often a sliding window calls the network."""
    if not isinstance(inferer, SlidingWindowInferer):
        return 1
    roi = inferer.roi_size if isinstance(inferer.roi_size, (list, tuple)) else [inferer.roi_size] * 3
    overlap = inferer.overlap if isinstance(inferer.overlap, (list, tuple)) else [inferer.overlap] * 3
    count = 1
    for size, window, shared in zip(image.shape[1:], roi, overlap, strict=False):
        window = min(window, size) if window and window > 0 else size
        count *= math.ceil((size - window) / max(1, int(window * (1 - shared)))) + 1
    return max(1, math.ceil(count / int(inferer.sw_batch_size)))


def _with_progress(io: StageIO, network: torch.nn.Module, calls: int) -> Callable[..., Any]:
    done, last = 0, time.monotonic()

    def predict(*args: Any, **kwargs: Any) -> Any:
        nonlocal done, last
        result = network(*args, **kwargs)
        done += 1
        if time.monotonic() - last > _PROGRESS_EVERY_S:
            last = time.monotonic()
            io.progress(0.2 + 0.6 * min(1.0, done / calls), f"window {done} of {calls}")
        return result

    return predict


def _outcome(bundle: Bundle) -> Outcome:
    names = bundle.output_map.get("channel_def")
    own_table = "labels" in bundle.metadata
    return Outcome(
        name=bundle.name,
        exclusive_values=(lambda channels: channel_values(bundle, channels)) if own_table else None,
        channels=[str(name) for name in names.values()] if isinstance(names, dict) else [],
    )


def _checked(bundle: Bundle, pred: Any, grid: Grid) -> NDArray[np.integer[Any]]:
    """The result as integers [i, j, k], on the input's grid beyond doubt."""
    if pred.ndim != 4 or pred.shape[0] != 1 or tuple(pred.shape[1:]) != grid.shape:
        raise BadInputError(
            f"the bundle {bundle.name} gives {' x '.join(map(str, pred.shape))}, expected one channel on the input "
            f"grid 1 x {' x '.join(map(str, grid.shape))}",
            remedy="its preprocessing must be invertible, and its postprocessing must end in one label map",
        )
    if isinstance(pred, MetaTensor):
        corners = np.array([[i, j, k, 1.0] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
        corners[:, :3] *= np.array(grid.shape) - 1
        moved = np.abs((np.asarray(pred.affine, np.float64) - grid.affine_ras) @ corners.T).max()
        if moved > AFFINE_TOLERANCE_MM:
            raise BadInputError(
                f"the result of the bundle {bundle.name} lies {moved:.3g} mm beside the input",
                remedy="its postprocessing must not move the label map",
            )
    labels: NDArray[Any] = pred.cpu().numpy()[0]
    if not np.issubdtype(labels.dtype, np.integer):
        if not np.array_equal(labels, np.rint(labels)):
            raise BadInputError(
                f"the bundle {bundle.name} gives values between labels ({labels.min():.3g} to {labels.max():.3g})",
                remedy="end its postprocessing in AsDiscreted",
            )
        labels = labels.astype(np.int32)
    if labels.min(initial=0) < 0 or labels.max(initial=0) > np.iinfo(np.uint16).max:
        raise BadInputError(
            f"labels run from {labels.min()} to {labels.max()}, expected 0 to 65535", remedy="see bundle"
        )
    return labels


@contextmanager
def _phase(name: str, bundle: Bundle) -> Iterator[None]:
    """Turn what a bundle's code raises into an error that names the phase; memory and GPU faults pass."""
    try:
        yield
    except (StageError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        if is_memory(error) or "CUDA error" in str(error):
            raise
        log.warning("%s of the bundle failed", name, exc_info=True)
        raise explain(name, bundle, error) from error
