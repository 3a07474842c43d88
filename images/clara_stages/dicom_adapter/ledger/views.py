"""The ledger as people and the REST API see it: a state for each study, derived and never stored."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select, tuple_

from clara_stages.dicom_adapter.ledger.arrivals import HELD, NO_MATCH
from clara_stages.dicom_adapter.ledger.deliveries import FAILED, PENDING, SENT
from clara_stages.dicom_adapter.ledger.schema import (
    arrivals,
    deliveries,
    delivery_instances,
    instances,
    pairs,
    rejections,
    studies,
)

Deliveries = Sequence[tuple[str, str, str]]
"""(destination, state, reason) of each distinct receipt state of one arrival's runs."""

_PAIR_ORDER = ("failed", "held", "running", "leased", "offered")
"""The pair that a person must know of first decides the state of the study."""

_PAIR_TO_STUDY = {"failed": "failed", "held": "held", "running": "running", "leased": "complete", "offered": "complete"}


def iso_time(seconds: float) -> str:
    """A time stamp as text: ISO 8601, UTC."""
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def study_state(arrival: Any, arrival_pairs: Sequence[Any], delivered: Deliveries) -> tuple[str, str]:
    """The state of an arrival and the reason for it.

    Args:
        arrival: With ``verdict``, ``reason`` and ``superseded_by``.
        arrival_pairs: With ``workflow``, ``state`` and ``reason``.
        delivered: Receipts of the arrival's runs.
    """
    live = [pair for pair in arrival_pairs if pair.state != "superseded"]
    if arrival.superseded_by and not live:
        return "superseded", f"later instances made arrival {arrival.superseded_by}"
    for state in _PAIR_ORDER:
        found = [pair for pair in live if pair.state == state]
        if state == "held" and arrival.verdict == HELD and not arrival.superseded_by:
            return "held", arrival.reason
        if found:
            return _PAIR_TO_STUDY[state], "; ".join(f"{p.workflow}: {p.reason}" for p in found if p.reason)
    if not live:
        return (NO_MATCH, arrival.reason) if arrival.verdict == NO_MATCH else ("superseded", arrival.reason)
    return _ended_state(live, delivered)


def _ended_state(live: Sequence[Any], delivered: Deliveries) -> tuple[str, str]:
    for state, study in ((FAILED, "failed"), (PENDING, "running")):
        reasons = [f"delivery to {name}: {reason or 'waiting'}" for name, found, reason in delivered if found == state]
        if reasons:
            return study, "; ".join(sorted(set(reasons)))
    reasons = [f"{pair.workflow}: {pair.reason}" for pair in live if pair.reason]
    if any(state == SENT for _, state, _ in delivered):
        return "delivered", "; ".join(reasons)
    if all(pair.state == "not_analysed" for pair in live):
        return "not analysed", "; ".join(reasons)
    return "done", "; ".join(reasons)


