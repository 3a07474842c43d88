"""The image size that a compressed codestream names, read before a decoder allocates for it."""

import struct

_JPEG_START = b"\xff\xd8"
_J2K_START = b"\xff\x4f\xff\x51"
"""SOC and SIZ, which open every JPEG 2000 codestream (ISO/IEC 15444-1 A.5.1)."""

_FRAME_HEADERS = (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0), 0xF7)
"""SOF0..SOF15 without DHT, JPG and DAC (ISO/IEC 10918-1 B.1.1.3), and SOF55 of JPEG-LS (ISO/IEC 14495-1 C.2.2)."""


def frame_size(codestream: bytes) -> tuple[int, int] | None:
    """Rows and columns that a JPEG, JPEG-LS or JPEG 2000 codestream names; None where it names none."""
    try:
        if codestream.startswith(_J2K_START):
            x_size, y_size, x_offset, y_offset = struct.unpack_from(">4I", codestream, 8)
            return y_size - y_offset, x_size - x_offset
        if codestream.startswith(_JPEG_START):
            return _jpeg_frame_size(codestream)
    except struct.error:
        return None
    return None


def _jpeg_frame_size(codestream: bytes) -> tuple[int, int] | None:
    at = len(_JPEG_START)
    while at < len(codestream):
        prefix, marker = struct.unpack_from(">2B", codestream, at)
        if prefix != 0xFF:
            return None
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        (length,) = struct.unpack_from(">H", codestream, at + 2)
        if marker in _FRAME_HEADERS:
            rows, columns = struct.unpack_from(">2H", codestream, at + 5)
            return rows, columns
        at += 2 + length
    return None
