"""The home folder of one instance of the system: what lies where, its secrets, and its lock."""

import base64
import contextlib
import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

LOCK_NAME = "lock"
"""Held by whoever runs this home; kept when the home is wiped, or a second one could start in between."""

KEEPER_WAIT_S = 25.0
"""How long a start waits for the keeper of a killed instance to end its processes; more than its grace."""


class HomeBusyError(Exception):
    """Another process runs the system of this home folder."""


@dataclass(frozen=True)
class Checkout:
    """A working copy of this repository: the laptop profile runs from it."""

    root: Path

    @property
    def airflow_config(self) -> Path:
        """The laptop profile."""
        return self.root / "config" / "laptop.cfg"

    @property
    def adapter_config(self) -> Path:
        """The example configuration of the adapter; the instance's is made from it."""
        return self.root / "config" / "dicom-server-config.yaml"

    @property
    def workflows(self) -> Path:
        """The folder of workflow YAML files."""
        return self.root / "dags" / "workflows"

    def require(self) -> None:
        """Raise FileNotFoundError unless this is a checkout."""
        if not self.airflow_config.is_file():
            raise FileNotFoundError(
                f"{self.root} is no checkout of clara-ops: config/laptop.cfg is not there. "
                "Run this in the folder that `git clone` made, or name it with --checkout."
            )


@dataclass(frozen=True)
class Secrets:
    """What the components of one instance trust each other by, and the password of its one user."""

    fernet_key: str
    jwt_secret: str
    api_secret_key: str
    adapter_token: str
    admin_password: str


class Home:
    """One instance's folder; nothing of the instance is kept elsewhere."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._lock: int | None = None

    @property
    def marker(self) -> str:
        """What every process of this instance carries in ``CLARA_INSTANCE``."""
        return str(self.root)

    @property
    def airflow(self) -> Path:
        """AIRFLOW_HOME."""
        return self.root / "airflow"

    @property
    def database(self) -> Path:
        """Airflow's SQLite file."""
        return self.airflow / "airflow.db"

    @property
    def io(self) -> Path:
        """The payload tree."""
        return self.root / "io"

    @property
    def adapter(self) -> Path:
        """The adapter's ledger and outbox."""
        return self.root / "adapter"

    @property
    def pacs(self) -> Path:
        """What the demo PACS received."""
        return self.root / "pacs"

    @property
    def run(self) -> Path:
        """Pid files, ``ports.json`` and generated configuration."""
        return self.root / "run"

    @property
    def logs(self) -> Path:
        """One log file a component."""
        return self.root / "logs"

    @property
    def passwords_file(self) -> Path:
        """User and password in the form SimpleAuthManager reads."""
        return self.root / "secrets" / "passwords.json"

    @cached_property
    def secrets(self) -> Secrets:
        """The secrets of this home, made on first use and then kept: stored connections need the Fernet key."""
        return Secrets(
            fernet_key=self._kept("fernet_key", lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()),
            jwt_secret=self._kept("jwt_secret", lambda: secrets.token_urlsafe(48)),
            api_secret_key=self._kept("api_secret_key", lambda: secrets.token_urlsafe(32)),
            adapter_token=self._kept("adapter_token", lambda: secrets.token_urlsafe(32)),
            admin_password=json.loads(
                self._kept("passwords.json", lambda: json.dumps({"admin": secrets.token_urlsafe(9)}))
            )["admin"],
        )

    @cached_property
    def installation(self) -> str:
        """A name no other home has, so that two laptops never make the same UID for different objects."""
        return self._kept("installation", lambda: f"laptop-{secrets.token_hex(8)}")

    def prepare(self) -> None:
        """Make the folders a component expects."""
        empty = self.airflow / "plugins"
        for folder in (empty, self.io, self.adapter, self.pacs, self.run, self.logs):
            folder.mkdir(parents=True, exist_ok=True)

    def lock(self) -> int:
        """Take this home for this process; returns the locked file descriptor.

        After a kill -9 of the former owner its keeper still holds the lock while it clears up: that is waited for.

        Raises:
            HomeBusyError: A live process owns it.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.root / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + KEEPER_WAIT_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                owner = os.pread(lock, 32, 0).decode().strip()
                if _is_alive(owner) or time.monotonic() > deadline:
                    os.close(lock)
                    raise HomeBusyError(
                        f"the system in {self.root} is already running (process {owner or 'unknown'}). "
                        "Stop it first (Ctrl-C where it runs, or kill that process); another clone has its own."
                    ) from None
                time.sleep(0.2)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        self._lock = lock
        return lock

    def unlock(self) -> None:
        """Give the home back."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def ports_file(self) -> Path:
        """Written when the instance is ready, gone when its end begins."""
        return self.run / "ports.json"

    def clear_run(self) -> None:
        """Remove what is only true while the instance runs."""
        for file in (self.ports_file, *self.run.glob("*.pid")):
            file.unlink(missing_ok=True)

    def require_wipeable(self) -> None:
        """Raise ValueError when the folder holds anything but an instance."""
        if self.root.is_dir() and any(self.root.iterdir()) and not (self.root / LOCK_NAME).is_file():
            raise ValueError(f"{self.root} holds files of someone else, and would be emptied: name another folder")

    def wipe(self) -> None:
        """Delete everything in it but the lock: the next start is the first."""
        for entry in self.root.iterdir():
            if entry.name == LOCK_NAME:
                continue
            if entry.is_dir() and not entry.is_symlink():
                _make_deletable(entry)
                shutil.rmtree(entry)
            else:
                entry.unlink()
        self.__dict__.pop("secrets", None)
        self.__dict__.pop("installation", None)

    def _kept(self, name: str, make: Callable[[], str]) -> str:
        path = self.passwords_file.parent / name
        if not path.is_file():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            partial = _write_private_partial(path, make())
            with contextlib.suppress(FileExistsError):  # another process was first: its value counts
                os.link(partial, path)
            partial.unlink()
        return path.read_text()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    _write_private_partial(path, text).replace(path)


def _write_private_partial(path: Path, text: str) -> Path:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    return partial


def _is_alive(pid: str) -> bool:
    if not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _make_deletable(folder: Path) -> None:
    """Arrivals are read-only folders; their owner may still delete them."""
    for path, _, _ in os.walk(folder):
        os.chmod(path, 0o700)
