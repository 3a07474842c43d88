"""Which TCP ports an instance uses: the usual ones, or the next free ones."""

import fcntl
import os
import socket
import tempfile
from dataclasses import dataclass, fields
from pathlib import Path

SEARCH_LENGTH = 200
"""Ports tried above the usual one before giving up."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """The ports of one instance; the defaults are the usual ones.

    Attributes:
        airflow: Airflow's API server and user interface.
        adapter_dicom: Where the adapter accepts C-STORE; 11112 is the port IANA registered for DICOM.
        adapter_http: The adapter's REST API.
        pacs_dicom: The demo PACS; 4242 is Orthanc's.
        worker_logs: Named to Airflow so that it asks no other instance's server; nothing listens there.
        trigger_logs: The same for the triggerer.
    """

    airflow: int = 8080
    adapter_dicom: int = 11112
    adapter_http: int = 5000
    pacs_dicom: int = 4242
    worker_logs: int = 8793
    trigger_logs: int = 8794


class PortReservations:
    """Ports held against other instances of the same user while this instance lives.

    Each is a locked file, since a bound socket could not be handed to the component.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(tempfile.gettempdir()) / f"clara-ops-{os.getuid()}"
        self._files: dict[int, int] = {}

    @property
    def file_descriptors(self) -> tuple[int, ...]:
        """The locked files, to be inherited by a process that outlives this one."""
        return tuple(self._files.values())

    def choose(self) -> Ports:
        """A free port for each purpose."""
        return Ports(**{field.name: self.reserve(field.default) for field in fields(Ports)})  # type: ignore[arg-type]

    def reserve(self, usual: int) -> int:
        """The first free port from ``usual`` on.

        Raises:
            OSError: All of them are taken.
        """
        for port in range(usual, min(usual + SEARCH_LENGTH, 65536)):
            if port not in self._files and self._lock(port):
                if is_free(port):
                    return port
                os.close(self._files.pop(port))
        raise OSError(f"no free TCP port from {usual} to {usual + SEARCH_LENGTH - 1}: end some programs and try again")

    def release(self) -> None:
        """Give all of them back."""
        while self._files:
            os.close(self._files.popitem()[1])

    def _lock(self, port: int) -> bool:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        file = os.open(self._folder / f"port-{port}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._files[port] = file
        return True


def is_free(port: int) -> bool:
    """Whether a server could listen on this port on all interfaces."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections of an earlier run in TIME_WAIT do not keep a port, listeners still do.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
