"""The ``[clara]`` section of Airflow's configuration, read once a process. ``provider.py`` documents the options."""

import json
import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from airflow.configuration import conf

ANY_PATH = "*"
"""In ``study_roots``: a run may name any folder. Only the laptop profile says so."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where things are and how stages run at this site.

    Attributes:
        io_root: Folder (or volume, mounted at the same path everywhere) of studies and runs.
        workflows_folder: Where the workflow YAML files lie.
        bundle_root: Where model bundles lie; nothing outside it is ever run.
        study_roots: Folders a run may take its study from, besides arrivals; ``*`` is any.
        stage_folders: Folders of a site's own stage manifests.
        runtime: ``process`` or ``kubernetes``.
        installation: This installation's name; part of every UID made here.
        rollout_mode: ``live``, ``test``, ``shadow`` or ``off``.
        adapter_conn_id: Airflow connection of the DICOM adapter.
        python: Interpreter that runs stages in the process runtime.
        term_grace_s: From SIGTERM to SIGKILL.
        queue_timeout_s: How long a pod may wait for a node.
        retries: How often a retriable failure is tried again.
        retry_delay_s: Before the first retry; it doubles.
    """

    io_root: Path
    workflows_folder: Path
    bundle_root: Path
    study_roots: tuple[str, ...]
    stage_folders: tuple[Path, ...]
    runtime: str
    installation: str
    rollout_mode: str
    adapter_conn_id: str
    python: str
    term_grace_s: float
    queue_timeout_s: int
    retries: int
    retry_delay_s: float


@lru_cache(maxsize=1)
def load_settings() -> Settings:
    """The settings of this process.

    Raises:
        ValueError: An option has a value that means nothing.
    """

    def text(key: str) -> str:
        return conf.get("clara", key).strip()

    def folder(key: str) -> Path:
        return Path(os.path.expandvars(text(key))).expanduser().resolve()

    def entries(key: str) -> tuple[str, ...]:
        return tuple(item.strip() for item in text(key).split(",") if item.strip())

    runtime = text("runtime")
    if runtime not in ("process", "kubernetes"):
        raise ValueError(f"[clara] runtime is {runtime!r}, expected 'process' or 'kubernetes'")
    return Settings(
        io_root=folder("io_root"),
        workflows_folder=folder("workflows_folder"),
        bundle_root=folder("bundle_root"),
        study_roots=entries("study_roots"),
        stage_folders=tuple(Path(item).expanduser().resolve() for item in entries("stage_folders")),
        runtime=runtime,
        installation=text("installation"),
        rollout_mode=text("rollout_mode"),
        adapter_conn_id=text("adapter_conn_id"),
        python=text("python") or sys.executable,
        term_grace_s=conf.getfloat("clara", "term_grace_s"),
        queue_timeout_s=conf.getint("clara", "queue_timeout_s"),
        retries=conf.getint("clara", "retries"),
        retry_delay_s=conf.getfloat("clara", "retry_delay_s"),
    )


@dataclass(frozen=True, kw_only=True)
class KubernetesSettings:
    """What the kubernetes runtime needs besides.

    Attributes:
        images: Stage image name -> registry reference with digest.
        namespace: Namespace of stage pods.
        io_claim: ReadWriteMany volume claim mounted at ``io_root``.
        bundle_claim: Volume claim mounted read-only at ``bundle_root``.
        bundle_root: Where bundles lie in a pod: where they lie everywhere.
        adapter_secret: Secret with CLARA_ADAPTER_URL and CLARA_ADAPTER_TOKEN.
    """

    images: dict[str, str]
    namespace: str
    io_claim: str
    bundle_claim: str
    bundle_root: str
    adapter_secret: str


@lru_cache(maxsize=1)
def load_kubernetes_settings() -> KubernetesSettings:
    """The settings of the kubernetes runtime.

    Raises:
        ValueError: ``images`` is no JSON object.
    """
    images = json.loads(conf.get("clara", "images") or "{}")
    if not isinstance(images, dict):
        raise ValueError(f"[clara] images is {type(images).__name__}, expected a JSON object")  # noqa: TRY004
    return KubernetesSettings(
        images=images,
        namespace=conf.get("clara", "namespace"),
        io_claim=conf.get("clara", "io_claim"),
        bundle_claim=conf.get("clara", "bundle_claim"),
        bundle_root=str(load_settings().bundle_root),
        adapter_secret=conf.get("clara", "adapter_secret"),
    )
