"""Sequences: where they end, and the elements of their items. Nothing here recurses into what a file nests."""

from collections.abc import Iterator

from clara_stages.dicom_reader.headers.elements import (
    IMPLICIT_LITTLE,
    LARGEST_VALUE,
    UNDEFINED,
    BrokenElementError,
    Element,
    Encoding,
    read_head,
)
from clara_stages.dicom_reader.headers.tags import SEQUENCE_KEYS, WANTED

_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD

MOST_ELEMENTS = 4_000_000
"""Of one data set or sequence: 10,000 frames with 400 elements each. Walking them takes seconds."""


def find_sequence_end(data: bytes, at: int, encoding: Encoding, *, is_un: bool = False) -> tuple[int, int] | None:
    """Where the items of a sequence of undefined length end, and where its delimiter does.

    Args:
        data: Bytes that hold it.
        at: Where its first item begins.
        encoding: Of the data set.
        is_un: Whether its VR is UN: its content is implicit little endian then (PS3.5 6.2.2).

    Returns:
        None where ``data`` ends before it does.

    Raises:
        BrokenElementError: An item where an element should be or the other way round, or endless content.
    """
    depth = 1  # odd in a sequence, even in an item
    un_depth = 1 if is_un else 0  # where the outermost sequence of VR UN began
    outer = encoding
    size = len(data)
    for _ in range(MOST_ELEMENTS):
        if at + 8 > size:
            return None
        tag, vr, length, at = read_head(data, at, IMPLICIT_LITTLE if un_depth else outer)
        if tag >> 16 == 0xFFFE:
            depth = _depth_after(tag, length, depth)
            if length != UNDEFINED:
                at += length
            if un_depth > depth:
                un_depth = 0
            if not depth:
                return at - 8, at
        elif depth % 2:
            raise BrokenElementError("an element between items")
        elif length == UNDEFINED:
            depth += 1
            if vr == b"UN" and not un_depth:
                un_depth = depth
        else:
            at += length
    raise BrokenElementError("more elements than one sequence can have")


def _depth_after(tag: int, length: int, depth: int) -> int:
    """Depth after an item's start, an item's end or a sequence's end."""
    in_sequence = depth % 2 == 1
    if tag == _ITEM and in_sequence:
        return depth + 1 if length == UNDEFINED else depth
    if length == 0 and ((tag == _ITEM_END and not in_sequence) or (tag == _SEQUENCE_END and in_sequence)):
        return depth - 1
    raise BrokenElementError("a delimiter in the wrong place")


def read_items(value: bytes, encoding: Encoding, most: int | None = None) -> Iterator[dict[str | int, Element]]:
    """The wanted elements of each item of a sequence, by keyword.

    Args:
        value: Of the sequence, without its delimiter.
        encoding: Of its content.
        most: Items to read; all where it is None.

    Raises:
        BrokenElementError: It is no sequence, or an item ends before its elements do.
    """
    at = count = 0
    while at + 8 <= len(value) and count != most:
        tag, _, length, at = read_head(value, at, encoding)
        if tag != _ITEM:
            raise BrokenElementError("an element between items")
        if length == UNDEFINED:
            elements, at = _read_elements(value, at, len(value), encoding)
            if at < 0:
                raise BrokenElementError("an item without an end")
        elif at + length > len(value):
            raise BrokenElementError("an item that ends beyond its sequence")
        else:
            elements, _ = _read_elements(value, at, at + length, encoding)
            at += length
        count += 1
        yield elements


def _read_elements(data: bytes, at: int, end: int, encoding: Encoding) -> tuple[dict[str | int, Element], int]:
    """The wanted elements up to ``end`` or the item's delimiter, and where that ends; -1 where there was none."""
    elements: dict[str | int, Element] = {}
    while at + 8 <= end:
        tag, vr, length, start = read_head(data, at, encoding)
        if tag >> 16 == 0xFFFE:
            if tag != _ITEM_END:
                raise BrokenElementError("a delimiter in the wrong place")
            return elements, start
        value_end, at = _value_end(data, start, length, encoding, is_un=vr == b"UN")
        if at > end:
            raise BrokenElementError("an element that ends beyond its item")
        key = WANTED.get(tag)
        if key is not None and (value_end - start <= LARGEST_VALUE or key in SEQUENCE_KEYS):
            elements[key] = (vr, data[start:value_end])
    return elements, -1


def _value_end(data: bytes, start: int, length: int, encoding: Encoding, *, is_un: bool) -> tuple[int, int]:
    """Where a value ends, and where the next element begins."""
    if length != UNDEFINED:
        return start + length, start + length
    ends = find_sequence_end(data, start, encoding, is_un=is_un)
    if ends is None:
        raise BrokenElementError("a sequence without an end")
    return ends
