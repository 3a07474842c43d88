"""What every writer gets besides pixels."""

from collections.abc import Callable
from dataclasses import dataclass

from clara_stages.kit.contract import StageRequest


@dataclass(frozen=True, kw_only=True)
class ResultContext:
    """The run that a result belongs to.

    Attributes:
        request: Its key, installation and rollout mode make the UIDs.
        warn: Tells the person who looks at the run; attributes are named, values never.
    """

    request: StageRequest
    warn: Callable[[str], None]
