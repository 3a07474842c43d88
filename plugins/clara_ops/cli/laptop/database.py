"""Airflow's database of one instance: made once, copied after that."""

import hashlib
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from clara_ops.cli import airflow_database
from clara_ops.cli.laptop.home import Checkout, Home


class DatabaseError(Exception):
    """Airflow's database could not be made or migrated."""


def prepare_database(checkout: Checkout, home: Home, environment: dict[str, str]) -> None:
    """Bring the home's database to this Airflow's schema, with the pools; instantly where it is already.

    A new database is a copy of one made earlier in this checkout: making one takes seconds.

    Raises:
        DatabaseError: ``clara-ops init`` failed; the text holds the end of its log.
    """
    key = _key()
    stamp = home.airflow / "initialised"
    template = checkout.root / ".clara" / "cache" / f"airflow-{key}.db"
    if home.database.is_file() and stamp.is_file() and stamp.read_text() == key:
        return
    is_new = not home.database.exists()
    if is_new and template.is_file():
        _copy(template, home.database)
    else:
        _initialise(home, environment)
        if is_new:
            template.parent.mkdir(parents=True, exist_ok=True)
            _copy(home.database, template)
    stamp.write_text(key)


def _key() -> str:
    """What a prepared database depends on: the schema, and the pools made from this machine's cores and GPUs."""
    parts = [
        version("apache-airflow-core"),
        Path(airflow_database.__file__).read_text(),
        repr(airflow_database.pools()),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _initialise(home: Home, environment: dict[str, str]) -> None:
    log = home.logs / "init.log"
    with log.open("w") as output:
        done = subprocess.run(
            [sys.executable, "-m", "clara_ops.cli", "init"],
            env=environment,
            cwd=home.airflow,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        raise DatabaseError(f"Airflow's database {home.database} could not be made; the end of {log}:\n{tail}")


def _copy(source: Path, target: Path) -> None:
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copyfile(source, partial)
    partial.chmod(0o600)
    partial.replace(target)
