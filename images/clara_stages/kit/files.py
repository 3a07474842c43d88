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

from clara_stages.kit.write_back import begin_write_back

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

_TOGETHER_BYTES = 4 << 20
"""What is handed over to be hashed: a slice alone costs more to hand over than it is worth."""

_HANDED_OVER = 4
"""What is written and not hashed yet is in memory."""

_WRITE_BACK_BYTES = 32 << 20
"""What is written before the disk begins with it: enough for one long write."""


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
    """Writes to a new file and makes the SHA-256 of what is written, on a thread of its own.

    Hashing a volume takes as long as writing it; a reader's thread has time for only one of them. The disk gets the
    bytes meanwhile too, so that an fsync at the end finds little to do. What is written must not be changed
    afterwards. A context manager; ``hexdigest`` is there once it was left.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.hexdigest = ""
        self._stream = stream
        self._waiting: list[Buffer] = []
        self._waiting_bytes = 0
        self._digest = hashlib.sha256()
        self._pieces: queue.Queue[list[Buffer] | None] = queue.Queue(_HANDED_OVER)
        self._thread = threading.Thread(target=self._hash, name="hash", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._hand_over()
        self._pieces.put(None)
        self._thread.join()
        self.hexdigest = self._digest.hexdigest()

    def write(self, piece: "Buffer") -> None:
        """Write the bytes of a contiguous buffer."""
        self._waiting.append(piece)
        self._waiting_bytes += self._stream.write(piece)
        if self._waiting_bytes >= _TOGETHER_BYTES:
            self._hand_over()

    def _hand_over(self) -> None:
        self._pieces.put(self._waiting)
        self._waiting, self._waiting_bytes = [], 0

    def _hash(self) -> None:
        done = on_its_way = 0
        for pieces in iter(self._pieces.get, None):
            for piece in pieces:
                self._digest.update(piece)
                done += memoryview(piece).nbytes
            if done - on_its_way >= _WRITE_BACK_BYTES:
                begin_write_back(self._stream.fileno(), on_its_way, done - on_its_way)
                on_its_way = done


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
