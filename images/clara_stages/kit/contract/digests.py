"""SHA-256 of files and folders: each file read once, whatever its names, while its reader does something else."""

import hashlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

_MOST_THREADS = 4
"""More than that wait for the disk; one core is left to the reader."""

_READ_BYTES = 1 << 20
"""At a time: one slice of a CT in one turn, for each turn waits for the interpreter."""

_UNREADABLE = "unreadable"
"""In place of a digest."""

_Identity = tuple[int, int, int, int]


class FileDigests:
    """Digests of files that are not changed any more, by what they are and not by their names.

    A hard link has the digest of the file that it is another name of. A file that was replaced or written to since is
    another one.
    """

    def __init__(self) -> None:
        self._known: dict[_Identity, str] = {}
        self._waiting: deque[str | Path] = deque()
        self._threads: list[threading.Thread] = []

    def begin(self, files: Iterable[str | Path]) -> None:
        """Hash files on other threads. Those that cannot be read are left for ``digest_of`` to say so.

        The threads end with their work, or with the process.
        """
        self._waiting.extend(files)
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        wanted = min(_MOST_THREADS, max(1, (os.cpu_count() or 1) - 1), len(self._waiting))
        for _ in range(wanted - len(self._threads)):
            thread = threading.Thread(target=self._work, name="digests", daemon=True)
            thread.start()
            self._threads.append(thread)

    def know(self, file: str | Path, digest: str) -> None:
        """Take the digest of a file that was made as it was written."""
        self._known[_identity(os.stat(file))] = digest

    def digest_of(self, file: str | Path) -> str:
        """The SHA-256 of a file's bytes, in hex. Raises OSError."""
        for thread in self._threads:
            thread.join()
        self._threads = []
        return self._digest_of(file)

    def _work(self) -> None:
        piece = bytearray(_READ_BYTES)
        while True:
            try:
                file = self._waiting.popleft()
            except IndexError:
                return
            try:
                self._digest_of(file, piece)
            except OSError:
                continue

    def _digest_of(self, file: str | Path, piece: bytearray | None = None) -> str:
        identity = _identity(os.stat(file))
        found = self._known.get(identity)
        if found is None:
            found = self._known[identity] = file_digest(file, piece)
        return found


def _identity(status: os.stat_result) -> _Identity:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def file_digest(file: str | Path, piece: bytearray | None = None) -> str:
    """SHA-256 of a file's bytes, in hex.

    Args:
        file: A plain file, or a link to one.
        piece: Memory to read into, for those who hash many files.

    Raises:
        OSError: It cannot be read.
    """
    digest = hashlib.sha256()
    piece = piece or bytearray(_READ_BYTES)
    view = memoryview(piece)
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while count := os.readv(descriptor, [piece]):
            digest.update(view[:count])
    finally:
        os.close(descriptor)
    return digest.hexdigest()


def folder_digest(
    folder: Path,
    *,
    without: frozenset[str] = frozenset(),
    digests: FileDigests | None = None,
    strict: bool = True,
) -> str:
    """SHA-256 over the relative names and bytes of every file under ``folder``, in name order.

    Args:
        folder: Where to look; symbolic links to files are followed, those to folders are not.
        without: Folder names to leave out, such as ``__pycache__``.
        digests: Of files that were hashed already.
        strict: Whether a file that cannot be read is an error; else its name alone counts, as of an input that a
            stage will leave out.

    Raises:
        OSError: A file cannot be read.
    """
    return begin_folder_digest(folder, without=without, digests=digests, strict=strict)()


def begin_folder_digest(
    folder: Path,
    *,
    without: frozenset[str] = frozenset(),
    digests: FileDigests | None = None,
    strict: bool = True,
) -> Callable[[], str]:
    """As ``folder_digest`` of the files that are there now, hashed on other threads until the digest is asked for."""
    digests = digests or FileDigests()
    files = _list_files(str(folder), without)
    digests.begin(path for _, path in files)

    def finish() -> str:
        total = hashlib.sha256()
        for name, path in files:
            try:
                digest = digests.digest_of(path)
            except OSError:
                if strict:
                    raise
                digest = _UNREADABLE
            total.update(os.fsencode(name) + f"\0{digest}\n".encode())
        return total.hexdigest()

    return finish


def _list_files(folder: str, without: frozenset[str]) -> list[tuple[str, str]]:
    """Relative name and path of every file, in the order of the parts of the names."""
    found = []
    start = len(os.path.join(folder, ""))
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in without]
        paths = [os.path.join(parent, name) for name in names if name not in without]
        found += [(path[start:], path) for path in paths if os.path.isfile(path)]
    return sorted(found, key=lambda item: item[0].split(os.sep))
