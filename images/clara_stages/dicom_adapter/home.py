"""The adapter's own folder: where things lie in it, and the lock that keeps a second adapter out."""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO

FILE_MODE = 0o440
"""What was received is never changed: its owner may only read it, and delete it through the folder."""


class HomeLockedError(RuntimeError):
    """Another adapter works in this home."""


@dataclass(frozen=True)
class Home:
    """Folders and files below ``--home``."""

    root: Path

    @property
    def incoming(self) -> Path:
        """Files being written; whatever lies here at start-up was never acknowledged."""
        return self.root / "incoming"

    @property
    def instances(self) -> Path:
        """What was received, under names of our own."""
        return self.root / "instances"

    @property
    def quarantine(self) -> Path:
        """Instances whose UID is known with other content."""
        return self.root / "quarantine"

    @property
    def outbox(self) -> Path:
        """What is to be sent, one folder for each result key."""
        return self.root / "outbox"

    @property
    def ledger_file(self) -> Path:
        """The default SQLite ledger."""
        return self.root / "ledger.sqlite"

    @property
    def ports_file(self) -> Path:
        """Where both ports are written once they listen."""
        return self.root / "ports.json"

    def prepare(self) -> None:
        """Make the folders, and drop what an earlier process did not acknowledge."""
        for folder in (self.incoming, self.instances, self.quarantine, self.outbox):
            folder.mkdir(parents=True, exist_ok=True)
        for leftover in self.incoming.iterdir():
            leftover.unlink()
        self.ports_file.unlink(missing_ok=True)


def lock_home(home: Home) -> IO[str]:
    """Take the exclusive lock on a home; it lasts until the stream is closed or the process ends.

    Raises:
        HomeLockedError: Another process holds it.
    """
    home.root.mkdir(parents=True, exist_ok=True)
    stream = (home.root / "lock").open("a+", encoding="utf-8")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        stream.seek(0)
        holder = stream.read().strip() or "unknown"
        stream.close()
        raise HomeLockedError(
            f"{home.root} is in use by process {holder}; expected no other adapter there. "
            "Stop that process or choose another --home."
        ) from None
    stream.truncate(0)
    stream.write(f"{os.getpid()}\n")
    stream.flush()
    return stream
