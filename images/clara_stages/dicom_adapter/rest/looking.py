"""Routes that only look: studies, arrivals, rejections, health."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from clara_stages.dicom_adapter.ledger import views
from clara_stages.dicom_adapter.rest.context import RestContext

Limit = Annotated[int, Query(ge=1, le=1000)]


def looking_routes(context: RestContext) -> APIRouter:
    """The router of the views."""
    router = APIRouter()

    @router.get("/studies")
    async def studies(limit: Limit = 100) -> dict[str, Any]:
        return {"studies": await context.read(lambda c: views.view_studies(c, limit))}

    @router.get("/arrivals/{arrival_id}")
    async def arrival(arrival_id: str) -> dict[str, Any]:
        found = await context.read(lambda c: views.view_arrival(c, arrival_id))
        if found is None:
            raise HTTPException(404, f"the arrival {arrival_id!r} is unknown, expected one that /studies lists.")
        return found

    @router.get("/rejections")
    async def rejections(limit: Limit = 100) -> dict[str, Any]:
        return {"rejections": await context.read(lambda c: views.view_rejections(c, limit))}

    return router


def health_routes(context: RestContext) -> APIRouter:
    """The router of the probes, open to anybody."""
    router = APIRouter()

    @router.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @router.get("/health/ready")
    async def ready() -> JSONResponse:
        reason = await run_in_threadpool(context.not_ready)
        if reason:
            return JSONResponse({"detail": reason}, status_code=503)
        return JSONResponse({"status": "ready"})

    return router
