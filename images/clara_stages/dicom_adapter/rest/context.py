"""What the routes work with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

from clara_stages.dicom_adapter.ledger import Ledger
from clara_stages.dicom_adapter.ledger.store import Operation
from clara_stages.dicom_adapter.notify import Notifier
from clara_stages.dicom_adapter.outbox.accept import OutboxIntake

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class RestContext:
    """The parts of the adapter behind the API.

    Attributes:
        offers: Rings when a pair may have become leasable.
        receipts: Rings when a delivery moved.
        not_ready: Why the adapter cannot work just now, "" when it can.
    """

    ledger: Ledger
    outbox: OutboxIntake
    offers: Notifier
    receipts: Notifier
    overdue_s: float
    not_ready: Callable[[], str]

    async def read(self, query: Operation[T]) -> T:
        """Run a ledger query off the event loop."""
        return await run_in_threadpool(self.ledger.read, query)

    async def write(self, operation: Operation[T]) -> T:
        """Run a ledger operation off the event loop and wait for its commit."""
        return await run_in_threadpool(self.ledger.write, operation)
