"""Ledger operations of completion: from a study to an arrival and its pairs."""

import time
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select, update

from clara_stages.dicom_adapter.ledger.schema import arrivals, instances, pairs, studies

RUN_ID_PREFIX = "dicom__"
"""Run ids are this and the arrival id, so that a run exists at most once."""

MATCHED, NO_MATCH, HELD = "matched", "no match", "held"
"""Verdicts on an arrival."""


@dataclass(frozen=True, kw_only=True)
class Match:
    """One workflow that an arrival starts."""

    workflow: str
    destinations: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What the workflows say to an arrival.

    Attributes:
        verdict: ``held`` where at least one workflow could not be judged, whatever the others say.
        reason: Why it is held or matches nothing.
    """

    verdict: str
    reason: str = ""
    matches: tuple[Match, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NewArrival:
    """A complete study, laid out for the workflows."""

    arrival_id: str
    study_id: int
    study_digest: str
    instances: int
    received_at: float
    seen_changes: int
    judgement: Judgement = field(default_factory=lambda: Judgement(verdict=NO_MATCH))


def awaiting_studies(connection: Connection) -> list["Row[Any]"]:
    """Studies that received something since they were last complete."""
    return list(connection.execute(select(studies).where(studies.c.awaiting)))


def find_study(connection: Connection, called_ae_title: str, study_instance_uid: str) -> "Row[Any] | None":
    """The row of one study at one called AE title."""
    return connection.execute(
        select(studies).where(
            studies.c.called_ae_title == called_ae_title, studies.c.study_instance_uid == study_instance_uid
        )
    ).first()


def counting_instances(connection: Connection, study_id: int) -> list["Row[Any]"]:
    """The instances a study is made of, own results left out, in the order of their UIDs."""
    return list(
        connection.execute(
            select(instances)
            .where(instances.c.study_id == study_id, instances.c.own_result.is_(False))
            .order_by(instances.c.sop_instance_uid)
        )
    )


def study_with_instances(
    connection: Connection, called_ae_title: str, study_instance_uid: str
) -> "tuple[Row[Any] | None, list[Row[Any]]]":
    """A study and the instances it is made of, as they were at one moment."""
    study = find_study(connection, called_ae_title, study_instance_uid)
    return study, counting_instances(connection, study.id) if study is not None else []


def record_arrival(connection: Connection, arrival: NewArrival) -> bool:
    """Write an arrival, its pairs and what it supersedes; a known arrival is only counted again.

    Returns:
        Whether the arrival is new.
    """
    known = connection.execute(select(arrivals.c.arrival_id).where(arrivals.c.arrival_id == arrival.arrival_id)).first()
    if known is not None:
        connection.execute(
            update(arrivals)
            .where(arrivals.c.arrival_id == arrival.arrival_id)
            .values(received_again=arrivals.c.received_again + 1)
        )
    else:
        connection.execute(
            insert(arrivals).values(
                arrival_id=arrival.arrival_id,
                study_id=arrival.study_id,
                study_digest=arrival.study_digest,
                instances=arrival.instances,
                received_at=arrival.received_at,
                made_at=time.time(),
                verdict=arrival.judgement.verdict,
                reason=arrival.judgement.reason,
            )
        )
        _insert_pairs(connection, arrival.arrival_id, arrival.judgement.matches)
        _supersede_earlier(connection, arrival)
    settle_study(connection, arrival.study_id, arrival.seen_changes)
    return known is None


def settle_study(connection: Connection, study_id: int, seen_changes: int) -> None:
    """A study no longer waits, unless something arrived after ``seen_changes``."""
    connection.execute(
        update(studies)
        .where(studies.c.id == study_id, studies.c.changes == seen_changes)
        .values(awaiting=False, trouble=None)
    )


def note_trouble(connection: Connection, study_id: int, trouble: str) -> None:
    """Say why a study cannot be completed just now."""
    connection.execute(update(studies).where(studies.c.id == study_id).values(trouble=trouble))


def held_arrivals(connection: Connection) -> list[str]:
    """Arrivals that wait for a workflow file to be corrected."""
    query = select(arrivals.c.arrival_id).where(arrivals.c.verdict == HELD, arrivals.c.superseded_by.is_(None))
    return [row.arrival_id for row in connection.execute(query)]


def judge_again(connection: Connection, arrival_id: str, judgement: Judgement) -> None:
    """Replace the judgement on a held arrival; workflows that now match get their pairs."""
    connection.execute(
        update(arrivals)
        .where(arrivals.c.arrival_id == arrival_id, arrivals.c.superseded_by.is_(None))
        .values(verdict=judgement.verdict, reason=judgement.reason)
    )
    known = {
        row.workflow for row in connection.execute(select(pairs.c.workflow).where(pairs.c.arrival_id == arrival_id))
    }
    _insert_pairs(connection, arrival_id, tuple(item for item in judgement.matches if item.workflow not in known))


def _insert_pairs(connection: Connection, arrival_id: str, matches: tuple[Match, ...]) -> None:
    for match in matches:
        connection.execute(
            insert(pairs).values(
                arrival_id=arrival_id,
                workflow=match.workflow,
                dag_run_id=f"{RUN_ID_PREFIX}{arrival_id}",
                destinations=list(match.destinations),
                state="offered",
                due_at=time.time(),
            )
        )


def _supersede_earlier(connection: Connection, arrival: NewArrival) -> None:
    earlier = [
        row.arrival_id
        for row in connection.execute(
            select(arrivals.c.arrival_id).where(
                arrivals.c.study_id == arrival.study_id,
                arrivals.c.arrival_id != arrival.arrival_id,
                arrivals.c.superseded_by.is_(None),
            )
        )
    ]
    if not earlier:
        return
    connection.execute(
        update(arrivals).where(arrivals.c.arrival_id.in_(earlier)).values(superseded_by=arrival.arrival_id)
    )
    # A live lease may have become a run by now: its holder confirms or releases it, and release supersedes it.
    idle = or_(pairs.c.state.in_(("offered", "held")), (pairs.c.state == "leased") & (pairs.c.due_at <= time.time()))
    connection.execute(
        update(pairs)
        .where(pairs.c.arrival_id.in_(earlier), idle)
        .values(state="superseded", reason=f"later instances made arrival {arrival.arrival_id}")
    )
