"""REST client of the DICOM adapter's intake routes (docs/adapter-api.md).

Airflow's connection ``clara_adapter`` holds host (or URL), port and, as password, the token. The token goes into one
header and the environment of stages, never into a log line or an error.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import httpx  # airflow.sdk has loaded it already
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowException

from clara_ops.hooks.adapter_errors import (
    AdapterError,
    AdapterMismatchError,
    AdapterRefusedError,
    AdapterUnavailableError,
)

if TYPE_CHECKING:
    from airflow.sdk import Connection

CONNECT_TIMEOUT_S = 5.0
"""The adapter is a neighbour; one that takes longer to accept a connection is down."""

ANSWER_TIMEOUT_S = 30.0
"""A lease or a report is one short transaction; on a busy SQLite ledger it may wait for others."""

POLL_MARGIN_S = 15.0
"""How much longer than the asked waiting time a long poll may take before it counts as lost."""

_DETAIL_LIMIT = 400
_NO_SUCH_ROUTE = "Not Found"  # what FastAPI says where there is no route at all
_TOKEN = re.compile(r"[!-~]+")
_RETRY_LATER = (408, 425, 429)


class AdapterHook(BaseHook):
    """The intake side of one DICOM adapter.

    Args:
        conn_id: Airflow connection of type ``clara_adapter``.
    """

    conn_name_attr = "conn_id"
    default_conn_name = "clara_adapter"
    conn_type = "clara_adapter"
    hook_name = "clara-ops DICOM adapter"

    def __init__(self, conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.conn_id = conn_id  # looked up when used: parsing must not touch the database

    def lease(self, *, limit: int, lease_s: int) -> dict[str, list[dict[str, Any]]]:
        """Take up to ``limit`` pairs for ``lease_s`` seconds.

        Returns:
            ``pairs`` (``arrival_id``, ``workflow``, ``dag_run_id``, ``conf``) and ``overdue`` (``workflow``,
            ``dag_run_id``), both lists.

        Raises:
            AdapterError: See ``adapter_errors``; so do the other methods.
        """
        answer = self._post("/api/v1/leases", {"limit": limit, "lease_s": lease_s})
        return {"pairs": _list(answer, "pairs"), "overdue": _list(answer, "overdue")}

    def confirm(self, *, arrival_id: str, workflow: str, dag_run_id: str) -> None:
        """Tell the adapter that the pair's DAG run exists. Idempotent."""
        self._post("/api/v1/pairs/confirm", {"arrival_id": arrival_id, "workflow": workflow, "dag_run_id": dag_run_id})

    def release(self, *, arrival_id: str, workflow: str, reason: str) -> None:
        """Give a leased pair back; it is offered again after the adapter's back-off."""
        self._post("/api/v1/pairs/release", {"arrival_id": arrival_id, "workflow": workflow, "reason": reason})

    def close(self, *, workflow: str, dag_run_id: str, state: str, reason: str) -> None:
        """Report how a run ended: ``succeeded``, ``failed`` or ``not_analysed``. Idempotent."""
        self._post(
            "/api/v1/pairs/close",
            {"workflow": workflow, "dag_run_id": dag_run_id, "state": state, "reason": reason},
        )

    async def offers(self, wait_s: int) -> dict[str, int]:
        """How many pairs are offered and overdue, as soon as either is not 0, else after ``wait_s`` seconds.

        Nothing here blocks the triggerer's event loop: the client is built in a thread, because loading the trusted
        certificates for https may take tenths of a second.
        """
        url, token = await self._aendpoint()
        options = _client_options(url, token, wait_s + POLL_MARGIN_S)
        client = await asyncio.to_thread(httpx.AsyncClient, **options)
        try:
            async with client:
                response = await client.get("/api/v1/offers", params={"wait_s": wait_s})
        except Exception as error:
            raise _transport_error(url, error) from error
        answer = _answer(response)
        return {"offers": _count(answer, "offers"), "overdue": _count(answer, "overdue")}

    def stage_environment(self) -> dict[str, str]:
        """What a stage needs to reach the adapter: ``CLARA_ADAPTER_URL`` and ``CLARA_ADAPTER_TOKEN``."""
        url, token = self._endpoint()
        return {"CLARA_ADAPTER_URL": url, "CLARA_ADAPTER_TOKEN": token}

    def test_connection(self) -> tuple[bool, str]:
        """Whether the adapter answers this connection's token, and what it said; for Airflow's connection form."""
        try:
            url, token = self._endpoint()
            answer = self._request("GET", "/api/v1/offers?wait_s=0", url=url, token=token)
            offers, overdue = _count(answer, "offers"), _count(answer, "overdue")
        except AdapterError as error:
            return False, str(error)
        return True, f"{url} answers: {offers} offered, {overdue} overdue"

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        url, token = self._endpoint()
        return self._request("POST", path, url=url, token=token, body=body)

    def _request(
        self, method: str, path: str, *, url: str, token: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        try:
            with httpx.Client(**_client_options(url, token, ANSWER_TIMEOUT_S)) as client:
                response = client.request(method, path, json=body)
        except Exception as error:
            raise _transport_error(url, error) from error
        return _answer(response)

    def _endpoint(self) -> tuple[str, str]:
        try:
            connection = self.get_connection(self.conn_id)
        except AirflowException as error:
            raise _no_connection(self.conn_id) from error
        return _endpoint_of(self.conn_id, connection)

    async def _aendpoint(self) -> tuple[str, str]:
        try:
            connection = await self.aget_connection(self.conn_id)
        except AirflowException as error:
            raise _no_connection(self.conn_id) from error
        return _endpoint_of(self.conn_id, connection)


def _endpoint_of(conn_id: str, connection: "Connection") -> tuple[str, str]:
    """URL without a trailing slash, and token, of a connection whose host is a URL or a host name.

    Raises:
        AdapterRefusedError: The connection lacks host or token, or hides a password in the URL.
    """
    host = (connection.host or "").strip().rstrip("/")
    if not host:
        raise AdapterRefusedError(f"connection {conn_id} has no host. Enter the adapter's host name or URL.")
    if not connection.password:
        raise AdapterRefusedError(f"connection {conn_id} has no token. Enter the adapter's token as password.")
    if not _TOKEN.fullmatch(connection.password):  # httpx would quote it in its error
        raise AdapterRefusedError(
            f"the token of connection {conn_id} holds spaces or other than ASCII. Enter it again."
        )
    if "://" not in host:
        bracketed = f"[{host}]" if ":" in host and not host.startswith("[") else host
        host = f"{connection.schema or 'http'}://{bracketed}"
    parts = urlsplit(host)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise AdapterRefusedError(
            f"the host of connection {conn_id} is no http(s) URL or host name. Enter it like http://127.0.0.1, "
            "the port as port and the token as password."
        )
    netloc = f"{parts.netloc}:{connection.port}" if connection.port and parts.port is None else parts.netloc
    return f"{parts.scheme}://{netloc}{parts.path}", str(connection.password)


def _client_options(url: str, token: str, timeout_s: float) -> dict[str, Any]:
    """Arguments of an httpx client.

    Over plain HTTP there are no certificates to load, which is slow, and no proxy of the environment is used: the
    adapter is a neighbour, and a proxy would see the token.
    """
    tls = url.startswith("https:")
    return {
        "base_url": url,
        "headers": {"Authorization": f"Bearer {token}", "Accept": "application/json"},
        "timeout": httpx.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S),
        "verify": tls,
        "trust_env": tls,
    }