def view_studies(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """The newest studies: one entry for each arrival, and one for each study that has none or receives more."""
    rows = list(connection.execute(_arrival_query().order_by(arrivals.c.made_at.desc()).limit(limit)))
    views = _view_arrivals(connection, rows)
    has_arrival = select(arrivals.c.study_id).where(arrivals.c.study_id == studies.c.id).exists()
    waiting = connection.execute(
        select(studies).where(studies.c.awaiting | ~has_arrival).order_by(studies.c.received_at.desc()).limit(limit)
    )
    views += [_view_waiting(connection, row) for row in waiting]
    return sorted(views, key=lambda view: view["received_at"], reverse=True)[:limit]


def view_arrival(connection: Connection, arrival_id: str) -> dict[str, Any] | None:
    """One arrival, or None where nobody knows it."""
    rows = list(connection.execute(_arrival_query().where(arrivals.c.arrival_id == arrival_id)))
    return _view_arrivals(connection, rows)[0] if rows else None


def view_rejections(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """What was turned away or quarantined, newest first."""
    return [
        {
            "at": iso_time(row.at),
            "peer": row.peer,
            "calling_ae_title": row.calling_ae_title,
            "called_ae_title": row.called_ae_title,
            "reason": row.reason,
            "remedy": row.remedy,
        }
        for row in connection.execute(select(rejections).order_by(rejections.c.id.desc()).limit(limit))
    ]


def _arrival_query() -> "Select[Any]":
    return select(
        arrivals,
        studies.c.study_instance_uid,
        studies.c.called_ae_title,
        studies.c.calling_ae_title,
        studies.c.own_results,
        studies.c.quarantined,
    ).join(studies, arrivals.c.study_id == studies.c.id)


def _view_arrivals(connection: Connection, rows: "Sequence[Row[Any]]") -> list[dict[str, Any]]:
    of_arrival: dict[str, list[Any]] = defaultdict(list)
    ids = [row.arrival_id for row in rows]
    for pair in connection.execute(select(pairs).where(pairs.c.arrival_id.in_(ids)).order_by(pairs.c.id)):
        of_arrival[pair.arrival_id].append(pair)
    receipts = _receipts(connection, [pair for group in of_arrival.values() for pair in group])
    views = []
    for row in rows:
        group = of_arrival[row.arrival_id]
        delivered = [receipt for pair in group for receipt in receipts[pair.workflow, pair.dag_run_id]]
        state, reason = study_state(row, group, delivered)
        views.append(_view(row, state, _with_notes(reason, row), row.instances, row.arrival_id, group))
    return views


def _receipts(connection: Connection, group: Sequence[Any]) -> dict[tuple[str, str], list[tuple[str, str, str]]]:
    found: dict[tuple[str, str], list[tuple[str, str, str]]] = defaultdict(list)
    runs = [(pair.workflow, pair.dag_run_id) for pair in group]
    if not runs:
        return found
    table = delivery_instances
    query = (
        select(deliveries.c.workflow, deliveries.c.dag_run_id, table.c.destination, table.c.state, table.c.reason)
        .join(deliveries, table.c.result_key == deliveries.c.result_key)
        .where(tuple_(deliveries.c.workflow, deliveries.c.dag_run_id).in_(runs))
        .distinct()
    )
    for row in connection.execute(query):
        found[row.workflow, row.dag_run_id].append((row.destination, row.state, row.reason))
    return found


def _view_waiting(connection: Connection, row: "Row[Any]") -> dict[str, Any]:
    count = connection.execute(
        select(func.count()).select_from(instances).where(instances.c.study_id == row.id)
    ).scalar_one()
    state = "receiving" if row.awaiting else "done"
    reason = row.trouble or ""
    return _view(row, state, _with_notes(reason, row), int(count), None, ())


def _view(
    row: "Row[Any]", state: str, reason: str, count: int, arrival_id: str | None, group: Sequence[Any]
) -> dict[str, Any]:
    return {
        "study_instance_uid": row.study_instance_uid,
        "called_ae_title": row.called_ae_title,
        "calling_ae_title": row.calling_ae_title,
        "state": state,
        "reason": reason,
        "instances": count,
        "arrival_id": arrival_id,
        "received_at": iso_time(row.received_at),
        "pairs": [
            {"workflow": pair.workflow, "dag_run_id": pair.dag_run_id, "state": pair.state, "reason": pair.reason}
            for pair in group
        ],
    }


def _with_notes(reason: str, row: "Row[Any]") -> str:
    notes = [reason] if reason else []
    again = getattr(row, "received_again", 0)
    if again:
        notes.append(f"received again {again} time{'s' if again > 1 else ''} without a change")
    if row.own_results:
        notes.append(f"{row.own_results} of our own results came back; they start nothing")
    if row.quarantined:
        notes.append(f"{row.quarantined} conflicting instance{'s' if row.quarantined > 1 else ''} in quarantine")
    return "; ".join(notes)
