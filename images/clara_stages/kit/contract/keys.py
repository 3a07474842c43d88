"""Keys and digests: equal keys mean equal results."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from clara_stages.kit.contract.request import CONTRACT_VERSION

_HASHING_THREADS = 4
"""More than that wait for the disk."""

_UNREADABLE = "unreadable"
"""In place of a digest."""


def study_digest(sop_instance_uids: Iterable[str]) -> str:
    """SHA-256 of the sorted SOP Instance UIDs: the root key of a study.

    Of the UIDs and not of the bytes, because bytes differ with the transfer syntax of one and the same study.
    """
    return hashlib.sha256("\n".join(sorted(set(sop_instance_uids))).encode()).hexdigest()


def stage_key(
    *,
    stage_version: str,
    params: Mapping[str, Any],
    input_keys: Mapping[str, str],
    bundle_digest: str | None = None,
) -> str:
    """The key of what a stage makes of its inputs.

    Args:
        stage_version: ``<image>@<image digest or manifest version>``.
        params: Values after defaults.
        input_keys: Input name -> key of the stage output, study or bundle it reads.
        bundle_digest: Digest of the model, where one is used.
    """
    document = {
        "contract": CONTRACT_VERSION,
        "stage": stage_version,
        "params": dict(params),
        "bundle": bundle_digest,
        "inputs": dict(input_keys),
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def folder_digest(
    folder: Path,
    *,
    without: frozenset[str] = frozenset(),
    known: Mapping[Path, str] | None = None,
    strict: bool = True,
) -> str:
    """SHA-256 over the relative names and bytes of every file under ``folder``, in name order.

    Args:
        folder: Where to look; symbolic links are followed.
        without: Folder names to leave out, such as ``__pycache__``.
        known: ``file_digest`` of files that need not be read again, for it was made as they were written.
        strict: Whether a file that cannot be read is an error; else its name alone counts, as of an input that a
            stage will leave out.

    Raises:
        OSError: A file cannot be read.
    """
    known = known or {}

    def digest_of(path: Path) -> str:
        try:
            return known.get(path) or file_digest(path)
        except OSError:
            if strict:
                raise
            return _UNREADABLE

    files = sorted(path for path in folder.rglob("*") if path.is_file())
    kept = [path for path in files if not without.intersection(path.relative_to(folder).parts)]
    total = hashlib.sha256()
    with ThreadPoolExecutor(_HASHING_THREADS) as pool:  # hashing leaves the interpreter to others
        for path, digest in zip(kept, pool.map(digest_of, kept), strict=True):
            total.update(os.fsencode(path.relative_to(folder)) + f"\0{digest}\n".encode())
    return total.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def bundle_digest(bundle: Path) -> str:
    """Digest of a bundle: its files without caches."""
    return folder_digest(bundle, without=frozenset({"__pycache__", ".git"}))
