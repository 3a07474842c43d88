"""Ledger operations of the outbox: results to deliver, and a receipt for each instance."""

import hashlib
import time
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from clara_stages.dicom_adapter.ledger.schema import deliveries, delivery_instances

PENDING, SENT, FAILED = "pending", "sent", "failed"
"""States of one instance at one destination, and of a destination."""


class DeliveryConflictError(ValueError):
    """A result key is known with other content: the stored result wins."""


@dataclass(frozen=True, kw_only=True)
class OutboxInstance:
    """One instance of a result.

    Attributes:
        digest: SHA-256 of the file's bytes, in hex.
        file: Name below the home's ``outbox`` folder.
    """

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    digest: str
    file: str


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a workflow wants delivered."""

    result_key: str
    workflow: str
    dag_run_id: str
    destinations: tuple[str, ...]
    instances: tuple[OutboxInstance, ...]


def result_digest(named: "list[tuple[str, str]]") -> str:
    """Digest of a result: its (SOP Instance UID, file digest) pairs in any order."""
    return hashlib.sha256("\n".join(f"{uid} {digest}" for uid, digest in sorted(named)).encode()).hexdigest()


def is_known(connection: Connection, result_key: str, digest: str) -> bool:
    """Whether a result key is in the ledger.

    Raises:
        DeliveryConflictError: It is, with other content.
    """
    found = connection.execute(select(deliveries.c.digest).where(deliveries.c.result_key == result_key)).scalar()
    if found is not None and found != digest:
        raise DeliveryConflictError(
            f"result {result_key!r} is known with other content, expected the same instances and digests under the "
            "same key. The stored result stays and is the one delivered; a result that must differ needs another key."
        )
    return found is not None


def record_result(connection: Connection, result: Result) -> bool:
    """Write a result down, or take up a known one: new destinations are added, failed instances tried again.

    Returns:
        Whether the result is new.

    Raises:
        DeliveryConflictError: The key is known with other content.
    """
    digest = result_digest([(item.sop_instance_uid, item.digest) for item in result.instances])
    known = is_known(connection, result.result_key, digest)
    if not known:
        connection.execute(
            insert(deliveries).values(
                result_key=result.result_key,
                workflow=result.workflow,
                dag_run_id=result.dag_run_id,
                digest=digest,
                created_at=time.time(),
            )
        )
    else:
        connection.execute(
            update(delivery_instances)
            .where(delivery_instances.c.result_key == result.result_key, delivery_instances.c.state == FAILED)
            .values(state=PENDING)
        )
    _add_instances(connection, result)
    return not known


def add_destinations(connection: Connection, result_key: str, destinations: tuple[str, ...]) -> None:
    """Take up a known result again: new destinations are added, failed instances tried again."""
    row = connection.execute(select(deliveries).where(deliveries.c.result_key == result_key)).one()
    stored = connection.execute(select(delivery_instances).where(delivery_instances.c.result_key == result_key))
    instances = {
        item.sop_instance_uid: OutboxInstance(
            sop_class_uid=item.sop_class_uid,
            sop_instance_uid=item.sop_instance_uid,
            transfer_syntax_uid=item.transfer_syntax_uid,
            digest=item.digest,
            file=item.file,
        )
        for item in stored
    }
    record_result(
        connection,
        Result(
            result_key=result_key,
            workflow=row.workflow,
            dag_run_id=row.dag_run_id,
            destinations=destinations,
            instances=tuple(instances.values()),
        ),
    )


def stored_files(connection: Connection, result_key: str) -> set[str]:
    """The outbox files of a result, as the ledger names them."""
    table = delivery_instances
    rows = connection.execute(select(table.c.file).where(table.c.result_key == result_key).distinct())
    return {row.file for row in rows}


def replace_files(connection: Connection, result_key: str, instances: tuple[OutboxInstance, ...]) -> None:
    """Name new copies of a result's files, byte for byte what the ledger has a digest of."""
    table = delivery_instances
    for item in instances:
        connection.execute(
            update(table)
            .where(table.c.result_key == result_key, table.c.sop_instance_uid == item.sop_instance_uid)
            .values(file=item.file)
        )


def pending_instances(connection: Connection, destination: str) -> list["Row[Any]"]:
    """What one destination still misses, oldest first."""
    table = delivery_instances
    query = select(table).where(table.c.destination == destination, table.c.state == PENDING).order_by(table.c.id)
    return list(connection.execute(query))


def sent_elsewhere(connection: Connection, row: "Row[Any]") -> "Row[Any] | None":
    """An instance of the same UID that the destination already has, of whatever result."""
    table = delivery_instances
    return connection.execute(
        select(table).where(
            table.c.destination == row.destination,
            table.c.sop_instance_uid == row.sop_instance_uid,
            table.c.state == SENT,
            table.c.id != row.id,
        )
    ).first()


def record_receipt(
    connection: Connection, instance_id: int, *, state: str, status: int | None, reason: str, attempted: bool = True
) -> None:
    """Write down what became of one attempt to send one instance."""
    table = delivery_instances
    connection.execute(
        update(table)
        .where(table.c.id == instance_id)
        .values(state=state, status=status, reason=reason, attempts=table.c.attempts + int(attempted))
    )


def note_waiting(connection: Connection, destination: str, reason: str) -> None:
    """Say why everything pending at a destination waits, without counting an attempt."""
    table = delivery_instances
    connection.execute(
        update(table).where(table.c.destination == destination, table.c.state == PENDING).values(reason=reason)
    )


def view_delivery(connection: Connection, result_key: str) -> dict[str, Any] | None:
    """A delivery as the REST API shows it, or None where nobody knows the key."""
    if connection.execute(select(deliveries.c.result_key).where(deliveries.c.result_key == result_key)).first() is None:
        return None
    table = delivery_instances
    rows = connection.execute(select(table).where(table.c.result_key == result_key).order_by(table.c.id))
    destinations: dict[str, dict[str, Any]] = {}
    for row in rows:
        entry = destinations.setdefault(row.destination, {"state": SENT, "reason": "", "instances": []})
        entry["instances"].append(
            {
                "sop_instance_uid": row.sop_instance_uid,
                "state": row.state,
                "status": row.status,
                "attempts": row.attempts,
            }
        )
        entry["state"] = worst((entry["state"], row.state))
        if row.reason and row.state != SENT and not entry["reason"]:
            entry["reason"] = row.reason
    return {"result_key": result_key, "destinations": destinations}


def worst(states: "tuple[str, ...]") -> str:
    """The state of several: pending before failed before sent."""
    return next((state for state in (PENDING, FAILED) if state in states), SENT)


def is_settled(delivery: dict[str, Any]) -> bool:
    """Whether nothing of a delivery is pending."""
    return all(entry["state"] != PENDING for entry in delivery["destinations"].values())


def _add_instances(connection: Connection, result: Result) -> None:
    table = delivery_instances
    known = {
        (row.destination, row.sop_instance_uid)
        for row in connection.execute(
            select(table.c.destination, table.c.sop_instance_uid).where(table.c.result_key == result.result_key)
        )
    }
    rows = [
        {"result_key": result.result_key, "destination": destination, "state": PENDING, **asdict(item)}
        for destination in result.destinations
        for item in result.instances
        if (destination, item.sop_instance_uid) not in known
    ]
    if rows:
        connection.execute(insert(table), rows)