def _no_connection(conn_id: str) -> AdapterRefusedError:
    return AdapterRefusedError(
        f"Airflow has no connection {conn_id}. Add one of type clara_adapter with the adapter's host, port and token."
    )


def _transport_error(url: str, error: Exception) -> AdapterError:
    """The error of a request that got no answer; anything but a network fault is raised as it is."""
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return AdapterRefusedError(f"{url} is no usable URL: {error}. Correct the adapter's connection.")
    if isinstance(error, httpx.TransportError):
        reason = str(error) or type(error).__name__
        return AdapterUnavailableError(f"no answer from {url} ({reason}). Is the DICOM adapter running?")
    raise error


def _answer(response: httpx.Response) -> dict[str, Any]:
    """The JSON object of a good answer.

    Raises:
        AdapterError: The class says what a caller may do about it.
    """
    status = response.status_code
    try:
        body = response.json()
    except ValueError:
        body = None
    if 200 <= status < 300 and isinstance(body, dict):
        return cast("dict[str, Any]", body)
    detail = str(body.get("detail", "") if isinstance(body, dict) else "")[:_DETAIL_LIMIT]
    where = f"{response.request.method} {response.request.url.copy_with(query=None)} answered {status}"
    if 200 <= status < 400:
        raise AdapterRefusedError(f"{where} but no JSON object. Does the connection point at a DICOM adapter?")
    if status >= 500 or status in _RETRY_LATER:
        raise AdapterUnavailableError(f"{where}: {detail or 'no reason given'}.")
    if status in (401, 403):
        raise AdapterRefusedError(f"{where}: the token is not the adapter's. Correct the connection's password.")
    if status in (404, 409) and detail not in ("", _NO_SUCH_ROUTE):
        raise AdapterMismatchError(f"{where}: {detail}")
    raise AdapterRefusedError(f"{where}: {detail or 'no reason given. Is this a DICOM adapter of version 1?'}")


def _list(answer: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    value = answer.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise AdapterRefusedError(f"the adapter's {key} is no list of objects. Are both sides of the same version?")
    return cast("list[dict[str, Any]]", value)


def _count(answer: Mapping[str, Any], key: str) -> int:
    value = answer.get(key)
    if not isinstance(value, int):
        raise AdapterRefusedError(f"the adapter's {key} is {value!r}, expected a number. Is this a DICOM adapter?")
    return value
