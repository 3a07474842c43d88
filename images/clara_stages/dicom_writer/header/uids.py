"""UIDs of results: derived, never random, so that a re-run gives the same objects."""

import uuid

from clara_stages.kit.contract import StageRequest

_NAMESPACE = uuid.UUID("6b1f0a52-6f0e-5c53-9d0c-5f3c2c0f7a11")
"""The name space of all UIDs made here. Never change it: results that are sent again would get new UIDs."""


def result_uid(request: StageRequest, role: str) -> str:
    """A UID for one role in the result of one stage (PS3.5 B.2: ``2.25.`` and a UUID as a decimal number).

    Args:
        request: Its key, installation and rollout mode go in: a test run never collides with the live one.
        role: What the UID names, for example ``seg instance``.
    """
    name = f"{request.stage_key}|{request.installation}|{request.rollout_mode}|{role}"
    return f"2.25.{uuid.uuid5(_NAMESPACE, name).int}"
