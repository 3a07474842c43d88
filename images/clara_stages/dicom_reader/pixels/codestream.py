"""What a compressed codestream says about its image, read before a decoder allocates for it."""

import struct
from dataclasses import dataclass

JPEG_START = b"\xff\xd8\xff"
"""SOI and the first byte of the next marker (ISO/IEC 10918-1 B.2.1); JPEG-LS begins likewise."""

J2K_START = b"\xff\x4f\xff\x51"
"""SOC and SIZ, which open every JPEG 2000 codestream (ISO/IEC 15444-1 A.5.1)."""

JP2_START = b"\x00\x00\x00\x0cjP  "
"""Signature box of the file format around a JPEG 2000 codestream (ISO/IEC 15444-1 I.5.1). PS3.5 A.4.4 forbids it in
DICOM; some writers do it all the same."""

END_OF_IMAGE = b"\xff\xd9"
"""Marker EOI of JPEG and JPEG-LS, EOC of JPEG 2000. Compressed data itself cannot contain it."""

_JPEG_LS_FRAME = 0xF7
"""SOF55 (ISO/IEC 14495-1 C.1.1)."""

_FRAME_HEADERS = (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0), _JPEG_LS_FRAME)
"""SOF0..SOF15 without DHT, JPG and DAC (ISO/IEC 10918-1 B.1.1.3), and SOF55."""

_RLE_HEADER_BYTES = 64
"""Number of segments and fifteen offsets (PS3.5 G.5)."""

_MAX_TILES = 65535
"""Of a JPEG 2000 codestream (ISO/IEC 15444-1 B.3): a tile's index has 16 bits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Codestream:
    """The image that a codestream says it holds.

    Attributes:
        family: ``JPEG``, ``JPEG-LS`` or ``JPEG 2000``.
        precision: Bits of a value, without regard to what the DICOM header says.
        signed: Only a JPEG 2000 codestream can be.
        header_bytes: How far the part of it goes in which these facts stand.
    """

    family: str
    rows: int
    columns: int
    components: int
    precision: int
    signed: bool
    header_bytes: int


def unwrap_codestream(data: bytes) -> bytes:
    """The codestream in a frame's data: without the JP2 boxes that may lie around it."""
    if not data.startswith(JP2_START):
        return data
    box = data.find(b"jp2c")
    return data[box + 4 :] if box >= 0 and data.startswith(J2K_START, box + 4) else data


def describe_codestream(data: bytes) -> Codestream | None:
    """What a JPEG, JPEG-LS or JPEG 2000 codestream says about itself; None where it says nothing that makes sense."""
    try:
        if data.startswith(J2K_START):
            return _describe_j2k(data)
        if data.startswith(JPEG_START):
            return _describe_jpeg(data)
    except struct.error:
        return None
    return None


def find_rle_damage(data: bytes, segments: int) -> str:
    """Why the header of an RLE frame (PS3.5 G.5) cannot be right, or "".

    To be asked before the decoder, which trusts the offsets and would read beyond its memory.
    """
    if len(data) < _RLE_HEADER_BYTES:
        return "compressed pixel data is truncated: shorter than an RLE header"
    count, *offsets = struct.unpack_from(f"<{1 + segments}I", data)
    if count != segments:
        return f"RLE pixel data says {count} segments, the header needs {segments}"
    ends = [*offsets[1:], len(data)]
    if offsets[0] != _RLE_HEADER_BYTES or any(one >= other for one, other in zip(offsets, ends, strict=True)):
        return "RLE pixel data is damaged: its segments do not follow each other"
    return ""


def _describe_j2k(data: bytes) -> Codestream | None:
    right, bottom, left, top, tile_width, tile_height, tile_left, tile_top = struct.unpack_from(">8I", data, 8)
    components, depth = struct.unpack_from(">HB", data, 40)
    if not tile_width or not tile_height:
        return None
    if -(-(right - tile_left) // tile_width) * -(-(bottom - tile_top) // tile_height) > _MAX_TILES:
        return None
    return Codestream(
        family="JPEG 2000",
        rows=bottom - top,
        columns=right - left,
        components=components,
        precision=(depth & 0x7F) + 1,
        signed=bool(depth & 0x80),
        header_bytes=43,
    )


def _describe_jpeg(data: bytes) -> Codestream | None:
    at = 2
    while at < len(data):
        prefix, marker = struct.unpack_from(">2B", data, at)
        if prefix != 0xFF:
            return None
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        if marker in _FRAME_HEADERS:
            precision, rows, columns, components = struct.unpack_from(">BHHB", data, at + 4)
            return Codestream(
                family="JPEG-LS" if marker == _JPEG_LS_FRAME else "JPEG",
                rows=rows,
                columns=columns,
                components=components,
                precision=precision,
                signed=False,
                header_bytes=at + 2 + length,
            )
        at += 2 + length
    return None
