"""What only SQLite needs."""

from typing import Any

from sqlalchemy import Connection, Engine, event

from clara_stages.dicom_adapter.ledger.errors import LedgerError

WRITES = "clara_writes"
"""Execution option of the connection that writes."""


def prepare_sqlite(engine: Engine) -> None:
    """Make SQLite durable and concurrent: WAL, full synchronisation, transactions of our own.

    synchronous=FULL because in WAL mode NORMAL may lose the last commits at power loss, and a commit is what an
    acknowledged C-STORE stands on. pysqlite's own BEGIN comes too late for savepoints and never is IMMEDIATE.
    """

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def require_transaction(connection: Connection) -> None:
    """Make sure that the transaction of a connection still stands.

    SQLite may roll it back on its own when the disk is full or broken (sqlite.org/lang_transaction.html, "Response To
    Errors Within A Transaction"), and Python's commit() then does nothing and reports no error.

    Raises:
        LedgerError: It is gone, with all that was written in it.
    """
    if not getattr(connection.connection.dbapi_connection, "in_transaction", True):
        raise LedgerError("the database gave a transaction up. Check its disk.")
