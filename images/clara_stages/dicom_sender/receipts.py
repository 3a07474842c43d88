"""What became of each instance at each destination: the file that this stage writes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from clara_stages.kit.files import write_json

RECEIPTS_FILE = "receipts.json"


@dataclass(frozen=True, kw_only=True)
class InstanceReceipt:
    """One instance at one destination.

    Attributes:
        sop_instance_uid: Which instance.
        state: ``pending``, ``sent`` or ``failed``.
        status: The C-STORE status (PS3.7 C) as the adapter states it, or as four hexadecimal digits; empty before
            an answer.
        attempts: How often it was offered.
    """

    sop_instance_uid: str
    state: str
    status: str
    attempts: int


@dataclass(frozen=True, kw_only=True)
class DestinationReceipt:
    """One destination; ``state`` as above, for all instances together."""

    state: str
    reason: str = ""
    instances: list[InstanceReceipt] = field(default_factory=list)


def parse_receipts(delivery: Mapping[str, Any]) -> dict[str, DestinationReceipt]:
    """The receipts in a delivery as the adapter tells it (docs/adapter-api.md), by the destination's name.

    Raises:
        ValueError: It is no delivery.
    """
    try:
        return {
            str(name): DestinationReceipt(
                state=str(item["state"]),
                reason=str(item.get("reason") or ""),
                instances=[_instance(one) for one in item.get("instances", [])],
            )
            for name, item in delivery["destinations"].items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the adapter's answer is no delivery: {type(error).__name__}: {error}") from None


def _instance(item: Mapping[str, Any]) -> InstanceReceipt:
    status = item.get("status")
    return InstanceReceipt(
        sop_instance_uid=str(item["sop_instance_uid"]),
        state=str(item["state"]),
        status=f"{status:04X}" if isinstance(status, int) else str(status or ""),
        attempts=int(item.get("attempts") or 0),
    )


def write_receipts(folder: Path, result_key: str, receipts: Mapping[str, DestinationReceipt]) -> None:
    """Write ``receipts.json``."""
    write_json(
        folder / RECEIPTS_FILE,
        {"result_key": result_key, "destinations": {name: asdict(receipt) for name, receipt in receipts.items()}},
    )
