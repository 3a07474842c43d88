"""What the adapter must know of a data set, read without decoding its pixels."""

import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

from clara_stages.kit.contract.facts import SERIES_KEYWORDS, STUDY_KEYWORDS, header_values

MAKER = "clara-ops"
"""Manufacturer in the Contributing Equipment of every result that a stage of ours wrote."""

_BULK_DATA = 0x7FE00000
"""The group of pixel data (PS3.5 Annex A): nothing beyond it is needed, and it is most of the bytes."""

_FLOAT_PIXELS, _PIXELS = 0x7FE00008, 0x7FE00010

_DEFLATED = frozenset({DeflatedExplicitVRLittleEndian, "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"})
"""Deflated Explicit VR Little Endian, and the deflated JPIP syntaxes (PS3.5 A.5, A.7, A.10)."""

_MAX_INFLATED_BYTES = 256 << 20
"""A deflated data set is inflated up to here; a bomb stops here."""

_KEYWORDS = tuple(
    dict.fromkeys(("SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", *STUDY_KEYWORDS, *SERIES_KEYWORDS))
)
_TAGS = [tag for tag in map(tag_for_keyword, _KEYWORDS) if tag is not None] + [0x0018A001]  # Contributing Equipment

_LONG_VRS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
"""VRs with a 32-bit length after two reserved bytes (PS3.5 7.1.2)."""

_UNDEFINED_LENGTH = 0xFFFFFFFF

_ITEM = b"\xfe\xff\x00\xe0"
"""Tag of an item, little endian (PS3.5 7.5)."""


class UnreadableDatasetError(ValueError):
    """The bytes are no data set in the transfer syntax they were sent in."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """Identity and facts of one instance; missing UIDs are ``""``."""

    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    values: dict[str, Any]
    own_result: bool


def parse_header(encoded: bytes, transfer_syntax_uid: str) -> Header:
    """Read a data set up to its pixel data, and check that the pixel data is all there.

    Args:
        encoded: The data set as received, without file meta information.
        transfer_syntax_uid: Of the presentation context.

    Raises:
        UnreadableDatasetError: The data set cannot be parsed, or ends before its pixel data does.
    """
    implicit = transfer_syntax_uid == ImplicitVRLittleEndian
    little = transfer_syntax_uid != ExplicitVRBigEndian
    if transfer_syntax_uid in _DEFLATED:
        encoded = _inflate(encoded)
    stream = _Encoded(encoded)
    try:
        dataset = read_dataset(
            stream, implicit, little, stop_when=_is_bulk_data, specific_tags=list(map(BaseTag, _TAGS))
        )
        cut = stream.cut or stream.tell() > len(encoded) or any(map(_is_cut, dataset.values()))
        header = Header(
            sop_class_uid=_uid(dataset, "SOPClassUID"),
            sop_instance_uid=_uid(dataset, "SOPInstanceUID"),
            study_instance_uid=_uid(dataset, "StudyInstanceUID"),
            values=header_values(dataset),
            own_result=_is_own_result(dataset),
        )
    except Exception as error:  # pydicom raises many kinds on broken input, and its texts may quote values
        raise UnreadableDatasetError(f"the data set cannot be parsed ({type(error).__name__})") from error
    if cut:
        raise UnreadableDatasetError("the data set ends in the middle of an element of its header")
    _check_pixel_length(memoryview(encoded)[stream.tell() :], implicit=implicit, little=little)
    return header


class _Encoded(BytesIO):
    """Bytes that notice when they end within an element's tag and length, which pydicom takes for their end."""

    cut = False

    def read(self, size: "int | None" = -1, /) -> bytes:
        data = super().read(size)
        if size is not None and 0 < len(data) < size <= 8 and any(data):  # zeros may be padding
            self.cut = True
        return data


def _is_cut(element: "DataElement | RawDataElement") -> bool:
    if not isinstance(element, RawDataElement) or element.length == _UNDEFINED_LENGTH:
        return False
    return len(element.value or b"") < element.length


def _is_bulk_data(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return int(tag) >= _BULK_DATA


def _check_pixel_length(rest: memoryview, *, implicit: bool, little: bool) -> None:
    order = "little" if little else "big"
    if len(rest) < 8:
        return
    group, element = (int.from_bytes(rest[at : at + 2], order) for at in (0, 2))  # type: ignore[arg-type]
    if (group << 16 | element) not in (_FLOAT_PIXELS, _PIXELS):
        return
    start = 12 if not implicit and bytes(rest[4:6]) in _LONG_VRS else 8
    field = rest[start - 4 : start] if implicit or start == 12 else rest[6:8]
    length = int.from_bytes(field, order)  # type: ignore[arg-type]
    if length == _UNDEFINED_LENGTH:
        _check_fragments(rest[start:])
    elif length > len(rest) - start:
        raise UnreadableDatasetError(
            f"the pixel data has {len(rest) - start} bytes, its length says {length}: the data set ends early"
        )


def _check_fragments(rest: memoryview) -> None:
    # Encapsulated pixel data is a chain of items, each with its length (PS3.5 A.4). Old scanners forget the delimiter.
    at = 0
    while at + 8 <= len(rest) and bytes(rest[at : at + 4]) == _ITEM:
        at += 8 + int.from_bytes(rest[at + 4 : at + 8], "little")
    if at > len(rest):
        raise UnreadableDatasetError(
            f"a fragment of the pixel data lacks {at - len(rest)} bytes: the data set ends early"
        )


def _inflate(encoded: bytes) -> bytes:
    # PS3.5 A.5: a raw deflate stream, no zlib header.
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(encoded, _MAX_INFLATED_BYTES)
    except zlib.error as error:
        raise UnreadableDatasetError("the data set is no deflate stream") from error
    if not inflater.eof:
        reason = f"is longer than {_MAX_INFLATED_BYTES >> 20} MiB" if inflater.unconsumed_tail else "ends early"
        raise UnreadableDatasetError(f"the deflated data set {reason}")
    return inflated


def _uid(dataset: Dataset, keyword: str) -> str:
    value = dataset.get(keyword)
    return "" if value is None else str(value).strip("\0 ")


def _is_own_result(dataset: Dataset) -> bool:
    try:
        equipment = dataset.get("ContributingEquipmentSequence") or []
        return any(str(item.get("Manufacturer", "")).strip() == MAKER for item in equipment)
    except Exception:  # a broken sequence is not our work
        return False
