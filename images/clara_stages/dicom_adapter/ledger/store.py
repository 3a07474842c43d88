"""The ledger's door: one thread writes, anybody reads."""

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, insert, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from clara_stages.dicom_adapter.ledger import schema
from clara_stages.dicom_adapter.ledger.errors import LedgerError
from clara_stages.dicom_adapter.ledger.sqlite import WRITES, prepare_sqlite, require_transaction

T = TypeVar("T")
Operation = Callable[[Connection], T]

BATCH = 256
"""Most operations that share one commit."""

WRITE_TIMEOUT_S = 60.0
"""A commit that takes longer is reported as a failure: the sender then keeps its instance and sends it again."""

log = logging.getLogger(__name__)


class Ledger:
    """Rows in SQLite or PostgreSQL, written by one thread that commits several operations at once.

    Group commit: operations of several associations that wait at the same moment share one transaction and so one
    fsync. ``write`` returns only after that commit.
    """

    def __init__(self, url: str, *, installation: str) -> None:
        self.url = url
        self.installation = installation
        self._queue: queue.SimpleQueue[tuple[Operation[Any], Future[Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        try:
            self._engine = create_engine(url, pool_size=16, max_overflow=64, pool_pre_ping=not url.startswith("sqlite"))
        except (SQLAlchemyError, ImportError) as error:
            raise LedgerError(
                f"the ledger {_shown(url)} cannot be used: {error}; expected sqlite:///FILE or postgresql+DRIVER://... "
                "with the driver installed. Correct --database."
            ) from None
        if url.startswith("sqlite"):
            prepare_sqlite(self._engine)

    def open(self) -> None:
        """Make the tables where they are missing and start the writer.

        Raises:
            LedgerError: The database cannot be reached, or belongs to another version or installation.
        """
        try:
            schema.metadata.create_all(self._engine)
            with self._engine.begin() as connection:
                self._check_owner(connection)
        except SQLAlchemyError as error:
            raise LedgerError(
                f"the ledger {_shown(self.url)} cannot be opened: {type(error).__name__}: {error.args[0]}. "
                "Check --database, its rights and its disk."
            ) from None
        self._thread.start()

    def close(self) -> None:
        """Commit what is waiting and let go of the database."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join(WRITE_TIMEOUT_S)
        self._engine.dispose()

    @property
    def alive(self) -> bool:
        """Whether the writer runs."""
        return self._thread.is_alive()

    def submit(self, operation: Operation[T]) -> "Future[T]":
        """Queue an operation; the future is done after its commit."""
        future: Future[T] = Future()
        self._queue.put((operation, future))
        return future

    def write(self, operation: Operation[T]) -> T:
        """Run an operation and wait for its commit.

        Raises:
            Exception: Whatever the operation raised; nothing of it was then written.
            TimeoutError: The commit took longer than WRITE_TIMEOUT_S.
        """
        return self.submit(operation).result(WRITE_TIMEOUT_S)

    def read(self, query: Operation[T]) -> T:
        """Run a query in a transaction of its own, beside the writer."""
        with self._engine.connect() as connection:
            return query(connection)

    def _run(self) -> None:
        running = True
        while running:
            batch = [self._queue.get()]
            while len(batch) < BATCH and not self._queue.empty():
                batch.append(self._queue.get())
            running = None not in batch
            operations = [item for item in batch if item is not None]
            if operations:
                self._commit(operations)

    def _commit(self, batch: list[tuple[Operation[Any], Future[Any]]]) -> None:
        answers: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            with self._engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
                for operation, future in batch:
                    answers.append((future, *_attempt(connection, operation)))
                    require_transaction(connection)
        except Exception as error:  # the commit itself failed: nobody of this batch was written
            log.exception("the ledger did not commit %d operations", len(batch))
            answers = [(future, None, error) for _, future in batch]
        for future, result, failure in answers:
            if failure is None:
                future.set_result(result)
            else:
                future.set_exception(failure)

    def _check_owner(self, connection: Connection) -> None:
        table = schema.about
        found = {row.key: row.value for row in connection.execute(select(table))}
        for key, value in (("schema", str(schema.SCHEMA_VERSION)), ("installation", self.installation)):
            if key not in found:
                connection.execute(insert(table).values(key=key, value=value))
            elif found[key] != value:
                raise LedgerError(
                    f"the ledger {_shown(self.url)} has {key} {found[key]!r}, expected {value!r}. "
                    "Choose another --database or --home, or the matching version and --installation."
                )


def _attempt(connection: Connection, operation: Operation[Any]) -> tuple[Any, BaseException | None]:
    try:
        with connection.begin_nested():
            return operation(connection), None
    except Exception as error:  # belongs to the caller, who waits on the future
        return None, error


def _shown(url: str) -> str:
    return make_url(url).render_as_string(hide_password=True)
