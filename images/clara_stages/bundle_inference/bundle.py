"""A MONAI Bundle on disk: its folder, metadata and inference config. Read before anything heavy is imported."""

import json
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from clara_stages.kit import BadInputError
from clara_stages.kit.contract.keys import bundle_digest

METADATA = "configs/metadata.json"
CONFIGS = ("configs/inference.json", "configs/inference.yaml", "configs/inference.yml")
"""Where the Model Zoo keeps the config that ``monai.bundle run`` takes for inference."""

_NOT_NEEDED = frozenset({"pytorch-ignite", "tensorboard", "fire", "itk", "nibabel"})
"""Packages that Zoo bundles name for training, their evaluator or their reader: this stage replaces these."""


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """One bundle. ``metadata`` is the whole of ``configs/metadata.json``; ``config_file`` is absolute."""

    folder: Path
    metadata: dict[str, Any]
    config_file: Path

    @property
    def name(self) -> str:
        """What results call the algorithm: ``algorithm_name``, else the Zoo's ``name``, else the folder's name."""
        return str(self.metadata.get("algorithm_name") or self.metadata.get("name") or self.folder.name)

    @property
    def version(self) -> str:
        """The bundle's own version, "" where it has none."""
        return str(self.metadata.get("version", ""))

    @property
    def input_image(self) -> dict[str, Any]:
        """The metadata's description of the one image the network takes; empty where there is none."""
        inputs = _mapping(_mapping(self.metadata.get("network_data_format")).get("inputs"))
        return _mapping(inputs.get("image") or next(iter(inputs.values()), None))

    @property
    def output_map(self) -> dict[str, Any]:
        """The metadata's description of ``pred``, or of the only output; empty where there is none."""
        outputs = _mapping(_mapping(self.metadata.get("network_data_format")).get("outputs"))
        return _mapping(outputs.get("pred") or next(iter(outputs.values()), None))

    def digest(self) -> str:
        """SHA-256 over the bundle's files."""
        return bundle_digest(self.folder)

    def missing_packages(self) -> list[str]:
        """Packages the metadata requires that are not installed, as ``name==version``."""
        required = _mapping(self.metadata.get("required_packages_version"))
        optional = _mapping(self.metadata.get("optional_packages_version"))
        return [
            f"{name}=={wanted}"
            for name, wanted in (optional | required).items()
            if name not in _NOT_NEEDED and not _installed(name)
        ]


def load_bundle(folder: Path) -> Bundle:
    """The bundle in ``folder``.

    Raises:
        BadInputError: The folder is no bundle, or its metadata is not JSON.
    """
    folder = folder.resolve()
    metadata_file = folder / METADATA
    if not metadata_file.is_file():
        inside = sorted(item.parent.parent.name for item in folder.glob(f"*/{METADATA}"))
        hint = (
            f"the bundle is one folder further down: {inside[0]}" if len(inside) == 1 else "give a bundle's root folder"
        )
        raise BadInputError(f"the bundle {folder.name} has no {METADATA}", remedy=hint)
    try:
        metadata = json.loads(metadata_file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInputError(
            f"{METADATA} of the bundle {folder.name} is no JSON: {error}", remedy="correct it"
        ) from None
    if not isinstance(metadata, dict):
        raise BadInputError(f"{METADATA} holds a {type(metadata).__name__}, expected an object", remedy="correct it")
    for name in CONFIGS:
        if (folder / name).is_file():
            return Bundle(folder=folder, metadata=metadata, config_file=folder / name)
    raise BadInputError(
        f"the bundle {folder.name} has no inference config, expected one of {', '.join(CONFIGS)}",
        remedy="a bundle for training only cannot be run here; add an inference config",
    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True
