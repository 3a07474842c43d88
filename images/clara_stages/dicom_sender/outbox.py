"""Delivery through the adapter's outbox: hand over once, then wait for the receipts."""

import time
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path

from clara_stages.dicom_sender.adapter import AdapterClient, Answer
from clara_stages.dicom_sender.instances import Instance
from clara_stages.dicom_sender.receipts import DestinationReceipt, parse_receipts
from clara_stages.kit import BadInputError, PeerUnavailableError, StageIO

POLL_S = 20.0
"""Length of one long poll: short enough for a progress line, long enough to cost nothing."""

OUTAGE_PAUSE_S = 1.0
"""Pause after a poll that found no adapter: it may be restarting, and what it took is in its ledger."""


POLL_PAUSE_S = 0.1
"""Pause between polls: a proxy in between may answer at once instead of waiting."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What is handed over.

    Attributes:
        result_key: Equal keys mean the same delivery: handing over twice sends once.
        folder: Where the files are, as the adapter sees it: the io volume is mounted at the same path everywhere.
        destinations: Names in the adapter's configuration.
        instances: The files.
    """

    result_key: str
    folder: Path
    destinations: list[str]
    instances: list[Instance]


def deliver(io: StageIO, client: AdapterClient, delivery: Delivery, wait_s: float) -> dict[str, DestinationReceipt]:
    """Hand a delivery to the adapter and wait until every destination has it.

    Returns:
        The receipts of the destinations asked for, all ``sent``.

    Raises:
        BadInputError: The adapter refuses the delivery, or a destination failed for good.
        PeerUnavailableError: The adapter is away, or a destination has not got everything after ``wait_s`` seconds;
            the adapter goes on trying, and a retry of this stage only waits.
    """
    _hand_over(io, client, delivery)
    deadline = time.monotonic() + wait_s
    while True:
        receipts, outage = _poll(client, delivery, max(0.0, min(POLL_S, deadline - time.monotonic())))
        if receipts is not None:
            _raise_where_failed(receipts)
            _report(io, receipts)
            if all(receipt.state == "sent" for receipt in receipts.values()):
                return receipts
        if time.monotonic() >= deadline:
            raise outage or _not_yet_sent(receipts or {}, wait_s)
        time.sleep(OUTAGE_PAUSE_S if outage else POLL_PAUSE_S)


def _hand_over(io: StageIO, client: AdapterClient, delivery: Delivery) -> None:
    answer = client.post_delivery(
        {
            "result_key": delivery.result_key,
            "folder": str(delivery.folder),
            "destinations": delivery.destinations,
            "workflow": io.request.workflow,
            "dag_run_id": io.request.dag_run_id,
            "instances": [asdict(instance) for instance in delivery.instances],
        }
    )
    if answer.status == HTTPStatus.CONFLICT:
        io.warn(
            "the adapter holds this result already, with other bytes: the stored one wins and is the one that is sent, "
            "because the same UIDs must not name two contents"
        )
    elif answer.status not in (HTTPStatus.OK, HTTPStatus.CREATED):
        raise BadInputError(
            f"the adapter refused the delivery to {', '.join(delivery.destinations)} ({answer.status}): "
            f"{answer.detail}",
            remedy="name destinations that the adapter's configuration knows, and files that it can read",
        )
    else:
        state = "took" if answer.status == HTTPStatus.CREATED else "knows"
        io.progress(0.1, f"the adapter {state} {len(delivery.instances)} instance(s)")


def _poll(
    client: AdapterClient, delivery: Delivery, wait_s: float
) -> tuple[dict[str, DestinationReceipt] | None, PeerUnavailableError | None]:
    """The receipts of the destinations asked for, or the outage that kept them."""
    try:
        answer = client.get_delivery(delivery.result_key, wait_s)
    except PeerUnavailableError as error:
        return None, error
    if answer.status != HTTPStatus.OK:
        raise _unexpected(answer)
    try:
        receipts = parse_receipts(answer.body)
    except ValueError as error:
        raise BadInputError(str(error), remedy="install the same clara-stages in the adapter and the stages") from None
    missing = [name for name in delivery.destinations if name not in receipts]
    if missing:
        raise BadInputError(
            f"the adapter's delivery of this result goes to {', '.join(receipts) or 'nobody'}, "
            f"not to {', '.join(missing)}",
            remedy="the same result was handed over with other destinations before: send it again from the adapter",
        )
    return {name: receipts[name] for name in dict.fromkeys(delivery.destinations)}, None


def _unexpected(answer: Answer) -> PeerUnavailableError:
    return PeerUnavailableError(
        f"the adapter answered {answer.status} to a delivery that it took: {answer.detail}",
        remedy="see the adapter's log; its ledger may have been replaced. A retry hands the result over again",
    )


def _raise_where_failed(receipts: dict[str, DestinationReceipt]) -> None:
    failed = {name: receipt for name, receipt in receipts.items() if receipt.state == "failed"}
    if not failed:
        return
    sentences = []
    for name, receipt in failed.items():
        statuses = sorted({one.status for one in receipt.instances if one.state == "failed" and one.status})
        status = f"status {', '.join(statuses)}" if statuses else "no status"
        sentences.append(f"{name}: {status}{f' ({receipt.reason})' if receipt.reason else ''}")
    raise BadInputError(
        f"delivery failed for good to {'; '.join(sentences)}",
        remedy="look at the destination's own log for these instances, mend it, then send again from the adapter",
    )


def _report(io: StageIO, receipts: dict[str, DestinationReceipt]) -> None:
    instances = [one for receipt in receipts.values() for one in receipt.instances]
    sent = sum(one.state == "sent" for one in instances)
    total = max(len(instances), 1)
    io.progress(0.1 + 0.9 * sent / total, f"{sent} of {len(instances)} instance(s) are at their destination")


def _not_yet_sent(receipts: dict[str, DestinationReceipt], wait_s: float) -> PeerUnavailableError:
    waiting = [
        f"{name}{f' ({receipt.reason})' if receipt.reason else ''}"
        for name, receipt in receipts.items()
        if receipt.state != "sent"
    ]
    return PeerUnavailableError(
        f"after {wait_s:g} s {', '.join(waiting)} has not got everything",
        remedy="the adapter goes on trying; check that the destination runs. A retry of this stage only waits again",
    )
