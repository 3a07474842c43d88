"""What is said between the reader and its decoder processes, over one stream in either direction."""

import struct
from dataclasses import dataclass

JOB = struct.Struct("<8s3sIIQQ")
"""Codec, word type (as numpy writes it, ``<u2``), rows, columns, bytes of memory allowed, bytes of codestream; then
the codestream."""

REPLY = struct.Struct("<3sIIQ")
"""Word type of the decoded values, rows, columns, bytes; then the values. Or ``FAILED``, 0, 0 and the length of the
name of what went wrong; then that name."""

FAILED = b"err"

READY = b"ready"
"""What a decoder process says first."""

MAX_FAULT_BYTES = 128
"""Of the name of an exception."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One codestream to decode.

    Attributes:
        codec: One of ``format.CODECS``.
        words: Type of the words that the header allocates, as numpy writes it.
        codestream: Whole, without what may lie around it.
    """

    codec: str
    words: str
    rows: int
    columns: int
    codestream: bytes
