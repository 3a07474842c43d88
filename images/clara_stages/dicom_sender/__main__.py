"""Hand DICOM instances to the adapter's outbox and wait for the receipts, or send them by hand."""

from dataclasses import dataclass, field

from clara_stages.dicom_sender.adapter import AdapterClient
from clara_stages.dicom_sender.direct import parse_node, send_direct
from clara_stages.dicom_sender.instances import Instance, load_instances
from clara_stages.dicom_sender.outbox import Delivery, deliver
from clara_stages.dicom_sender.receipts import DestinationReceipt, write_receipts
from clara_stages.kit import BadInputError, NothingToDoError, StageIO, run


@dataclass(frozen=True, kw_only=True)
class Params:
    """Parameters of the stage.

    Attributes:
        destinations: Names of destinations in the adapter's configuration.
        direct: ``host:port:AE_TITLE``: send without an adapter, by hand.
        wait_s: How long to wait for the receipts.
    """

    destinations: list[str] = field(default_factory=list)
    direct: str = ""
    wait_s: float = 240.0


def main(io: StageIO) -> None:
    """Send every instance of the input to every destination and write the receipts."""
    params = io.params(Params)
    if params.direct and params.destinations:
        raise BadInputError(
            "both destinations and direct are given", remedy="name destinations of the adapter, or one node by hand"
        )
    if not params.direct and not params.destinations:
        raise NothingToDoError(
            "no destinations are named: nothing is sent",
            remedy="none needed where the arrival names none; else set params.destinations of this stage",
        )
    folder = io.reads("instances")
    instances = load_instances(folder)
    result_key = io.request.input_keys.get("instances") or io.request.stage_key
    if params.direct:
        io.uses("pynetdicom")
        node = parse_node(params.direct)
        receipts = {node.ae_title: send_direct(io, node, folder, instances)}
    else:
        delivery = Delivery(result_key=result_key, folder=folder, destinations=params.destinations, instances=instances)
        with AdapterClient.from_environment() as client:
            receipts = deliver(io, client, delivery, params.wait_s)
    write_receipts(io.writes("receipts"), result_key, receipts)
    _report(io, instances, receipts)


def _report(io: StageIO, instances: list[Instance], receipts: dict[str, DestinationReceipt]) -> None:
    for name, receipt in receipts.items():
        warned = sum(one.status not in ("", "0000") for one in receipt.instances)
        if warned:
            io.warn(f"{name} stored {warned} instance(s) with a warning status; see receipts.json")
    io.metric("instances", len(instances))
    io.metric("destinations", len(receipts))


if __name__ == "__main__":
    run(main, stage="dicom_sender")
