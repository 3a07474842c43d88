"""``python -m clara_stages.dicom_reader.pixels.decoder_process``: decodes what its stdin says, until that ends.

Started by ``decoder_pool.py``. Whatever a hostile codestream does to a C decoder, it does it here: this process has
one frame at a time, little memory, nothing to write to, and dies with the reader.
"""

import os
import resource
import signal
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_reader.pixels.decoder_protocol import FAILED, JOB, MAX_FAULT_BYTES, READY, REPLY
from clara_stages.dicom_reader.pixels.decoding import load_decoder
from clara_stages.kit.process import die_with_parent, open_standard_streams

_STATM = Path("/proc/self/statm")


def main() -> None:
    """Answer jobs until the reader closes the stream."""
    open_standard_streams()  # else a copy of the socket takes the number of one, and is lost below
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the reader, which ends us
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold a patient's image
    jobs = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(0), "wb")
    replies.write(READY)
    replies.flush()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # what a C library prints must reach neither the protocol nor the log
        os.dup2(nowhere, stream)
    while _answer(jobs, replies):
        pass


def _answer(jobs: BinaryIO, replies: BinaryIO) -> bool:
    header = jobs.read(JOB.size)
    if len(header) < JOB.size:
        return False
    codec, words, rows, columns, memory_bytes, length = JOB.unpack(header)
    codestream = jobs.read(length)
    if len(codestream) < length:
        return False
    try:
        values = _decode(codec.rstrip(b"\0").decode(), codestream, words.decode(), (rows, columns), memory_bytes)
    except Exception as error:  # whatever it is, it is the answer; the text of a decoder may quote the data
        fault = type(error).__name__.encode()[:MAX_FAULT_BYTES]
        replies.write(REPLY.pack(FAILED, 0, 0, len(fault)) + fault)
    else:
        replies.write(REPLY.pack(values.dtype.str.encode(), *values.shape, values.nbytes))
        replies.write(values.data)
    replies.flush()
    return True


def _decode(
    codec: str, codestream: bytes, words: str, shape: tuple[int, int], memory_bytes: int
) -> npt.NDArray[np.integer[Any]]:
    decode = load_decoder(codec)
    _limit_memory(memory_bytes)
    values = np.ascontiguousarray(np.squeeze(decode(codestream, words, shape)).reshape(shape))
    if values.dtype.kind not in "iu":
        raise TypeError
    return values.astype(values.dtype.newbyteorder("<"), copy=False)


def _limit_memory(beyond_now_bytes: int) -> None:
    """Let this process have so much address space beyond what it has now."""
    now_bytes = int(_STATM.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = now_bytes + beyond_now_bytes
    resource.setrlimit(resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


if __name__ == "__main__":
    main()
