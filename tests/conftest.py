"""Shared set-up. It imports no airflow: most tests do not need it, and it costs seconds."""

import pytest

from tests.support.airflow_home import use_throw_away_home

HOME = use_throw_away_home()  # before any test module is imported: airflow reads its settings on import


@pytest.fixture(scope="session")
def airflow_db() -> None:
    """A migrated metadata database in the throw-away home."""
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture
def intake(monkeypatch):
    """The adapter's intake API, served by a ledger in memory; Airflow's connection ``clara_adapter`` points at it."""
    from tests.support.intake import connection, serve_intake

    with serve_intake() as server:
        monkeypatch.setenv("AIRFLOW_CONN_CLARA_ADAPTER", connection(server.url))
        yield server
