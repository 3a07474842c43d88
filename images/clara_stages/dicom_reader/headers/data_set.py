"""The header of one file: its transfer syntax, however wrongly that is named, and its elements."""

from dataclasses import dataclass

from clara_stages.dicom_reader.headers.elements import KNOWN_VRS, Element, Encoding
from clara_stages.dicom_reader.headers.file_kinds import PREAMBLE_BYTES
from clara_stages.dicom_reader.headers.planes import UID
from clara_stages.dicom_reader.headers.scan import Scan, scan_header, scan_meta
from clara_stages.dicom_reader.headers.stream import ByteSource, HeaderStream, Inflated
from clara_stages.dicom_reader.headers.tags import MEDIA_STORAGE_SOP_CLASS_UID, TRANSFER_SYNTAX_UID
from clara_stages.dicom_reader.transfer_syntaxes import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
)

_EXPLICIT_LITTLE = Encoding(implicit=False, little=True)

_LARGEST_GROUP = 0x00FF
"""Of the first element of a data set, which is in group 0008 in nearly all; read in the wrong byte order it is far
above."""


@dataclass(slots=True)
class DataSet:
    """The elements of a file up to its pixel data.

    Attributes:
        scan: What was found.
        encoding: How it is written.
        named_syntax: The transfer syntax by the file meta, or "" where that names none.
        sop_class_uid: By the file meta, or "".
        size: Bytes of the file.
        is_deflated: Whether it was inflated.
    """

    scan: Scan
    encoding: Encoding
    named_syntax: str
    sop_class_uid: str
    size: int
    is_deflated: bool


def read_data_set(source: ByteSource, stream: HeaderStream, limit_bytes: int) -> DataSet:
    """Read the header of a file whose start ``is_dicom_start`` accepted.

    Args:
        source: The file.
        stream: The window on it, at its beginning.
        limit_bytes: What the header may take, deflated ones after inflation.

    Raises:
        BrokenElementError: The file meta is broken.
        HeaderLimitError: The header is beyond the limit.
        zlib.error: It says that it is deflated, and is not.
    """
    has_preamble = stream.data[PREAMBLE_BYTES : PREAMBLE_BYTES + 4] == b"DICM"
    meta, at = scan_meta(stream, PREAMBLE_BYTES + 4 if has_preamble else 0, _EXPLICIT_LITTLE)
    named = _uid(meta, TRANSFER_SYNTAX_UID)
    is_deflated = False
    if named == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN and not _seems_plain(stream.data[at : at + 8]):
        is_deflated = True
        stream = HeaderStream(Inflated(stream.data[at:], source, limit_bytes), limit_bytes)
        at = 0
    encoding = _find_encoding(stream.data[at : at + 8], named)
    scan = scan_header(stream, at, encoding)
    return DataSet(
        scan=scan,
        encoding=encoding,
        named_syntax=named,
        sop_class_uid=_uid(meta, MEDIA_STORAGE_SOP_CLASS_UID),
        size=source.size,
        is_deflated=is_deflated,
    )


def _uid(meta: dict[str | int, Element], tag: int) -> str:
    text = meta.get(tag, (b"", b""))[1].strip(b" \0").decode("latin-1")
    return text if UID.fullmatch(text) else ""


def _seems_plain(start: bytes) -> bool:
    """Whether a data set that is said to be deflated begins with a plain element of group 0008."""
    return start[:2] == b"\x08\x00" and start[4:6] in KNOWN_VRS


def _find_encoding(start: bytes, named: str) -> Encoding:
    """The encoding of a data set by its first element; by the named transfer syntax where that says nothing."""
    if len(start) < 8:
        return Encoding(implicit=named == IMPLICIT_VR_LITTLE_ENDIAN, little=named != EXPLICIT_VR_BIG_ENDIAN)
    little_group, big_group = int.from_bytes(start[:2], "little"), int.from_bytes(start[:2], "big")
    little = little_group <= _LARGEST_GROUP or big_group > _LARGEST_GROUP
    # Explicit wherever it may be: elements without a VR are read all the same there, and not the other way round.
    is_implicit = start[4:6] not in KNOWN_VRS and (not named or named == IMPLICIT_VR_LITTLE_ENDIAN)
    return Encoding(implicit=is_implicit, little=little)
