"""Ledger operations of receiving: associations, instances, rejections."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from clara_stages.dicom_adapter.ledger.schema import (
    associations,
    delivery_instances,
    instances,
    rejections,
    studies,
)

CUT_OFF = "stopped"
"""How an association ended that a killed process left open."""

MAX_REJECTIONS = 100_000
"""A stranger that knocks every second fills this in a day, and not the disk."""


@dataclass(frozen=True, kw_only=True)
class ReceivedInstance:
    """One instance as it came.

    Attributes:
        dataset_digest: SHA-256 of the data set's bytes, without file meta information.
        file: Name below the home's ``instances`` folder.
        header: What the study facts are made of (``kit.contract.facts.header_values``).
        own_result: Its Contributing Equipment says that clara-ops made it.
    """

    called_ae_title: str
    calling_ae_title: str
    study_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    dataset_digest: str
    file: str
    size_bytes: int
    association_id: str
    header: dict[str, Any] = field(default_factory=dict)
    own_result: bool = False


class Verdict(Enum):
    """What the ledger made of an instance."""

    NEW = "new"
    SAME = "same"
    OTHER_BYTES = "other bytes"


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """Verdict on one instance.

    Attributes:
        known_file: File of the instance already known under the UID.
        counts: Whether the study waits for its completion because of this; an own result does not count.
    """

    verdict: Verdict
    counts: bool
    known_file: str = ""


def open_association(connection: Connection, association_id: str, peer: str, calling: str, called: str) -> None:
    """Note that an association was accepted."""
    connection.execute(
        insert(associations).values(
            id=association_id, peer=peer, calling_ae_title=calling, called_ae_title=called, opened_at=time.time()
        )
    )


def close_association(connection: Connection, association_id: str, ended: str) -> None:
    """Note how an association ended: released, aborted."""
    connection.execute(
        update(associations)
        .where(associations.c.id == association_id, associations.c.closed_at.is_(None))
        .values(closed_at=time.time(), ended=ended)
    )


def close_forgotten_associations(connection: Connection) -> None:
    """Close what an earlier process left open."""
    connection.execute(
        update(associations).where(associations.c.closed_at.is_(None)).values(closed_at=time.time(), ended=CUT_OFF)
    )


def cut_off_associations(connection: Connection) -> set[str]:
    """Associations that were open when a process ended without closing them."""
    query = select(associations.c.id).where(associations.c.ended == CUT_OFF)
    return {row.id for row in connection.execute(query)}


def find_instance(connection: Connection, instance: ReceivedInstance) -> "Row[Any] | None":
    """The row already known under the instance's UID in the same study and called AE title."""
    return connection.execute(
        select(instances)
        .join(studies, instances.c.study_id == studies.c.id)
        .where(
            studies.c.called_ae_title == instance.called_ae_title,
            studies.c.study_instance_uid == instance.study_instance_uid,
            instances.c.sop_instance_uid == instance.sop_instance_uid,
        )
    ).first()


def record_instance(connection: Connection, instance: ReceivedInstance) -> Recorded:
    """Write an instance down, or say that its UID is known.

    An instance known with other bytes changes nothing: the caller compares the contents and then says
    ``record_repeat`` or ``record_conflict``.
    """
    known = find_instance(connection, instance)
    if known is not None and known.dataset_digest != instance.dataset_digest:
        return Recorded(
            verdict=Verdict.OTHER_BYTES,
            counts=False,
            known_file=known.file,
        )
    if known is not None:
        return record_repeat(connection, instance)
    own = instance.own_result or is_own_result(connection, instance.sop_instance_uid)
    study_id = _touch_study(connection, instance, counts=not own, own=own)
    connection.execute(
        insert(instances).values(
            study_id=study_id,
            sop_instance_uid=instance.sop_instance_uid,
            sop_class_uid=instance.sop_class_uid,
            transfer_syntax_uid=instance.transfer_syntax_uid,
            dataset_digest=instance.dataset_digest,
            file=instance.file,
            bytes=instance.size_bytes,
            header=instance.header,
            own_result=own,
            association_id=instance.association_id,
            received_at=time.time(),
        )
    )
    return Recorded(verdict=Verdict.NEW, counts=not own)


