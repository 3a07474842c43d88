"""The pixel data behind a broken element."""

from typing import Literal

from clara_stages.dicom_reader.headers.elements import UNDEFINED
from clara_stages.dicom_reader.headers.header import Header
from clara_stages.dicom_reader.headers.scan import Scan
from clara_stages.dicom_reader.headers.stream import PlainFile

_LAST_NEEDED_TAG = 0x00281055
"""The last element, in order of tags, without which a single image would be read wrongly and not refused."""

_PIXEL_DATA = 0x7FE00010
_LARGEST_GAP = 64 << 20
"""Bytes that are searched; a header has a few thousand."""

_STEP = 1 << 20
_Order = Literal["little", "big"]
_ITEM = b"\xfe\xff\x00\xe0"


def find_pixel_data(header: Header, scan: Scan, source: PlainFile) -> bool:
    """Find the pixel data of a single image after an element that is broken and not needed; puts it into ``scan``.

    Only a place where length or first item is what the header lets expect counts: the tag alone may stand anywhere.

    Returns:
        False where nothing was found, or something needed may be behind the break.
    """
    if scan.broken_tag is None or scan.broken_tag <= _LAST_NEEDED_TAG or header.integer("NumberOfFrames", 1) != 1:
        return False
    order: _Order = "little" if header.encoding.little else "big"
    group, number = ((_PIXEL_DATA >> 16).to_bytes(2, order), (_PIXEL_DATA & 0xFFFF).to_bytes(2, order))
    expected = _expected_bytes(header)
    at = scan.broken_offset
    while at < min(source.size, scan.broken_offset + _LARGEST_GAP):
        data = source.read_at(at, _STEP + 16)
        found = data.find(group + number)
        while 0 <= found < _STEP:
            head = data[found : found + 16]
            length, value = _length_and_value(head, order, implicit=header.encoding.implicit)
            offset = at + found + value
            is_native = length == expected and offset + length <= source.size
            is_encapsulated = length == UNDEFINED and head[value : value + 4] == _ITEM
            if is_native or is_encapsulated:
                scan.pixel_tag, scan.pixel_offset, scan.pixel_length = _PIXEL_DATA, offset, length
                return True
            found = data.find(group + number, found + 1)
        at += _STEP
    return False


def _expected_bytes(header: Header) -> int:
    """Of the value, padded to an even length; -1 where the header does not tell the size."""
    size = header.integer("Rows") * header.integer("Columns") * header.integer("SamplesPerPixel", 1)
    count = size * header.integer("BitsAllocated") // 8
    return count + count % 2 if count else -1


def _length_and_value(head: bytes, order: _Order, *, implicit: bool) -> tuple[int, int]:
    """Length as written, and where the value begins, of the head of a pixel data element."""
    at = 4 if implicit else 8
    return int.from_bytes(head[at : at + 4], order), at + 4
