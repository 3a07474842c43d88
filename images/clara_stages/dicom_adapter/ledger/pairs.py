"""Ledger operations of the dispatcher: lease, confirm, release, close."""

import re
import time
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select, update

from clara_stages.dicom_adapter.ledger.schema import arrivals, pairs

TERMINAL = ("succeeded", "failed", "not_analysed")
"""States that a run ends in."""

FIRST_RELEASE_S, LONGEST_RELEASE_S = 5.0, 300.0
"""Back-off of a released pair: doubles from the first to the longest."""

LONGEST_LEASE_S = 3600.0
"""Longest lease that is given."""

ASK_AGAIN_S = 60.0
"""An overdue run is reported at most this often."""

_REPLAY = re.compile(r"__r\d+$")


class UnknownPairError(LookupError):
    """Nobody knows this arrival and workflow, or this run."""


class PairConflictError(ValueError):
    """The pair is in a state that does not allow this."""


def leasable(now: float) -> ColumnElement[bool]:
    """Pairs that a dispatcher may take: offered, back-off over, or a lease that ran out.

    A due time further away than any lease is from before the clock was set back: it must not hold a study up.
    """
    due = or_(pairs.c.due_at <= now, pairs.c.due_at > now + LONGEST_LEASE_S)
    return or_(pairs.c.state == "offered", and_(pairs.c.state.in_(("held", "leased")), due))


def overdue(now: float, overdue_s: float) -> ColumnElement[bool]:
    """Running pairs to be asked after."""
    return and_(
        pairs.c.state == "running",
        pairs.c.confirmed_at <= now - overdue_s,
        or_(pairs.c.asked_at.is_(None), pairs.c.asked_at <= now - ASK_AGAIN_S),
    )


def count_offers(connection: Connection, overdue_s: float) -> tuple[int, int]:
    """How many pairs may be leased, and how many runs are overdue."""
    now = time.time()
    offers = connection.execute(select(func.count()).select_from(pairs).where(leasable(now))).scalar_one()
    late = connection.execute(select(func.count()).select_from(pairs).where(overdue(now, overdue_s))).scalar_one()
    return int(offers), int(late)


def next_due(connection: Connection, overdue_s: float) -> float | None:
    """When the next pair becomes leasable or overdue by the clock alone."""
    open_states = pairs.c.state.in_(("offered", "held", "leased"))
    due = connection.execute(select(func.min(pairs.c.due_at)).where(open_states)).scalar()
    ask = connection.execute(
        select(func.min(func.coalesce(pairs.c.asked_at + ASK_AGAIN_S, pairs.c.confirmed_at + overdue_s))).where(
            pairs.c.state == "running"
        )
    ).scalar()
    return min((float(value) for value in (due, ask) if value is not None), default=None)


def lease(connection: Connection, *, limit: int, lease_s: float, overdue_s: float) -> dict[str, Any]:
    """Take the oldest pairs for a while, and the overdue runs."""
    now = time.time()
    _drop_superseded(connection, now)
    taken = list(connection.execute(select(pairs).where(leasable(now)).order_by(pairs.c.id).limit(limit)))
    late = list(
        connection.execute(select(pairs).where(overdue(now, overdue_s)).order_by(pairs.c.confirmed_at).limit(limit))
    )
    if taken:
        connection.execute(
            update(pairs)
            .where(pairs.c.id.in_([row.id for row in taken]))
            .values(state="leased", due_at=now + lease_s, reason="")
        )
    if late:
        connection.execute(update(pairs).where(pairs.c.id.in_([row.id for row in late])).values(asked_at=now))
    return {
        "pairs": [_offer(row) for row in taken],
        "overdue": [{"workflow": row.workflow, "dag_run_id": row.dag_run_id} for row in late],
    }


