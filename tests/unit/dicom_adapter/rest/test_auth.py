import httpx
import pytest
from fastapi.routing import APIRoute

from clara_stages.dicom_adapter.notify import Notifier
from clara_stages.dicom_adapter.rest.app import create_app
from clara_stages.dicom_adapter.rest.auth import OPEN_PATHS
from clara_stages.dicom_adapter.rest.context import RestContext

TOKEN = "correct horse"


@pytest.fixture
def app(ledger):
    context = RestContext(
        ledger=ledger,
        outbox=None,  # no route here gets as far
        offers=Notifier(),
        receipts=Notifier(),
        overdue_s=600,
        not_ready=lambda: "",
    )
    return create_app(context, TOKEN)


def routes(app):
    return [(method, route.path) for route in app.routes for method in getattr(route, "methods", ["GET"])]


def client(app):
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://adapter")


def run(coroutine):
    import asyncio

    return asyncio.run(coroutine)


BAD = [None, "", "Bearer", "Bearer ", "Bearer wrong", f"bearer {TOKEN}", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN} "]


def test_every_route_but_the_probes_wants_the_token(app):
    async def ask():
        async with client(app) as http:
            for method, path in routes(app):
                for value in BAD:
                    headers = {} if value is None else {"Authorization": value}
                    answer = await http.request(method, path, headers=headers)
                    expected = 200 if path in OPEN_PATHS else 401
                    # httpx strips trailing blanks of a header, which makes the last one right
                    if answer.status_code != expected and value != f"Bearer {TOKEN} ":
                        return f"{method} {path} answers {answer.status_code} to {value!r}"
        return ""

    assert run(ask()) == ""
    api = [path for _, path in routes(app) if path.startswith("/api/v1/")]
    assert len(api) >= 10
    assert all(isinstance(route, APIRoute) for route in app.routes), "no documentation pages"


def test_a_stranger_learns_nothing_from_unknown_paths_or_broken_bodies(app):
    async def ask():
        async with client(app) as http:
            return [
                (await http.get("/nothing")).status_code,
                (await http.get("/openapi.json")).status_code,
                (await http.post("/api/v1/leases", content=b"{broken")).status_code,
                (await http.get("/health/live/../../api/v1/studies")).status_code,
                (await http.get("//health/live")).status_code,
            ]

    assert run(ask()) == [401, 401, 401, 401, 401]


def test_errors_are_one_sentence_and_never_quote_the_value(app):
    async def ask():
        async with client(app) as http:
            http.headers["Authorization"] = f"Bearer {TOKEN}"
            return [
                await http.get("/api/v1/offers", params={"wait_s": 61}),
                await http.post("/api/v1/leases", content=b"{broken"),
                await http.post("/api/v1/pairs/close", json={"workflow": "Secret^Person", "state": "Secret^Person"}),
                await http.get("/api/v1/arrivals/none"),
                await http.get("/api/v1/deliveries/none"),
                await http.post("/api/v1/pairs/confirm", json={"arrival_id": "x", "workflow": "y", "dag_run_id": "z"}),
            ]

    answers = run(ask())
    assert [item.status_code for item in answers] == [422, 422, 422, 404, 404, 404]
    assert all(isinstance(item.json()["detail"], str) for item in answers)
    assert "Secret" not in answers[2].text


def test_a_body_without_end_is_not_read(app):
    async def ask():
        async with client(app) as http:
            headers = {"Authorization": f"Bearer {TOKEN}", "Content-Length": str(1 << 40)}
            return (await http.post("/api/v1/leases", content=b"{}", headers=headers)).status_code

    assert run(ask()) == 413


def test_an_empty_token_is_refused(ledger):
    with pytest.raises(ValueError, match="CLARA_ADAPTER_TOKEN"):
        create_app(
            RestContext(
                ledger=ledger,
                outbox=None,  # see above
                offers=Notifier(),
                receipts=Notifier(),
                overdue_s=1,
                not_ready=lambda: "",
            ),
            "",
        )
