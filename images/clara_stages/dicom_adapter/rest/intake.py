"""Routes of the dispatcher: offers, leases, confirm, release, close."""

import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import AfterValidator, BaseModel, Field

from clara_stages.dicom_adapter.ledger import pairs
from clara_stages.dicom_adapter.ledger.views import iso_time
from clara_stages.dicom_adapter.rest.context import RestContext

MAX_WAIT_S = 60
"""Longest long poll; proxies cut at about this."""

SHORTEST_WAIT_S = 0.01

MAX_REASON_CHARACTERS = 4000
"""A longer reason is cut, not refused: the report matters more than its text."""

Name = Annotated[str, Field(min_length=1, max_length=250)]
Reason = Annotated[str, AfterValidator(lambda text: text[:MAX_REASON_CHARACTERS])]


class LeaseBody(BaseModel):
    """How many pairs, for how long."""

    limit: int = Field(default=16, ge=1, le=1000)
    lease_s: float = Field(default=60, gt=0, le=pairs.LONGEST_LEASE_S)


class ConfirmBody(BaseModel):
    """The run of a pair exists."""

    arrival_id: Name
    workflow: Name
    dag_run_id: Name


class ReleaseBody(BaseModel):
    """The run of a pair could not be made."""

    arrival_id: Name
    workflow: Name
    reason: Reason = ""


class CloseBody(BaseModel):
    """A run ended."""

    workflow: Name
    dag_run_id: Name
    state: Literal["succeeded", "failed", "not_analysed"]
    reason: Reason = ""


def intake_routes(context: RestContext) -> APIRouter:
    """The router of these routes."""
    router = APIRouter()

    @router.get("/offers")
    async def offers(wait_s: Annotated[float, Query(ge=0, le=MAX_WAIT_S)] = 0) -> dict[str, int]:
        deadline = time.monotonic() + wait_s
        while True:
            seen = context.offers.rings
            found, overdue = await context.read(lambda c: pairs.count_offers(c, context.overdue_s))
            remaining = deadline - time.monotonic()
            if found or overdue or remaining <= 0 or context.offers.closed:
                return {"offers": found, "overdue": overdue}
            due_at = await context.read(lambda c: pairs.next_due(c, context.overdue_s))
            if due_at is not None:
                remaining = min(remaining, due_at - time.time())
            await context.offers.wait(seen, max(SHORTEST_WAIT_S, remaining))

    @router.post("/leases")
    async def leases(body: LeaseBody) -> dict[str, Any]:
        taken = await context.write(
            lambda c: pairs.lease(c, limit=body.limit, lease_s=body.lease_s, overdue_s=context.overdue_s)
        )
        context.offers.ring()  # pollers learn the new due times
        return taken

    @router.post("/pairs/confirm")
    async def confirm(body: ConfirmBody) -> dict[str, str]:
        state = await context.write(
            lambda c: pairs.confirm(c, arrival_id=body.arrival_id, workflow=body.workflow, dag_run_id=body.dag_run_id)
        )
        return {"state": state}

    @router.post("/pairs/release")
    async def release(body: ReleaseBody) -> dict[str, str | None]:
        state, retry_at = await context.write(
            lambda c: pairs.release(c, arrival_id=body.arrival_id, workflow=body.workflow, reason=body.reason)
        )
        context.offers.ring()
        return {"state": state, "retry_at": None if retry_at is None else iso_time(retry_at)}

    @router.post("/pairs/close")
    async def close(body: CloseBody) -> dict[str, str]:
        state = await context.write(
            lambda c: pairs.close(
                c,
                workflow=body.workflow,
                dag_run_id=body.dag_run_id,
                state=body.state,
                reason=body.reason,
            )
        )
        return {"state": state}

    return router
