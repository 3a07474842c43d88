"""The delivery routes of the adapter's REST API (docs/adapter-api.md)."""

import os
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from clara_stages.kit import BadInputError, PeerUnavailableError

URL_VARIABLE = "CLARA_ADAPTER_URL"
TOKEN_VARIABLE = "CLARA_ADAPTER_TOKEN"  # noqa: S105 - the name of a variable, not a secret

CONNECT_TIMEOUT_S = 5.0
"""The adapter is on the same site: longer means it is down."""

ANSWER_TIMEOUT_S = 60.0
"""On top of a long poll; the adapter copies the files into its outbox before it answers a POST."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the adapter said: the HTTP status, and the body where it is a JSON object."""

    status: int
    body: dict[str, Any]

    @property
    def detail(self) -> str:
        """The adapter's sentence about an error."""
        return str(self.body.get("detail") or "no detail given")


class AdapterClient:
    """One connection to the adapter; a context manager.

    Errors of every request: PeerUnavailableError where the adapter cannot be reached, does not answer in time, or
    answers 5xx (transient: the task retries); BadInputError for 401 and 403 (permanent: a token does not mend itself).
    """

    def __init__(self, url: str, token: str) -> None:
        self._http = httpx.Client(
            base_url=url.rstrip("/"),
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=httpx.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            trust_env=False,  # a proxy of the site is for the internet, not for the adapter
        )

    @classmethod
    def from_environment(cls) -> "AdapterClient":
        """The adapter that the environment names. Raises BadInputError where it names none."""
        url = os.environ.get(URL_VARIABLE, "").strip()
        token = os.environ.get(TOKEN_VARIABLE, "").strip()
        if not url.startswith(("http://", "https://")):
            raise _bad_url(url)
        if not (token.isascii() and token.isprintable()):
            raise BadInputError(
                f"{TOKEN_VARIABLE} holds characters that no token has", remedy="set it to one line of ASCII characters"
            )
        try:
            return cls(url, token)
        except httpx.InvalidURL:
            raise _bad_url(url) from None

    def __enter__(self) -> "AdapterClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def post_delivery(self, delivery: dict[str, Any]) -> Answer:
        """Hand a delivery over; the files are in the adapter's outbox when this returns 200 or 201."""
        return self._request("POST", "/api/v1/deliveries", json=delivery)

    def get_delivery(self, result_key: str, wait_s: float) -> Answer:
        """The state of a delivery; returns early when every destination is ``sent`` or ``failed``."""
        return self._request(
            "GET",
            f"/api/v1/deliveries/{quote(result_key, safe=':')}",
            params={"wait_s": round(wait_s, 1)},
            timeout=httpx.Timeout(ANSWER_TIMEOUT_S + wait_s, connect=CONNECT_TIMEOUT_S),
        )

    def _request(self, method: str, path: str, **options: Any) -> Answer:
        try:
            response = self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise PeerUnavailableError(
                f"the adapter does not answer: {type(error).__name__}: {error}",
                remedy=f"check that dicom_adapter runs and that {URL_VARIABLE} names it; the stage may be retried",
            ) from None
        answer = Answer(status=response.status_code, body=_json_object(response))
        if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise BadInputError(
                f"the adapter refused our token ({answer.status}): {TOKEN_VARIABLE} is "
                f"{'wrong' if os.environ.get(TOKEN_VARIABLE) else 'not set'}",
                remedy=f"give the stages the adapter's token in {TOKEN_VARIABLE}",
            )
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise PeerUnavailableError(
                f"the adapter answered {answer.status}: {answer.detail}",
                remedy="see the adapter's log; the stage may be retried",
            )
        return answer


def _bad_url(url: str) -> BadInputError:
    return BadInputError(
        f"{URL_VARIABLE} is {url!r}, expected the adapter's address such as http://adapter:8090",
        remedy=f"set {URL_VARIABLE} and {TOKEN_VARIABLE} for the stages, or send by hand with --param direct=",
    )


def _json_object(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
