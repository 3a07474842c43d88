"""The bytes of a header, read from the disk as they are needed and never beyond a limit."""

import os
import stat
import zlib
from pathlib import Path
from typing import Protocol

_FIRST_READ = 16 * 1024
"""Holds the whole header of most single-frame images in one read."""

_READ = 64 * 1024
_MOST_AT_ONCE = 8 << 20

_INFLATE_STEP = 256 * 1024
"""Inflated at a time: zlib can make a thousand bytes of one, so its output is always asked for in portions."""


class HeaderLimitError(ValueError):
    """A header wants more memory than the limit."""


class ByteSource(Protocol):
    """Where bytes come from, forwards only.

    Attributes:
        size: How many there are; for a deflated source more than there can be.
    """

    size: int

    def read(self, count: int) -> bytes:
        """Up to ``count`` bytes; none at the end."""

    def skip(self, count: int) -> bool:
        """Go forward by ``count`` bytes; False where that is beyond the end."""


class PlainFile:
    """A file of the disk, opened once; never blocks on what is no plain file."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            OSError: It cannot be opened, or is a link, a folder, a pipe, a socket or a device.
        """
        # O_NONBLOCK: opening a pipe would wait for its writer. O_NOFOLLOW: links were resolved when the folder was
        # listed; one that stands here now was put there since.
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        status = os.fstat(self._fd)
        if not stat.S_ISREG(status.st_mode):
            os.close(self._fd)
            raise OSError("no plain file")
        self.size = status.st_size
        self._at = 0

    def read(self, count: int) -> bytes:
        """Up to ``count`` bytes; none at the end."""
        data = os.read(self._fd, count)
        self._at += len(data)
        return data

    def skip(self, count: int) -> bool:
        """Go forward by ``count`` bytes; False where that is beyond the end."""
        self._at += count
        if self._at > self.size:
            return False
        os.lseek(self._fd, self._at, os.SEEK_SET)
        return True

    def read_at(self, offset: int, count: int) -> bytes:
        """Up to ``count`` bytes at an offset; where the file is read on stays as it is."""
        return os.pread(self._fd, count, offset)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


class Inflated:
    """A deflated data set (PS3.5 A.5), inflated in portions and at most up to a limit."""

    def __init__(self, start: bytes, source: ByteSource, limit_bytes: int) -> None:
        """Continue ``source``, of which ``start`` was read already."""
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        self._deflated = start
        self._source = source
        self._left = limit_bytes
        self.size = 1 << 62

    def read(self, count: int) -> bytes:
        """Up to ``count`` inflated bytes.

        Raises:
            HeaderLimitError: More than the limit were asked for.
            zlib.error: The data is not deflated.
        """
        while not self._inflate.eof:
            deflated = self._deflated or self._source.read(_READ)
            if not deflated:
                break
            data = self._inflate.decompress(deflated, min(count, _INFLATE_STEP))
            self._deflated = self._inflate.unconsumed_tail
            if data:
                self._left -= len(data)
                if self._left < 0:
                    raise HeaderLimitError
                return data
        return b""

    def skip(self, count: int) -> bool:
        """Inflate ``count`` bytes and forget them; False where that is beyond the end."""
        while count > 0:
            data = self.read(min(count, _INFLATE_STEP))
            if not data:
                return False
            count -= len(data)
        return True


class HeaderStream:
    """A window on a byte source.

    Attributes:
        data: What is in memory.
        base: Offset of ``data[0]`` in the source.
        size: Of the source, in bytes.
    """

    def __init__(self, source: ByteSource, limit_bytes: int, *, start: bytes | None = None, base: int = 0) -> None:
        """Begin with ``start``, or with the first bytes of the source."""
        self._source = source
        self._limit_bytes = limit_bytes
        self.data = source.read(_FIRST_READ) if start is None else start
        self.base = base
        self.size = source.size

    def fill(self, at: int, count: int) -> None:
        """Make ``data[at]`` the first byte and have ``count`` bytes in memory, or all there are.

        Raises:
            HeaderLimitError: They are more than the limit.
        """
        if count > self._limit_bytes:
            raise HeaderLimitError
        parts = [self.data[at:]]
        have = len(parts[0])
        self.base += at
        while have < count:
            part = self._source.read(min(max(count - have, _READ), _MOST_AT_ONCE))
            if not part:
                break
            parts.append(part)
            have += len(part)
        self.data = b"".join(parts)

    def jump(self, at: int) -> bool:
        """Make ``data[at]``, which is beyond the memory, the first byte; False where the source ends before."""
        beyond = at - len(self.data)
        self.base += at
        self.data = b""
        return self.base <= self.size and self._source.skip(beyond)
