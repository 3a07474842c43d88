"""The network of a bundle with its weights."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from clara_stages.bundle_inference.bundle import Bundle
from clara_stages.bundle_inference.config import BundleConfig
from clara_stages.kit import BadInputError

TORCHSCRIPT = "models/model.ts"
STATE = "models/model.pt"
"""Where the Model Zoo keeps a bundle's weights."""


def load_network(config: BundleConfig, device: torch.device) -> torch.nn.Module:
    """The network, ready to run.

    The weights come from the checkpoint that the config's CheckpointLoader names, else ``models/model.pt``, else the
    TorchScript ``models/model.ts``; a config whose ``network_def`` loads TorchScript itself has them already.

    Raises:
        BadInputError: The weights are missing, unsafe to load, or do not fit the network.
    """
    bundle = config.bundle
    loader = next(iter(config.targets("CheckpointLoader")), None)
    checkpoint = None if loader is None and _loads_itself(config) else _checkpoint(config, loader)
    script = bundle.folder / TORCHSCRIPT
    if checkpoint is None and script.is_file() and not _loads_itself(config):
        return _ready(_load_script(script, device), device)
    network = config.build("network" if "network" in config else "network_def")
    if not isinstance(network, torch.nn.Module):
        raise BadInputError(
            f"the network of the bundle {bundle.name} is a {type(network).__name__}, expected a torch module",
            remedy="correct network_def in the inference config",
        )
    if isinstance(network, torch.jit.ScriptModule):
        return _ready(network, device)
    if checkpoint is not None:
        strict = str(config.raw(f"{loader}::strict", True)).lower() == "true" if loader else True
        _load_state(network, checkpoint, key=_state_key(config, loader), strict=strict)
    elif any(True for _ in network.parameters()) and not _loads_itself(config):
        raise BadInputError(
            f"the bundle {bundle.name} has no weights, expected {STATE} or {TORCHSCRIPT}", remedy=_download_hint(bundle)
        )
    return _ready(network, device)


def _checkpoint(config: BundleConfig, loader: str | None) -> Path | None:
    folder = config.bundle.folder
    if loader is None:
        return folder / STATE if (folder / STATE).is_file() else None
    path = folder / str(config.build(f"{loader}::load_path"))
    if path.is_file():
        return path
    if (folder / TORCHSCRIPT).is_file():
        return None
    name = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
    raise BadInputError(
        f"the bundle {config.bundle.name} has no {name}, which its CheckpointLoader reads",
        remedy=_download_hint(config.bundle),
    )


def _download_hint(bundle: Bundle) -> str:
    listed = next((name for name in ("large_files.yml", "large_files.yaml", "large_files.json")
                   if (bundle.folder / name).is_file()), None)  # fmt: skip
    if listed is None:
        return "put the weights there"
    return f"{listed} lists it: fetch it with `python -m monai.bundle download_large_files --bundle_path ...`"


def _loads_itself(config: BundleConfig) -> bool:
    """Whether the network's own expressions bring the weights."""
    text = f"{config.raw('network_def')}{config.raw('network')}"
    return any(call in text for call in ("jit.load", "torch.load", "load_state_dict"))


def _load_script(path: Path, device: torch.device) -> torch.nn.Module:
    try:
        return torch.jit.load(str(path), map_location=device)
    except (RuntimeError, ValueError) as error:
        raise BadInputError(
            f"{TORCHSCRIPT} is no TorchScript that this torch ({torch.__version__}) loads: {str(error)[:200]}",
            remedy="export the model again",
        ) from error


def _state_key(config: BundleConfig, loader: str | None) -> str:
    load_dict = config.raw(f"{loader}::load_dict") if loader else None
    return next(iter(load_dict), "model") if isinstance(load_dict, Mapping) else "model"


def _load_state(network: torch.nn.Module, path: Path, *, key: str, strict: bool) -> None:
    try:
        stored: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise BadInputError(
            f"{path.name} cannot be loaded as plain weights: {str(error).splitlines()[0][:200]}",
            remedy="save the network's state_dict: a pickle of anything else can run code when loaded",
        ) from error
    for name in (key, "state_dict", "model"):
        if isinstance(stored, Mapping) and isinstance(stored.get(name), Mapping):
            stored = stored[name]
            break
    if not isinstance(stored, Mapping):
        raise BadInputError(
            f"{path.name} holds a {type(stored).__name__}, expected a state_dict", remedy="export again"
        )
    try:
        network.load_state_dict(stored, strict=strict)
    except RuntimeError as error:
        raise BadInputError(
            f"{path.name} does not fit network_def: {' '.join(str(error).split())[:300]}",
            remedy="use the weights that belong to this config",
        ) from error


def _ready(network: torch.nn.Module, device: torch.device) -> torch.nn.Module:
    network = network.to(device).eval()
    for parameter in network.parameters():
        parameter.requires_grad_(requires_grad=False)
    return network
