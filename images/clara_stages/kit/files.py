"""Files that a reader never sees half written."""

import hashlib
import json
import os
import queue
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

_PIECES_AHEAD = 4
"""What is written and not hashed yet is in memory."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary sibling of ``path`` that becomes ``path`` when the block ends without an exception.

    The bytes are on the disk (fsync) before the name is.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())
        os.replace(partial, path)
        sync_folder(path.parent)
    finally:
        partial.unlink(missing_ok=True)


class HashedWriter:
    """Writes to a stream and makes the SHA-256 of what is written, on a thread of its own.

    Hashing a volume takes as long as writing it; a reader's thread has time for only one of them. What is written must
    not be changed afterwards. A context manager; ``hexdigest`` is there once it was left.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.hexdigest = ""
        self._stream = stream
        self._digest = hashlib.sha256()
        self._pieces: queue.Queue[Buffer | None] = queue.Queue(_PIECES_AHEAD)
        self._thread = threading.Thread(target=self._hash, name="hash", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._pieces.put(None)
        self._thread.join()
        self.hexdigest = self._digest.hexdigest()

    def write(self, piece: "Buffer") -> None:
        """Write the bytes of a contiguous buffer."""
        self._pieces.put(piece)
        self._stream.write(piece)

    def _hash(self) -> None:
        for piece in iter(self._pieces.get, None):
            self._digest.update(piece)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, UTF-8."""
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically, keys sorted, NaN refused (it is no JSON)."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n")


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a finished file a second name; copy it where the file system or its owner does not allow a link.

    Finished files are never changed, so both names stay true.
    """
    try:
        os.link(source, target)
    except OSError:
        with atomic_path(target) as partial:
            shutil.copyfile(source, partial)
