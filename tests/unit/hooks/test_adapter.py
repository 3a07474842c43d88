import asyncio
import json

import pytest

from tests.support.intake import TOKEN, connection


@pytest.fixture
def hook():
    from clara_ops.hooks.adapter import AdapterHook

    return AdapterHook("clara_adapter")


@pytest.fixture
def errors():
    from clara_ops.hooks import adapter_errors

    return adapter_errors


def set_connection(monkeypatch, **fields):
    monkeypatch.setenv("AIRFLOW_CONN_CLARA_ADAPTER", json.dumps({"conn_type": "clara_adapter", **fields}))


def test_a_lease_takes_offered_pairs_and_a_confirm_a_release_and_a_close_reach_the_ledger(intake, hook):
    intake.offer("a1", "OrganSeg")
    intake.offer("a2", "LiverSeg")
    intake.overdue = [{"workflow": "OrganSeg", "dag_run_id": "dicom__a0"}]

    leased = hook.lease(limit=16, lease_s=60)
    hook.confirm(arrival_id="a1", workflow="OrganSeg", dag_run_id="dicom__a1")
    hook.release(arrival_id="a2", workflow="LiverSeg", reason="no workflow file")
    hook.close(workflow="OrganSeg", dag_run_id="dicom__a1", state="succeeded", reason="")

    assert [pair["dag_run_id"] for pair in leased["pairs"]] == ["dicom__a1", "dicom__a2"]
    assert leased["overdue"] == [{"workflow": "OrganSeg", "dag_run_id": "dicom__a0"}]
    assert intake.states == {("a1", "OrganSeg"): "succeeded", ("a2", "LiverSeg"): "held"}
    assert intake.bodies("/leases") == [{"limit": 16, "lease_s": 60}]


def test_offers_are_counted_without_taking_them(intake, hook):
    intake.offer("a1", "OrganSeg")

    assert asyncio.run(hook.offers(0)) == {"offers": 1, "overdue": 0}
    assert intake.requests == []


def test_a_stage_gets_url_and_token(intake, hook):
    assert hook.stage_environment() == {"CLARA_ADAPTER_URL": intake.url, "CLARA_ADAPTER_TOKEN": TOKEN}


def test_the_connection_test_says_what_the_adapter_answers(intake, hook, monkeypatch):
    assert hook.test_connection() == (True, f"{intake.url} answers: 0 offered, 0 overdue")

    monkeypatch.setenv("AIRFLOW_CONN_CLARA_ADAPTER", connection(intake.url, token="another-secret"))
    ok, text = hook.test_connection()

    assert not ok
    assert "answered 401: the token is not the adapter's. Correct the connection's password." in text
    assert "another-secret" not in text


def test_an_adapter_that_is_away_is_unavailable(intake, hook, errors, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_CLARA_ADAPTER", connection("http://127.0.0.1:1"))

    with pytest.raises(errors.AdapterUnavailableError, match=r"no answer from http://127\.0\.0\.1:1 .*running\?"):
        hook.lease(limit=1, lease_s=60)
    with pytest.raises(errors.AdapterUnavailableError, match="no answer"):
        asyncio.run(hook.offers(0))


@pytest.mark.parametrize(
    ("status", "body", "kind", "text"),
    [
        (503, b'{"detail": "disk full"}', "AdapterUnavailableError", "answered 503: disk full"),
        (429, b"", "AdapterUnavailableError", "answered 429"),
        (401, b"", "AdapterRefusedError", "the token is not the adapter's"),
        (422, b'{"detail": "limit is -1"}', "AdapterRefusedError", "answered 422: limit is -1"),
        (404, b'{"detail": "no pair"}', "AdapterMismatchError", "answered 404: no pair"),
        (409, b'{"detail": "superseded"}', "AdapterMismatchError", "answered 409: superseded"),
        (404, b'{"detail": "Not Found"}', "AdapterRefusedError", "answered 404: Not Found"),
        (404, b"<html>", "AdapterRefusedError", "Is this a DICOM adapter of version 1"),
        (200, b"<html>", "AdapterRefusedError", "no JSON object. Does the connection point at a DICOM adapter"),
        (302, b"", "AdapterRefusedError", "answered 302 but no JSON object"),
        (200, b'{"pairs": 3}', "AdapterRefusedError", "pairs is no list of objects"),
    ],
)
def test_an_answer_says_whether_to_ask_again(intake, hook, errors, status, body, kind, text):
    intake.status, intake.body = status, body

    with pytest.raises(errors.AdapterError, match=text) as caught:
        hook.lease(limit=1, lease_s=60)

    assert type(caught.value) is getattr(errors, kind)


def test_without_a_connection_the_error_says_how_to_add_one(hook, errors, monkeypatch, airflow_db):
    monkeypatch.delenv("AIRFLOW_CONN_CLARA_ADAPTER", raising=False)

    with pytest.raises(errors.AdapterRefusedError, match="Add one of type clara_adapter"):
        hook.stage_environment()


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({"host": "adapter", "port": 5000}, "http://adapter:5000"),
        ({"host": "http://adapter/", "port": 5000}, "http://adapter:5000"),
        ({"host": "https://site.example/clara"}, "https://site.example/clara"),
        ({"host": "https://site.example:8443", "port": 5000}, "https://site.example:8443"),
        ({"host": "adapter", "schema": "https"}, "https://adapter"),
        ({"host": "::1", "port": 5000}, "http://[::1]:5000"),
    ],
)
def test_the_host_may_be_a_name_or_a_url(hook, monkeypatch, fields, url):
    set_connection(monkeypatch, password="t", **fields)

    assert hook.stage_environment()["CLARA_ADAPTER_URL"] == url


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"password": "t"}, "has no host"),
        ({"host": "adapter"}, "has no token"),
        ({"host": "adapter", "password": "to ken\n"}, "holds spaces or other than ASCII"),
        ({"host": "ftp://adapter", "password": "t"}, r"no http\(s\) URL"),
        ({"host": "http://me:secret@adapter", "password": "t"}, r"no http\(s\) URL"),
    ],
)
def test_a_connection_that_cannot_work_is_refused_without_quoting_it(hook, errors, monkeypatch, fields, text):
    set_connection(monkeypatch, **fields)

    with pytest.raises(errors.AdapterRefusedError, match=text) as caught:
        hook.stage_environment()

    assert "secret" not in str(caught.value)
    assert "to ken" not in str(caught.value)


def test_plain_http_uses_no_proxy_of_the_environment(intake, hook, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")

    assert hook.lease(limit=1, lease_s=60) == {"pairs": [], "overdue": []}
