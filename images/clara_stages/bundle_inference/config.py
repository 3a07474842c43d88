"""A bundle's own inference config, parsed and instantiated by MONAI, with errors that name the key.

The expressions of a config are code. They run only between ``bundle_code`` and its end, from the bundle's folder.
"""

import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser, ReferenceResolver

from clara_stages.bundle_inference.bundle import METADATA, Bundle
from clara_stages.kit import BadInputError, StageError

BUNDLE_PACKAGE = "scripts"
"""The package in which a bundle of the Model Zoo keeps its own code."""

_CUDA_DEVICE = re.compile(r"torch\.device\((['\"])cuda(?::\d+)?\1\)")
_SAVERS = ("SaveImaged", "SaveImageD", "SaveImageDict")
_LOADERS = ("LoadImaged", "LoadImageD", "LoadImageDict")
_TEXT_CHARACTERS = 300
"""Longest quotation of a config's text or of somebody else's error in ours."""


@contextmanager
def bundle_code(folder: Path) -> Iterator[None]:
    """Run a bundle's code: imports and relative paths start at its folder, and nothing is written there."""
    path, cwd, no_bytecode = list(sys.path), Path.cwd(), sys.dont_write_bytecode
    foreign = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == BUNDLE_PACKAGE}
    known = set(sys.modules)
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    os.chdir(folder)  # "%configs/other.json::key" and "models/model.pt" are relative to the bundle
    logging.getLogger("monai.data.nvimgcodec_pydicom_plugin").setLevel(logging.ERROR)  # a reader nobody asked for
    try:
        with warnings.catch_warnings():
            # What MONAI and torch will change one day is for the bundle's author, not for every task log.
            warnings.filterwarnings("ignore", category=FutureWarning)
            warnings.filterwarnings("ignore", category=DeprecationWarning)
            warnings.filterwarnings("ignore", message=".*nvImageCodec.*")
            yield
    finally:
        os.chdir(cwd)
        sys.path[:], sys.dont_write_bytecode = path, no_bytecode
        for name in set(sys.modules) - known:
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(f"{folder}{os.sep}"):
                del sys.modules[name]
        sys.modules.update(foreign)


class BundleConfig:
    """The inference config of a bundle. Use it inside ``bundle_code``.

    Args:
        bundle: The bundle.
        device: ``cpu`` or ``cuda``; what the config's own ``device`` becomes.

    Raises:
        BadInputError: The config cannot be parsed.
    """

    def __init__(self, bundle: Bundle, *, device: str) -> None:
        self.bundle = bundle
        self._parser = ConfigParser()
        try:
            self._parser.read_meta(str(bundle.folder / METADATA))
            self._parser.read_config(str(bundle.config_file))
            self._parser["bundle_root"] = str(bundle.folder)
            self._parser["device"] = f"$torch.device('{device}')"
            self._parser.resolve_macro_and_relative_ids()
            if device == "cpu":
                self._parser[""] = _without_cuda(self._parser[""])
            self._adapt(device)
            self._parser.parse()
        except Exception as error:
            raise BadInputError(
                f"{self._file} of the bundle {bundle.name} cannot be parsed: {_quote(str(error))}",
                remedy="correct the config; `python -m monai.bundle verify_metadata` and an editor help",
            ) from error

    @property
    def _file(self) -> str:
        return self.bundle.config_file.relative_to(self.bundle.folder).as_posix()

    def __contains__(self, key: str) -> bool:
        return key in self._parser

    def raw(self, key: str, default: Any = None) -> Any:
        """The text of a key, before anything is evaluated."""
        return self._parser.get(key, default)

    def build(self, key: str) -> Any:
        """The object that a key means: evaluated, instantiated, with all it refers to.

        Raises:
            BadInputError: The key is missing, or it or something it refers to fails; names that and its text.
        """
        if key not in self._parser:
            raise BadInputError(
                f"{self._file} of the bundle {self.bundle.name} has no key {key!r}",
                remedy="an inference config of the Model Zoo has network_def, preprocessing and postprocessing",
            )
        try:
            return self._parser.get_parsed_content(key)
        except StageError:
            raise
        except Exception as error:
            raise self._explained(key, error) from error

    def targets(self, name: str) -> list[str]:
        """Keys of the components whose ``_target_`` ends in ``name``, enabled ones only, in the order of the file."""
        return [
            key
            for key, part in _walk(self._parser[""])
            if _target(part) == name and str(part.get("_disabled_", False)).lower() != "true"
        ]

    def _adapt(self, device: str) -> None:
        for transform in self._transforms("preprocessing"):
            if _target(transform) in _LOADERS:
                transform["reader"] = "NibabelReader"  # our volume is NIfTI, whatever the training data was
        post = self._transforms("postprocessing")
        saver = next((index for index, item in enumerate(post) if _target(item) in _SAVERS), None)
        if saver is not None:
            del post[saver:]  # saving is this stage's; what follows works on files
        inferer = self._parser.get("inferer")
        if device == "cpu" and isinstance(inferer, dict):
            inferer.update({key: "@device" for key in ("device", "sw_device") if key in inferer})

    def _transforms(self, key: str) -> list[Any]:
        transforms = self._parser.get(f"{key}::transforms")
        return transforms if isinstance(transforms, list) else []

    def _explained(self, key: str, error: Exception) -> BadInputError:
        culprit = self._culprit(key, set())
        text = self._parser.get(culprit)
        target = _target(text)
        root = _root(error)
        missing = self.bundle.missing_packages()
        return BadInputError(
            f"{self._file} of the bundle {self.bundle.name}: {culprit} ({_quote(target or str(text))}) fails: "
            f"{type(root).__name__}: {_quote(str(root))}",
            remedy=f"install {', '.join(missing)}" if missing else "correct the bundle",
        )

    def _culprit(self, key: str, seen: set[str]) -> str:
        """The innermost key that fails, following children and references."""
        seen.add(key)
        for reference in ReferenceResolver.find_refs_in_config(self._parser.get(key), key):
            if reference in seen or reference not in self._parser:
                continue
            try:
                self._parser.get_parsed_content(reference)
            except Exception:  # whatever the bundle's code raises: it is being located, not hidden
                return self._culprit(reference, seen)
        return key


def explain(phase: str, bundle: Bundle, error: Exception) -> BadInputError:
    """The error of a bundle's code at work, as ours."""
    root = _root(error)
    missing = bundle.missing_packages()
    return BadInputError(
        f"{phase} of the bundle {bundle.name} fails on this volume: {type(root).__name__}: {_quote(str(root))}",
        remedy=f"install {', '.join(missing)}" if missing else "see the traceback in the log; correct the bundle",
    )


def _walk(config: Any, key: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(config, dict):
        yield key, config
    if isinstance(config, (dict, list)):
        for _, child, value in ReferenceResolver.iter_subconfigs(key, config):
            yield from _walk(value, child)


def _target(config: Any) -> str:
    target = config.get("_target_") if isinstance(config, dict) else None
    return target.rsplit(".", 1)[-1] if isinstance(target, str) else ""


def _without_cuda(config: Any) -> Any:
    """The config with ``torch.device('cuda')`` in its expressions made ``cpu``."""
    if isinstance(config, dict):
        return {key: _without_cuda(value) for key, value in config.items()}
    if isinstance(config, list):
        return [_without_cuda(value) for value in config]
    if isinstance(config, str) and config.startswith("$"):
        return _CUDA_DEVICE.sub("torch.device('cpu')", config)
    return config


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _quote(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TEXT_CHARACTERS else f"{line[:_TEXT_CHARACTERS]}..."
