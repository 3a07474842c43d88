"""The sending threads: one for each destination that has something to get."""

import logging
import threading
from collections.abc import Callable
from typing import Any

from clara_stages.dicom_adapter.config import Destination, Scu
from clara_stages.dicom_adapter.home import Home
from clara_stages.dicom_adapter.ledger import Ledger, deliveries
from clara_stages.dicom_adapter.ledger.deliveries import FAILED, PENDING, SENT
from clara_stages.dicom_adapter.outbox.association import (
    DestinationUnavailableError,
    OutgoingAssociation,
    Receipt,
    build_contexts,
)

FIRST_RETRY_S, LONGEST_RETRY_S = 2.0, 300.0
"""Back-off of a destination that did not take something: doubles from the first to the longest."""

STOP_S = 3.0
"""On shutdown, how long the instance in transfer may still take; without a receipt it is sent again later."""

log = logging.getLogger(__name__)


class Outbox:
    """Sends what the ledger has pending.

    Args:
        on_receipt: Called after receipts were written.
    """

    def __init__(self, scu: Scu, ledger: Ledger, home: Home, on_receipt: Callable[[], None]) -> None:
        slots = threading.BoundedSemaphore(scu.max_associations)
        self._workers = {
            item.name: _Worker(scu.ae_title, item, ledger, home, slots=slots, on_receipt=on_receipt)
            for item in scu.destinations
        }

    def start(self) -> None:
        """Begin, with what an earlier process left pending."""
        for worker in self._workers.values():
            worker.start()

    def wake(self, destinations: tuple[str, ...]) -> None:
        """There is something new for these destinations; a back-off in progress ends."""
        for name in destinations:
            if name in self._workers:
                self._workers[name].wake()

    def stop(self) -> None:
        """End all workers after the instance in transfer."""
        for worker in self._workers.values():
            worker.stop()
        for worker in self._workers.values():
            if worker.is_alive():
                worker.join(STOP_S)


class _Worker(threading.Thread):
    def __init__(
        self,
        calling_ae_title: str,
        destination: Destination,
        ledger: Ledger,
        home: Home,
        *,
        slots: threading.BoundedSemaphore,
        on_receipt: Callable[[], None],
    ) -> None:
        super().__init__(name=f"outbox {destination.name}", daemon=True)
        self._calling_ae_title = calling_ae_title
        self._destination = destination
        self._ledger = ledger
        self._home = home
        self._slots = slots
        self._on_receipt = on_receipt
        self._woken = threading.Event()
        self._stopping = False

    def wake(self) -> None:
        self._woken.set()

    def stop(self) -> None:
        self._stopping = True
        self._woken.set()

    def run(self) -> None:
        retry_s = 0.0
        while not self._stopping:
            self._woken.clear()
            try:
                again = self._send_pending()
            except Exception:  # the ledger or the disk; the other destinations go on
                log.exception("the outbox of %s had a problem", self._destination.name)
                again = True
            retry_s = min(max(FIRST_RETRY_S, 2 * retry_s), LONGEST_RETRY_S) if again else 0.0
            self._woken.wait(retry_s or None)

    def _send_pending(self) -> bool:
        """Send until nothing is pending or the destination needs a pause; whether it does."""
        while not self._stopping:
            rows = [row for row in self._pending() if not self._settle_without_sending(row)]
            if not rows:
                return False
            try:
                with self._slots:
                    refused = self._send_over_one_association(rows)
            except DestinationUnavailableError as error:
                self._note_unavailable(str(error))
                return True
            finally:
                self._on_receipt()
            if refused:
                return True
        return False

    def _send_over_one_association(self, rows: list[Any]) -> bool:
        contexts = build_contexts((row.sop_class_uid, row.transfer_syntax_uid) for row in rows)
        refused = False
        with OutgoingAssociation(self._calling_ae_title, self._destination, contexts) as association:
            tried: set[int] = set()
            while rows and not self._stopping:
                for row in rows:
                    tried.add(row.id)
                    if association.proposes(row.sop_class_uid, row.transfer_syntax_uid) and not self._stopping:
                        refused |= not self._send_one(association, row)
                # What was posted meanwhile goes over the same association where its contexts allow.
                rows = [
                    row
                    for row in self._pending()
                    if row.id not in tried and association.proposes(row.sop_class_uid, row.transfer_syntax_uid)
                ]
        return refused

    def _send_one(self, association: OutgoingAssociation, row: Any) -> bool:
        if self._settle_without_sending(row):
            return True
        try:
            receipt = association.send(self._home.outbox / row.file, row.sop_class_uid, row.transfer_syntax_uid)
        except DestinationUnavailableError as error:
            self._write(row, Receipt(state=PENDING, status=None, reason=str(error)))
            raise
        self._write(row, receipt)
        log.info(
            "instance %s to %s: %s %s", row.sop_instance_uid, self._destination.name, receipt.state, receipt.reason
        )
        return receipt.state != PENDING

    def _settle_without_sending(self, row: Any) -> bool:
        """Write the receipt of an instance that must not go out: sent before, or its copy is gone."""
        earlier = self._ledger.read(lambda c: deliveries.sent_elsewhere(c, row))
        if earlier is not None and earlier.digest == row.digest:
            reason = f"already sent with result {earlier.result_key}"
            receipt = Receipt(state=SENT, status=earlier.status, reason=reason)
        elif earlier is not None:
            reason = f"result {earlier.result_key} already sent this UID with other content; the first stays"
            receipt = Receipt(state=FAILED, status=None, reason=reason)
        elif not (self._home.outbox / row.file).is_file():
            receipt = Receipt(
                state=FAILED, status=None, reason="its copy in the outbox is gone; run the workflow again"
            )
        else:
            return False
        self._write(row, receipt, attempted=False)
        self._on_receipt()
        return True

    def _pending(self) -> list[Any]:
        return self._ledger.read(lambda c: deliveries.pending_instances(c, self._destination.name))

    def _write(self, row: Any, receipt: Receipt, *, attempted: bool = True) -> None:
        self._ledger.write(
            lambda c: deliveries.record_receipt(
                c, row.id, state=receipt.state, status=receipt.status, reason=receipt.reason, attempted=attempted
            )
        )

    def _note_unavailable(self, reason: str) -> None:
        log.warning("%s; tried again", reason)
        self._ledger.write(lambda c: deliveries.note_waiting(c, self._destination.name, reason))
