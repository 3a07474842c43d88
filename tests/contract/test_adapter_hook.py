"""The Airflow side's client against the real adapter: routes, shapes and refusals."""

import asyncio

import pytest

from tests.support.adapter import running_adapter
from tests.support.intake import connection


@pytest.fixture(scope="module")
def adapter(tmp_path_factory):
    with running_adapter(tmp_path_factory.mktemp("adapter")) as running:
        yield running


@pytest.fixture
def hook(adapter, monkeypatch):
    from clara_ops.hooks.adapter import AdapterHook

    monkeypatch.setenv("AIRFLOW_CONN_CLARA_ADAPTER", connection(adapter.url, token=adapter.token))
    return AdapterHook("clara_adapter")


def test_an_idle_adapter_offers_and_leases_nothing(adapter, hook):
    assert hook.test_connection() == (True, f"{adapter.url} answers: 0 offered, 0 overdue")
    assert asyncio.run(hook.offers(0)) == {"offers": 0, "overdue": 0}
    assert hook.lease(limit=16, lease_s=60) == {"pairs": [], "overdue": []}


def test_what_the_ledger_does_not_know_is_a_mismatch(hook):
    from clara_ops.hooks.adapter_errors import AdapterMismatchError

    with pytest.raises(AdapterMismatchError, match="answered 404"):
        hook.confirm(arrival_id="nobody", workflow="OrganSeg", dag_run_id="dicom__nobody")
    with pytest.raises(AdapterMismatchError, match="answered 404"):
        hook.release(arrival_id="nobody", workflow="OrganSeg", reason="no run")
    with pytest.raises(AdapterMismatchError, match="answered 404"):
        hook.close(workflow="OrganSeg", dag_run_id="dicom__nobody", state="succeeded", reason="")


def test_a_wrong_token_and_a_wrong_body_are_refused(adapter, hook, monkeypatch):
    from clara_ops.hooks.adapter_errors import AdapterMismatchError, AdapterRefusedError

    with pytest.raises(AdapterRefusedError, match="answered 4") as caught:
        hook.lease(limit=-1, lease_s=60)
    assert not isinstance(caught.value, AdapterMismatchError)

    monkeypatch.setenv("AIRFLOW_CONN_CLARA_ADAPTER", connection(adapter.url, token="wrong"))
    with pytest.raises(AdapterRefusedError, match="the token is not the adapter's"):
        hook.lease(limit=1, lease_s=60)
