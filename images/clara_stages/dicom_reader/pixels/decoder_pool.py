"""Decoder processes: as many as there are cores, each with one frame at a time, replaced when one dies or hangs."""

import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import numpy as np

from clara_stages.dicom_reader.pixels.bits import Stored
from clara_stages.dicom_reader.pixels.decoder_protocol import FAILED, JOB, MAX_FAULT_BYTES, READY, REPLY, Job
from clara_stages.dicom_reader.pixels.format import PixelError
from clara_stages.kit.process import PARENT_VARIABLE

_MODULE = "clara_stages.dicom_reader.pixels.decoder_process"

_START_TIMEOUT_S = 120.0
"""Starting takes a tenth of a second; on a machine that swaps, much more."""

_MEMORY_BASE_BYTES = 256 << 20
_MEMORY_BYTES_PER_PIXEL = 32
"""What one frame may take: libraries, stacks and buffers, then several 32-bit planes of the image as JPEG 2000 needs
them, and the values twice."""

_MAX_FAILURES = 16
"""Decoders that crashed or hung until the rest is given up: a study made for it would cost the time limit for every
frame."""

_SOCKET_BYTES = 1 << 20
"""Buffer between the processes: a frame in one or two turns."""


class DecoderPool:
    """Decodes jobs side by side; a context manager that ends its processes on leaving.

    Args:
        workers: How many processes at most; each starts with its first job.
        timeout_s: For one frame.
    """

    def __init__(self, workers: int, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="decoder")
        self._own = threading.local()
        self._lock = threading.Lock()
        self._decoders: list[_Decoder] = []
        self._failures = 0
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._closed = True
            decoders = list(self._decoders)
        for decoder in decoders:
            decoder.kill()  # which wakes its thread
        self._threads.shutdown(cancel_futures=True)
        for decoder in decoders:
            decoder.close()

    def submit(self, job: Job) -> Future[Stored | PixelError]:
        """The decoded values ``[row, column]``, as the codestream has them, or why there are none."""
        return self._threads.submit(self._run, job)

    def process_ids(self) -> tuple[int, ...]:
        """Of the decoders that run now."""
        with self._lock:
            return tuple(decoder.process.pid for decoder in self._decoders)

    def _run(self, job: Job) -> Stored | PixelError:
        if self._failures >= _MAX_FAILURES:
            return PixelError(f"not decoded, because decoders crashed or hung on {_MAX_FAILURES} images before it")
        decoder = self._decoder()
        try:
            return decoder.decode(job, self._timeout_s)
        except TimeoutError:
            fault = PixelError(f"its decoder took longer than {self._timeout_s:g} s")
        except (EOFError, OSError):
            fault = PixelError("its decoder crashed")
        self._discard(decoder)
        return fault

    def _decoder(self) -> "_Decoder":
        decoder: _Decoder | None = getattr(self._own, "decoder", None)
        if decoder is None:
            with self._lock:
                if self._closed:
                    raise RuntimeError("the decoders were closed")
                decoder = _Decoder()
                self._decoders.append(decoder)
            decoder.wait_until_ready()
            self._own.decoder = decoder
        return decoder

    def _discard(self, decoder: "_Decoder") -> None:
        decoder.kill()
        decoder.close()
        self._own.decoder = None
        with self._lock:
            self._decoders.remove(decoder)
            self._failures += 1


class _Decoder:
    """One decoder process and the stream to it."""

    def __init__(self) -> None:
        self._stream, theirs = socket.socketpair()
        for end in (self._stream, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            PARENT_VARIABLE: str(os.getpid()),
            "OPENBLAS_NUM_THREADS": "1",  # it would reserve memory for threads that are never used
        }
        with theirs:
            # -P: the working folder may be a study's, and no module may come from there.
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", _MODULE], stdin=theirs.fileno(), env=environment
            )

    def wait_until_ready(self) -> None:
        """Raises RuntimeError where it does not start: an installation without its libraries, not a bad image."""
        try:
            self._receive(len(READY), time.monotonic() + _START_TIMEOUT_S)
        except (EOFError, OSError) as error:
            raise RuntimeError(f"a decoder process does not start ({type(error).__name__})") from error

    def decode(self, job: Job, timeout_s: float) -> Stored | PixelError:
        """Raises TimeoutError, and EOFError or OSError where the process dies; it is of no use afterwards."""
        deadline = time.monotonic() + timeout_s
        memory_bytes = _MEMORY_BASE_BYTES + _MEMORY_BYTES_PER_PIXEL * job.rows * job.columns
        header = JOB.pack(
            job.codec.encode(), job.words.encode(), job.rows, job.columns, memory_bytes, len(job.codestream)
        )
        self._stream.settimeout(timeout_s)
        self._stream.sendall(header + job.codestream)
        words, rows, columns, length = REPLY.unpack(self._receive(REPLY.size, deadline).data)
        if words == FAILED:
            return _explain(self._receive(min(length, MAX_FAULT_BYTES), deadline).tobytes().decode("ascii", "replace"))
        dtype = np.dtype(words.decode("ascii", "replace"))
        if (rows, columns, length) != (job.rows, job.columns, job.rows * job.columns * dtype.itemsize):
            raise EOFError  # a process that answers something else is not in its senses
        values: np.ndarray[Any, Any] = self._receive(length, deadline).view(dtype).reshape(rows, columns)
        return values

    def kill(self) -> None:
        """End the process at once, whatever it does."""
        self.process.kill()

    def close(self) -> None:
        """Forget a process that was killed."""
        self._stream.close()
        self.process.wait()

    def _receive(self, count: int, deadline: float) -> np.ndarray[Any, np.dtype[np.uint8]]:
        data = np.empty(count, np.uint8)
        view, at = data.data, 0
        while at < count:
            self._stream.settimeout(max(deadline - time.monotonic(), 1e-3))
            received = self._stream.recv_into(view[at:])
            if not received:
                raise EOFError
            at += received
        return data


def _explain(fault: str) -> PixelError:
    """The text for an exception in the decoder process, by its name."""
    if fault == "MissingDataError":
        return PixelError("compressed pixel data is truncated or damaged: data is missing before its end marker")
    if fault == "MemoryError":
        return PixelError("its decoder needs more memory than an image of this size should")
    return PixelError(f"compressed pixel data cannot be decoded ({fault if fault.isidentifier() else 'unknown'})")
