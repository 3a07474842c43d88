import sqlite3
from pathlib import Path

import pytest

from clara_ops.cli import airflow_database
from clara_ops.cli.laptop.database import DatabaseError, prepare_database
from clara_ops.cli.laptop.environment import airflow_variables, component_environment
from clara_ops.cli.laptop.home import Checkout, Home
from clara_ops.cli.laptop.ports import Ports

ROOT = Path(__file__).parents[4]


@pytest.fixture
def checkout(tmp_path):
    """A checkout of its own: what it caches is no other's."""
    root = tmp_path / "checkout"
    root.mkdir()
    (root / "config").symlink_to(ROOT / "config")
    (root / "dags").symlink_to(ROOT / "dags")
    return Checkout(root)


def prepare(checkout: Checkout, home: Home) -> None:
    home.prepare()
    variables = airflow_variables(checkout, home, Ports(), "test")
    prepare_database(checkout, home, component_environment(home, variables))


def pools(home: Home) -> dict[str, tuple[int, int]]:
    with sqlite3.connect(home.database) as database:
        rows = database.execute("select pool, slots, include_deferred from slot_pool").fetchall()
    return {name: (slots, deferred) for name, slots, deferred in rows}


def test_the_first_home_is_migrated_and_the_second_is_a_copy(checkout, tmp_path):
    first, second = Home(tmp_path / "first"), Home(tmp_path / "second")
    prepare(checkout, first)
    assert {spec.name: (spec.slots, 1) for spec in airflow_database.pools()}.items() <= pools(first).items()
    prepare(checkout, second)
    assert not (second.logs / "init.log").exists()
    assert pools(second) == pools(first)


def test_a_database_that_cannot_be_made_shows_the_end_of_the_log(checkout, tmp_path):
    home = Home(tmp_path / "home")
    home.prepare()
    home.database.mkdir()
    with pytest.raises(DatabaseError, match=r"could not be made; the end of .*init\.log:\n(.*\n)*.*unable to open"):
        prepare(checkout, home)


def test_inference_has_one_slot_on_a_machine_without_a_gpu(monkeypatch):
    monkeypatch.setattr(Path, "glob", lambda self, pattern: iter(()))
    gpu = next(spec for spec in airflow_database.pools() if spec.name == "gpu")
    assert gpu.slots == 1
