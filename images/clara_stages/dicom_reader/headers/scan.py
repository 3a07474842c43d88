"""The walk over the elements of a header, up to its pixel data.

pydicom reads a header in about a millisecond and follows its lengths wherever they lead. This takes a tenth of that,
keeps only what the reader wants, and says where a header breaks.
"""

from dataclasses import dataclass, field

from clara_stages.dicom_reader.headers.elements import (
    LARGEST_VALUE,
    UNDEFINED,
    BrokenElementError,
    Element,
    Encoding,
    read_head,
)
from clara_stages.dicom_reader.headers.sequences import MOST_ELEMENTS, find_sequence_end
from clara_stages.dicom_reader.headers.stream import HeaderStream
from clara_stages.dicom_reader.headers.tags import PIXEL_ELEMENTS, PRIVATE_GROUPS, SEQUENCE_KEYS, WANTED

_LARGEST_PRIVATE = 256
"""Bytes of a private value: those wanted are a few numbers."""


@dataclass(slots=True)
class Scan:
    """What was found in a header.

    Attributes:
        elements: By keyword, private ones by tag.
        pixel_tag: Where the header ended at pixel data, else 0.
        pixel_offset: Of the value of the pixel data, in the source.
        pixel_length: As written.
        broken_tag: The element that is broken or ends beyond the file, or None.
        broken_offset: Where that begins, in the source.
        repeated_tag: An element that stands there twice with different values, or None.
    """

    elements: dict[str | int, Element] = field(default_factory=dict)
    pixel_tag: int = 0
    pixel_offset: int = 0
    pixel_length: int = 0
    broken_tag: int | None = None
    broken_offset: int = 0
    repeated_tag: int | None = None

    def keep(self, tag: int, key: str | int, vr: bytes, value: bytes) -> None:
        """Keep an element; of a repeated one the last counts, as for most readers."""
        if key in self.elements and self.elements[key][1] != value:
            self.repeated_tag = tag
        self.elements[key] = (vr, value)


def scan_meta(stream: HeaderStream, at: int, encoding: Encoding) -> tuple[dict[str | int, Element], int]:
    """The file meta elements (group 0002) from ``stream.data[at]`` on, and where the data set begins in the window.

    The group's length is not looked at: it is often wrong.

    Raises:
        BrokenElementError: An element ends beyond the file or its value is far too long.
        HeaderLimitError: They are beyond the limit of the stream.
    """
    elements: dict[str | int, Element] = {}
    while True:
        if at + 12 > len(stream.data):
            stream.fill(at, 12)
            at = 0
            if len(stream.data) < 8:
                return elements, 0
        tag, vr, length, start = read_head(stream.data, at, encoding)
        if tag >> 16 != 0x0002:
            return elements, at
        if length > LARGEST_VALUE:
            raise BrokenElementError("a file meta element of more than 64 KiB")
        if start + length > len(stream.data):
            stream.fill(at, start + length - at)
            start, at = start - at, 0
        key = WANTED.get(tag)
        if key is not None:
            elements[key] = (vr, stream.data[start : start + length])
        at = start + length


def scan_header(stream: HeaderStream, at: int, encoding: Encoding) -> Scan:
    """Walk the elements from ``stream.data[at]`` on, up to pixel data, the end, or one that is broken.

    Args:
        stream: Its window moves along.
        at: Where the first element begins in the window.
        encoding: Of the data set.

    Raises:
        HeaderLimitError: The header is beyond the limit of the stream.
    """
    scan = Scan()
    data = stream.data
    tag = 0
    for _ in range(MOST_ELEMENTS):
        if at + 12 > len(data):
            stream.fill(at, 12)
            data, at = stream.data, 0
            if len(data) < 8:
                return scan
        tag, vr, length, start = read_head(data, at, encoding)
        if tag in PIXEL_ELEMENTS:
            scan.pixel_tag, scan.pixel_offset, scan.pixel_length = tag, stream.base + start, length
            return scan
        key = WANTED.get(tag)
        if key is None and length <= _LARGEST_PRIVATE and tag >> 16 in PRIVATE_GROUPS:
            key = tag
        end = start + length
        if end <= len(data) and length != UNDEFINED:  # the common case: no more than these lines
            if key is not None and (length <= LARGEST_VALUE or key in SEQUENCE_KEYS):
                scan.keep(tag, key, vr, data[start:end])
            at = end
            continue
        offset = stream.base + at
        found = _walk_far(stream, at, (vr, length, start), encoding, key)
        if found is None:
            scan.broken_tag, scan.broken_offset = tag, offset
            return scan
        value, at = found
        data = stream.data
        if key is not None and value is not None:
            scan.keep(tag, key, vr, value)
    scan.broken_tag, scan.broken_offset = tag, stream.base + at
    return scan


def _walk_far(
    stream: HeaderStream, at: int, head: tuple[bytes, int, int], encoding: Encoding, key: str | int | None
) -> tuple[bytes | None, int] | None:
    """Go past an element that ends beyond the window or at a delimiter.

    Returns:
        Its value where it is wanted, and where the next element begins in the window; None where it is broken.
    """
    vr, length, start = head
    if length == UNDEFINED:
        ends = _walk_sequence(stream, at, start - at, encoding, is_un=vr == b"UN")
        if ends is None:
            return None
        return (stream.data[ends[0] : ends[1]] if key in SEQUENCE_KEYS else None), ends[2]
    if stream.base + start + length > stream.size:
        return None
    if key is not None and (length <= LARGEST_VALUE or key in SEQUENCE_KEYS):
        stream.fill(at, start + length - at)
        value = stream.data[start - at : start - at + length]
        return (value, start - at + length) if len(value) == length else None
    return (None, 0) if stream.jump(start + length) else None


def _walk_sequence(
    stream: HeaderStream, at: int, head_bytes: int, encoding: Encoding, *, is_un: bool
) -> tuple[int, int, int] | None:
    """Find the end of a sequence of undefined length, with as much of the stream as that takes.

    Returns:
        Where its items begin, where they end and where the next element is, in the window; None where it is broken
        or never ends.
    """
    while True:
        try:
            ends = find_sequence_end(stream.data, at + head_bytes, encoding, is_un=is_un)
        except BrokenElementError:
            return None
        if ends is not None:
            return at + head_bytes, *ends
        before = len(stream.data) - at
        stream.fill(at, 2 * before)
        at = 0
        if len(stream.data) == before:
            return None
