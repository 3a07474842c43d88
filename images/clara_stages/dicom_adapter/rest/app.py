"""The FastAPI application: routes, errors as one sentence, no documentation pages."""

import logging
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from clara_stages.dicom_adapter import VERSION
from clara_stages.dicom_adapter.ledger import LedgerError
from clara_stages.dicom_adapter.ledger.deliveries import DeliveryConflictError
from clara_stages.dicom_adapter.ledger.pairs import PairConflictError, UnknownPairError
from clara_stages.dicom_adapter.outbox.accept import BadDeliveryError
from clara_stages.dicom_adapter.rest.auth import TokenRequired
from clara_stages.dicom_adapter.rest.context import RestContext
from clara_stages.dicom_adapter.rest.delivery import delivery_routes
from clara_stages.dicom_adapter.rest.intake import intake_routes
from clara_stages.dicom_adapter.rest.looking import health_routes, looking_routes

PREFIX = "/api/v1"

log = logging.getLogger(__name__)

_STATUS: dict[type[Exception], int] = {
    BadDeliveryError: 400,
    UnknownPairError: 404,
    PairConflictError: 409,
    DeliveryConflictError: 409,
}


def create_app(context: RestContext, token: str) -> FastAPI:
    """The API behind a token.

    Raises:
        ValueError: The token is empty.
    """
    if not token:
        raise ValueError("the token is empty, expected a secret. Set CLARA_ADAPTER_TOKEN.")
    app = FastAPI(title="dicom_adapter", version=VERSION, docs_url=None, redoc_url=None, openapi_url=None)
    for router in (intake_routes(context), looking_routes(context), delivery_routes(context)):
        app.include_router(router, prefix=PREFIX)
    app.include_router(health_routes(context))
    for error, status in _STATUS.items():
        app.add_exception_handler(error, _answer_with(status))
    for error in (OSError, FutureTimeoutError, SQLAlchemyError, LedgerError):
        app.add_exception_handler(error, _answer_unavailable)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_middleware(TokenRequired, token=token)
    return app


def _answer_with(status: int) -> Any:
    async def answer(_request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, status_code=status)

    return answer


async def _answer_unavailable(_request: Request, error: Exception) -> JSONResponse:
    log.error("a request failed: %s", error)
    # Neither SQL nor paths: the log has them.
    detail = f"disk or database did not answer ({type(error).__name__}), expected them to. Try again, see the log."
    return JSONResponse({"detail": detail}, status_code=503)


async def _answer_invalid(_request: Request, error: Exception) -> JSONResponse:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    # Where and what, but never the value: a body may hold anything.
    text = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
    return JSONResponse({"detail": f"{text}. See docs/adapter-api.md."}, status_code=422)
