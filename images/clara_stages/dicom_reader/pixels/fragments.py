"""Fragments of encapsulated pixel data, and which of them are which frame (PS3.5 A.4)."""

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from clara_stages.dicom_reader.pixels.codestream import J2K_START, JP2_START, JPEG_START
from clara_stages.dicom_reader.pixels.format import PixelError

_ITEM = b"\xfe\xff\x00\xe0"
_HEADER_BYTES = 8
_MAX_FRAGMENTS = 1 << 20
"""Of one instance: 100,000 frames of ten fragments each."""

_MAX_OFFSET_TABLE_BYTES = 1 << 22
"""Four bytes for each of a million frames; a longer one is not looked at."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """One item of encapsulated pixel data.

    Attributes:
        offset: Of its value in the file.
        length: In bytes, as the item says.
        starts_image: Whether its value begins as a JPEG, JPEG-LS or JPEG 2000 image does.
    """

    offset: int
    length: int
    starts_image: bool


@dataclass(frozen=True)
class Fragments:
    """The fragments of one instance that are whole.

    Attributes:
        offset_table: Of the Basic Offset Table: the item of each frame's first fragment, counted from the item of the
            first fragment of all.
    """

    items: tuple[Fragment, ...]
    offset_table: tuple[int, ...]


def list_fragments(descriptor: int, offset: int, end: int) -> Fragments:
    """Walk over the items from ``offset``, reading of each no more than its head.

    What follows an item that is cut off, or none, is not there.

    Raises:
        PixelError: There is not even an offset table, or there are too many items.
    """
    first = _item(descriptor, offset, end)
    if first is None:
        raise PixelError("pixel data is truncated: compressed, and without a first item")
    items: list[Fragment] = []
    at = first.offset + first.length
    while (item := _item(descriptor, at, end)) is not None:
        if len(items) == _MAX_FRAGMENTS:
            raise PixelError(f"compressed pixel data has more than {_MAX_FRAGMENTS} fragments")
        items.append(item)
        at = item.offset + item.length
    return Fragments(tuple(items), _offset_table(descriptor, first))


def assign_frames(fragments: Fragments, frames: int, *, marked: bool) -> tuple[tuple[Fragment, ...], ...]:
    """The fragments of each frame, in order; fewer than ``frames`` where the rest is not there.

    An offset table is a claim like any other: it is followed only where each of its entries meets the start of an
    image. An Extended Offset Table says nothing more, since each of its frames is one fragment (PS3.3 C.7.6.3.1.8).

    Args:
        fragments: Of ``list_fragments``.
        frames: As many as the header says.
        marked: Whether an image begins with a marker: all but RLE, where each frame is one fragment (PS3.5 A.4.2).

    Raises:
        PixelError: There are more images than ``frames``, or fragments before the first.
    """
    items = fragments.items
    if not marked:
        filled = items if len(items) <= frames else tuple(item for item in items if item.length)
        return _require_count([(item,) for item in filled], frames)
    if len(items) == frames and all(item.starts_image or not item.length for item in items):
        return tuple((item,) for item in items)
    starts = _table_starts(fragments, frames) or [at for at, item in enumerate(items) if item.starts_image]
    if not items:
        return ()
    if not starts or any(item.length for item in items[: starts[0]]):
        raise PixelError("compressed pixel data does not begin as an image of its transfer syntax does")
    ends = [*starts[1:], len(items)]
    return _require_count([items[start:stop] for start, stop in zip(starts, ends, strict=True)], frames)


def _require_count(groups: Sequence[tuple[Fragment, ...]], frames: int) -> tuple[tuple[Fragment, ...], ...]:
    if len(groups) > frames:
        raise PixelError(f"compressed pixel data has {len(groups)} images, the header says {frames}")
    return tuple(groups)


def _table_starts(fragments: Fragments, frames: int) -> list[int]:
    """Index of each frame's first fragment by the Basic Offset Table, [] where that is absent or wrong."""
    table, items = fragments.offset_table, fragments.items
    if len(table) != frames or not items or table[0] != 0:
        return []
    base = items[0].offset
    at_offset = {item.offset - base: index for index, item in enumerate(items)}
    starts = [at_offset.get(offset, -1) for offset in table]
    ascending = all(one < other for one, other in pairwise(starts))
    return starts if ascending and all(at >= 0 and items[at].starts_image for at in starts) else []


def _item(descriptor: int, at: int, end: int) -> Fragment | None:
    head = os.pread(descriptor, _HEADER_BYTES + len(JP2_START), at)
    if head[:4] != _ITEM or len(head) < _HEADER_BYTES:
        return None
    (length,) = struct.unpack_from("<I", head, 4)
    if at + _HEADER_BYTES + length > end:
        return None
    start = head[_HEADER_BYTES:]
    return Fragment(at + _HEADER_BYTES, length, start.startswith((JPEG_START, J2K_START, JP2_START)))


def _offset_table(descriptor: int, item: Fragment) -> tuple[int, ...]:
    if item.length > _MAX_OFFSET_TABLE_BYTES:
        return ()
    data = os.pread(descriptor, item.length, item.offset)
    return struct.unpack_from(f"<{len(data) // 4}I", data)