def confirm(connection: Connection, *, arrival_id: str, workflow: str, dag_run_id: str) -> str:
    """The pair's run exists. A run that closed before this stays closed.

    Raises:
        UnknownPairError: There is no such pair.
        PairConflictError: The run id is not one of this pair's.
    """
    row = _find(connection, arrival_id, workflow)
    if _REPLAY.sub("", dag_run_id) != row.dag_run_id:
        raise PairConflictError(
            f"run {dag_run_id!r} is not of arrival {arrival_id!r}, expected {row.dag_run_id!r}. Confirm the run id "
            "that the lease named."
        )
    if row.state == "running" or row.state in TERMINAL:
        return str(row.state)
    _set(connection, row, state="running", reason="", releases=0, confirmed_at=time.time())
    return "running"


def release(connection: Connection, *, arrival_id: str, workflow: str, reason: str) -> tuple[str, float | None]:
    """Give a pair back: offered again after a back-off.

    Returns:
        The state, and when the pair is offered again.

    Raises:
        UnknownPairError: There is no such pair.
        PairConflictError: Its run exists.
    """
    row = _find(connection, arrival_id, workflow)
    if row.state == "running" or row.state in TERMINAL:
        raise PairConflictError(
            f"the pair of arrival {arrival_id!r} and workflow {workflow!r} is {row.state}, expected a leased one. "
            "Close its run instead."
        )
    if row.state == "superseded" or _is_superseded(connection, arrival_id):
        _set(connection, row, state="superseded", reason="later instances made another arrival")
        return "superseded", None
    if row.state == "held":
        return "held", float(row.due_at)
    retry_at = time.time() + min(FIRST_RELEASE_S * 2 ** min(row.releases, 16), LONGEST_RELEASE_S)
    _set(connection, row, state="held", reason=reason, releases=row.releases + 1, due_at=retry_at)
    return "held", retry_at


def close(connection: Connection, *, workflow: str, dag_run_id: str, state: str, reason: str) -> str:
    """A run ended. A different later report can only come from a re-run, and replaces the earlier one.

    Raises:
        UnknownPairError: Nobody knows the run.
    """
    row = connection.execute(
        select(pairs).where(pairs.c.workflow == workflow, pairs.c.dag_run_id == _REPLAY.sub("", dag_run_id))
    ).first()
    if row is None:
        raise UnknownPairError(
            f"run {dag_run_id!r} of workflow {workflow!r} is unknown, expected one that a lease named. "
            "A run started by hand needs no closing."
        )
    if row.state != state:
        _set(connection, row, state=state, reason=reason, closed_at=time.time())
    return state


def _offer(row: "Row[Any]") -> dict[str, Any]:
    return {
        "arrival_id": row.arrival_id,
        "workflow": row.workflow,
        "dag_run_id": row.dag_run_id,
        "conf": {"study": row.arrival_id, "destinations": list(row.destinations)},
    }


def _find(connection: Connection, arrival_id: str, workflow: str) -> "Row[Any]":
    row = connection.execute(
        select(pairs).where(pairs.c.arrival_id == arrival_id, pairs.c.workflow == workflow)
    ).first()
    if row is None:
        raise UnknownPairError(
            f"there is no pair of arrival {arrival_id!r} and workflow {workflow!r}, expected one that a lease named. "
            "Lease again."
        )
    return row


def _set(connection: Connection, row: "Row[Any]", **values: Any) -> None:
    connection.execute(update(pairs).where(pairs.c.id == row.id).values(**values))


def _is_superseded(connection: Connection, arrival_id: str) -> bool:
    query = select(arrivals.c.superseded_by).where(arrivals.c.arrival_id == arrival_id)
    return connection.execute(query).scalar() is not None


def _drop_superseded(connection: Connection, now: float) -> None:
    """Leases of superseded arrivals that ran out are not offered again."""
    gone = select(arrivals.c.arrival_id).where(arrivals.c.superseded_by.is_not(None))
    connection.execute(
        update(pairs)
        .where(leasable(now), pairs.c.arrival_id.in_(gone))
        .values(state="superseded", reason="later instances made another arrival")
    )
