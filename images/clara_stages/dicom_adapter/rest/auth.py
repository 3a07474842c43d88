"""Nobody gets past this without the token, whatever path they ask for."""

import hmac
import json
from typing import Any

OPEN_PATHS = frozenset({"/health/live", "/health/ready"})
"""Probes of an orchestrator, which has no token."""

MAX_BODY_BYTES = 16 << 20
"""A delivery of 50,000 instances fits; more is no request of ours."""


class TokenRequired:
    """ASGI middleware: 401 without ``Authorization: Bearer <token>``.

    A middleware and not a dependency of routes, so that an unknown path or a malformed body tells a stranger nothing,
    and a route added later is closed by default.
    """

    def __init__(self, app: Any, token: str) -> None:
        self._app = app
        self._expected = b"Bearer " + token.encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer 401 or 413, or pass the request on."""
        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        if scope["path"] not in OPEN_PATHS:
            if not hmac.compare_digest(headers.get(b"authorization", b""), self._expected):
                detail = "no valid token, expected the header Authorization: Bearer <token>. Use CLARA_ADAPTER_TOKEN."
                await _answer(send, 401, detail)
                return
            length = headers.get(b"content-length", b"0")
            if b"transfer-encoding" in headers or not length.isdigit() or int(length) > MAX_BODY_BYTES:
                await _answer(send, 413, f"the body is too long, expected a Content-Length up to {MAX_BODY_BYTES}.")
                return
        await self._app(scope, receive, send)


async def _answer(send: Any, status: int, detail: str) -> None:
    headers = [(b"content-type", b"application/json")]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps({"detail": detail}).encode()})
