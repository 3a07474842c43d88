"""Shared set-up. It imports no airflow: most tests do not need it, and it costs seconds."""

import pytest

from tests.support.airflow_home import use_throw_away_home

HOME = use_throw_away_home()  # before any test module is imported: airflow reads its settings on import


@pytest.fixture(scope="session")
def airflow_db() -> None:
    """A migrated metadata database in the throw-away home."""
    from airflow.utils.db import initdb

    initdb()
