"""Bytes of a file on their way to the disk while the rest is still being made."""

import ctypes
import sys

_WRITE = 2
"""SYNC_FILE_RANGE_WRITE: begin to write what is not on its way yet, and wait for nothing (sync_file_range(2))."""

_SYNC_FILE_RANGE = getattr(ctypes.CDLL(None), "sync_file_range", None) if sys.platform.startswith("linux") else None
if _SYNC_FILE_RANGE is not None:
    _SYNC_FILE_RANGE.argtypes = (ctypes.c_int, ctypes.c_longlong, ctypes.c_longlong, ctypes.c_uint)


def begin_write_back(descriptor: int, offset: int, count: int) -> None:
    """Let the kernel begin to write a range of a file to the disk.

    It promises nothing, so that nothing is wrong where it fails: fsync still waits for all, and is told of errors.
    """
    if _SYNC_FILE_RANGE is not None:
        _SYNC_FILE_RANGE(descriptor, offset, count, _WRITE)
