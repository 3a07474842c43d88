"""Routes of the outbox."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from clara_stages.dicom_adapter.ledger import deliveries
from clara_stages.dicom_adapter.outbox.accept import PostedDelivery, PostedInstance
from clara_stages.dicom_adapter.rest.context import RestContext
from clara_stages.dicom_adapter.rest.intake import MAX_WAIT_S, Name

Uid = Annotated[str, Field(pattern=r"^[0-9.]{1,64}$")]
PathText = Annotated[str, Field(min_length=1, max_length=4000, pattern=r"^[^\x00]*$")]


class InstanceBody(BaseModel):
    """One instance of a result."""

    file: PathText
    sop_class_uid: Uid
    sop_instance_uid: Uid
    digest: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")]


class DeliveryBody(BaseModel):
    """A result and where it goes."""

    result_key: Annotated[str, Field(min_length=1, max_length=128)]
    folder: PathText
    destinations: list[Name]
    workflow: Annotated[str, Field(max_length=250)] = ""
    dag_run_id: Annotated[str, Field(max_length=250)] = ""
    instances: list[InstanceBody]


def delivery_routes(context: RestContext) -> APIRouter:
    """The router of these routes."""
    router = APIRouter()

    async def view(result_key: str) -> dict[str, Any]:
        found = await context.read(lambda c: deliveries.view_delivery(c, result_key))
        if found is None:
            raise HTTPException(404, f"the result {result_key!r} is unknown, expected one that was posted.")
        return found

    @router.post("/deliveries")
    async def post(body: DeliveryBody, response: Response) -> dict[str, Any]:
        posted = PostedDelivery(
            result_key=body.result_key,
            folder=body.folder,
            destinations=tuple(dict.fromkeys(body.destinations)),
            workflow=body.workflow,
            dag_run_id=body.dag_run_id,
            instances=tuple(PostedInstance(**item.model_dump()) for item in body.instances),
        )
        new = await run_in_threadpool(context.outbox.accept, posted)
        response.status_code = 201 if new else 200
        return await view(body.result_key)

    @router.get("/deliveries/{result_key:path}")
    async def get(result_key: str, wait_s: Annotated[float, Query(ge=0, le=MAX_WAIT_S)] = 0) -> dict[str, Any]:
        deadline = time.monotonic() + wait_s
        while True:
            seen = context.receipts.rings
            found = await view(result_key)
            remaining = deadline - time.monotonic()
            if deliveries.is_settled(found) or remaining <= 0 or context.receipts.closed:
                return found
            await context.receipts.wait(seen, remaining)

    return router
