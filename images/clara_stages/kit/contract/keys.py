"""Keys: equal keys mean equal results."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from clara_stages.kit.contract.digests import folder_digest
from clara_stages.kit.contract.request import CONTRACT_VERSION


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


def bundle_digest(bundle: Path) -> str:
    """Digest of a bundle: its files without caches."""
    return folder_digest(bundle, without=frozenset({"__pycache__", ".git"}))