def record_repeat(connection: Connection, instance: ReceivedInstance) -> Recorded:
    """Note that a known instance came again with the same content."""
    known = find_instance(connection, instance)
    own = known is not None and bool(known.own_result)
    _touch_study(connection, instance, counts=not own, own=False)
    return Recorded(verdict=Verdict.SAME, counts=not own, known_file=known.file if known is not None else "")


def record_conflict(connection: Connection, instance: ReceivedInstance, peer: str, quarantined_as: str) -> None:
    """Note that other content came under a known UID; the first stays. The same file again is not counted again."""
    reason = (
        f"instance {instance.sop_instance_uid} of study {instance.study_instance_uid} came again with other "
        f"content; the first is kept, this one lies in quarantine as {quarantined_as}"
    )
    if connection.execute(select(rejections.c.id).where(rejections.c.reason == reason).limit(1)).first() is not None:
        return
    connection.execute(
        update(studies)
        .where(
            studies.c.called_ae_title == instance.called_ae_title,
            studies.c.study_instance_uid == instance.study_instance_uid,
        )
        .values(quarantined=studies.c.quarantined + 1)
    )
    record_rejection(
        connection,
        peer=peer,
        calling=instance.calling_ae_title,
        called=instance.called_ae_title,
        reason=reason,
        remedy="Compare both files; a changed instance needs a new SOP Instance UID at its sender.",
    )


def record_rejection(connection: Connection, *, peer: str, calling: str, called: str, reason: str, remedy: str) -> None:
    """Note an association or an instance that was turned away; of all, the newest MAX_REJECTIONS are kept."""
    made = connection.execute(
        insert(rejections).values(
            at=time.time(),
            peer=peer,
            calling_ae_title=calling[:16],
            called_ae_title=called[:16],
            reason=reason,
            remedy=remedy,
        )
    )
    newest = int(made.inserted_primary_key[0])  # type: ignore[index]
    connection.execute(delete(rejections).where(rejections.c.id <= newest - MAX_REJECTIONS))


def forget_instances(connection: Connection, ids: Sequence[int]) -> None:
    """Drop rows whose files never reached the disk."""
    connection.execute(delete(instances).where(instances.c.id.in_(ids)))


def is_own_result(connection: Connection, sop_instance_uid: str) -> bool:
    """Whether we deliver, or delivered, an instance of this UID."""
    query = select(delivery_instances.c.id).where(delivery_instances.c.sop_instance_uid == sop_instance_uid).limit(1)
    return connection.execute(query).first() is not None


def _touch_study(connection: Connection, instance: ReceivedInstance, *, counts: bool, own: bool) -> int:
    row = connection.execute(
        select(studies.c.id, studies.c.changes, studies.c.awaiting, studies.c.own_results).where(
            studies.c.called_ae_title == instance.called_ae_title,
            studies.c.study_instance_uid == instance.study_instance_uid,
        )
    ).first()
    now = time.time()
    if row is None:
        created = connection.execute(
            insert(studies).values(
                called_ae_title=instance.called_ae_title,
                study_instance_uid=instance.study_instance_uid,
                calling_ae_title=instance.calling_ae_title,
                received_at=now,
                changes=int(counts),
                awaiting=counts,
                own_results=int(own),
            )
        )
        return int(created.inserted_primary_key[0])  # type: ignore[index]
    values: dict[str, Any] = {"own_results": row.own_results + int(own)}
    if counts:
        values |= {
            "received_at": now,
            "changes": row.changes + 1,
            "awaiting": True,
            "calling_ae_title": instance.calling_ae_title,
        }
    connection.execute(update(studies).where(studies.c.id == row.id).values(**values))
    return int(row.id)
