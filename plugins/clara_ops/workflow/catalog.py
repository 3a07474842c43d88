"""The stages there are: every ``stage.yaml`` of the installed packages and of the site's own folders."""

import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from clara_ops.workflow.document import Loader
from clara_ops.workflow.problems import Problem, WorkflowError
from clara_ops.workflow.spec import Name
from clara_stages.kit.contract import CONTRACT_VERSION, Kind

ENTRY_POINT_GROUP = "clara.stages"
"""A package that carries stages names itself in this group."""


class Port(BaseModel):
    """One input or output of a stage."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Kind
    optional: bool = False


class ManifestResources(BaseModel):
    """What a stage needs where the workflow does not say."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    cpu: float = 1
    memory_mib: int = 1024
    gpu: int = 0
    timeout_s: int = 600


class Manifest(BaseModel):
    """A ``stage.yaml``."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    stage: Name
    version: str
    contract: list[int] = Field(min_length=1)
    description: str = ""
    primary_input: str | None = None
    inputs: dict[str, Port] = Field(default_factory=dict)
    outputs: dict[str, Port] = Field(default_factory=dict)
    params: dict[str, dict[str, Any]] = Field(default_factory=dict)
    services: list[str] = Field(default_factory=list)
    command: list[str] | None = Field(default=None, description="program of a stage that is no Python package")
    resources: ManifestResources = ManifestResources()

    def defaults(self) -> dict[str, Any]:
        """Parameter -> default, for those that have one."""
        return {name: schema["default"] for name, schema in self.params.items() if "default" in schema}


@dataclass(frozen=True, kw_only=True)
class CatalogEntry:
    """A stage and how to start it as a process.

    Attributes:
        manifest: Its ``stage.yaml``.
        module: Python module of a stage from a package, None for one from a site folder.
    """

    manifest: Manifest
    module: str | None = None


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """All stages, and what was wrong with the manifests that could not be read."""

    entries: dict[str, CatalogEntry] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def manifest(self, image: str) -> Manifest:
        """The manifest of an image. Raises KeyError."""
        return self.entries[image].manifest


@lru_cache(maxsize=4)
def load_catalog(stage_folders: tuple[Path, ...] = ()) -> Catalog:
    """Every stage of the installed packages, then of ``stage_folders``, where a site may replace ours by name.

    A manifest that cannot be read is a problem of the catalog, not of its neighbours.
    """
    entries: dict[str, CatalogEntry] = {}
    problems: list[Problem] = []
    for package, file in [*_packaged(), *((None, file) for folder in stage_folders for file in _manifests(folder))]:
        try:
            manifest = _load_manifest(file)
        except WorkflowError as error:
            problems.extend(error.problems)
            continue
        module = f"{package}.{file.parent.name}" if package and manifest.command is None else None
        entries[manifest.stage] = CatalogEntry(manifest=manifest, module=module)
    return Catalog(entries=entries, problems=tuple(problems))


def _packaged() -> Iterable[tuple[str, Path]]:
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name):
        # find_spec of a top-level package imports nothing: a manifest must not cost its stage's libraries.
        found = importlib.util.find_spec(point.value)
        for location in (found.submodule_search_locations if found else None) or ():
            for file in _manifests(Path(location)):
                yield point.value, file


def _manifests(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/stage.yaml"))


def _load_manifest(file: Path) -> Manifest:
    where = f"{file.parent.name}/{file.name}"
    try:
        manifest = Manifest.model_validate(yaml.load(file.read_text(encoding="utf-8"), Loader=Loader))  # noqa: S506 - Loader is the safe one
    except (OSError, yaml.YAMLError, ValidationError) as error:
        found = str(error).replace("\n", " ")
        raise WorkflowError([Problem(file=where, line=0, found=found, expected="a stage manifest")]) from None
    if CONTRACT_VERSION not in manifest.contract:
        found = f"the stage speaks contract {manifest.contract}"
        raise WorkflowError([Problem(file=where, line=0, found=found, expected=f"{CONTRACT_VERSION} among them")])
    return manifest
