"""Opening a SEG or RTSTRUCT: its header as a data set, and where its pixel data lies in the file."""

import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_dataset, read_file_meta_info, read_partial
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from clara_stages.dicom_reader.limits import Limits

_PIXEL_DATA = 0x7FE00010
_MIB = 1 << 20
_META_START = 132
"""Where file meta begins: 128 free bytes and DICM (PS3.10 7.1)."""


_LONG_VRS = frozenset({b"OB", b"UN", b"OW", b"SQ", b"UT"})
"""VRs of file meta information whose length has 32 bits (PS3.5 7.1.2)."""


class ObjectError(ValueError):
    """The object cannot be read; the text says why, without anything it says about a person."""


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """One opened object.

    Attributes:
        path: The file.
        header: Everything before the pixel data.
        transfer_syntax_uid: As named, or as found in a file without meta information.
        pixel_offset: Where the bytes of an uncompressed Pixel Data begin, None without pixel data.
        pixel_bytes: How many there are, as the header says.
        is_swapped: Whether the bytes of pixel data come in pairs with the higher first: big endian words.
        inflated: The data set of a deflated file, else None.
    """

    path: Path
    header: Dataset
    transfer_syntax_uid: str
    pixel_offset: int | None = None
    pixel_bytes: int = 0
    is_swapped: bool = False
    inflated: bytes | None = None

    def open(self) -> BinaryIO:
        """The bytes that ``pixel_offset`` counts in."""
        return self.path.open("rb") if self.inflated is None else io.BytesIO(self.inflated)


def open_object(path: Path, limits: Limits) -> StoredObject:
    """Read the header of an object; pixel data stays where it is.

    Raises:
        ObjectError: Unreadable, or larger than the limits allow.
    """
    try:
        deflated_at = _deflated_start(path)
        if deflated_at is not None:
            return _open_deflated(path, deflated_at, limits)
        with path.open("rb") as stream:
            dataset = read_partial(stream, _stop_at_pixels, force=True)
            place = _pixel_place(stream, is_implicit=dataset.original_encoding[0] is True)
    except ObjectError:
        raise
    except OSError as error:
        raise ObjectError(f"cannot be opened ({type(error).__name__})") from None
    except Exception as error:  # whatever a broken file does to the parser
        raise ObjectError(f"a broken or truncated header ({type(error).__name__})") from None
    named = dataset.file_meta.get("TransferSyntaxUID")
    syntax = str(named) if named else _found_syntax(dataset)
    return StoredObject(
        path=path,
        header=dataset,
        transfer_syntax_uid=syntax,
        pixel_offset=place.offset,
        pixel_bytes=place.length,
        is_swapped=place.is_swapped,
    )


def _stop_at_pixels(tag: int, _vr: str | None, _length: int) -> bool:
    return tag == _PIXEL_DATA


class _PixelPlace(NamedTuple):
    """Offset and length of the value of Pixel Data, and whether its bytes are swapped in pairs."""

    offset: int | None
    length: int
    is_swapped: bool = False


def _pixel_place(stream: BinaryIO, *, is_implicit: bool) -> _PixelPlace:
    """Where the value lies of the Pixel Data element that the stream stands at; nowhere at the end of the stream."""
    head = stream.read(8)
    if len(head) < 8:
        return _PixelPlace(None, 0)
    if is_implicit:
        return _PixelPlace(stream.tell(), int.from_bytes(head[4:], "little"))
    is_little = head[:2] == b"\xe0\x7f"
    length = int.from_bytes(stream.read(4), "little" if is_little else "big")
    return _PixelPlace(stream.tell(), length, is_swapped=head[4:6] == b"OW" and not is_little)


def _found_syntax(dataset: Dataset) -> str:
    is_implicit, is_little = dataset.original_encoding
    if is_implicit:
        return str(ImplicitVRLittleEndian)
    return str(ExplicitVRLittleEndian if is_little else ExplicitVRBigEndian)


def _deflated_start(path: Path) -> int | None:
    """Where the deflated data set begins, or None for another transfer syntax."""
    try:
        meta = read_file_meta_info(path)
    except InvalidDicomError:
        return None
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return None
    with path.open("rb") as stream:
        stream.seek(_META_START)
        while True:
            start = stream.tell()
            head = stream.read(8)
            if head[:2] != b"\x02\x00" or len(head) < 8:
                return start
            is_long = head[4:6] in _LONG_VRS
            stream.seek(int.from_bytes(stream.read(4) if is_long else head[6:8], "little"), 1)


def _open_deflated(path: Path, start: int, limits: Limits) -> StoredObject:
    """Inflate at most what the limits allow: a header, and one byte for each voxel of the largest volume."""
    allowed = limits.max_header_mib * _MIB + limits.max_voxels
    with path.open("rb") as stream:
        stream.seek(start)
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        inflated = inflater.decompress(stream.read(), allowed)
    if not inflater.eof and inflater.unconsumed_tail:
        raise ObjectError(f"inflates to more than {allowed // _MIB} MiB")
    body = io.BytesIO(inflated)
    dataset = read_dataset(body, is_implicit_VR=False, is_little_endian=True, stop_when=_stop_at_pixels)
    place = _pixel_place(body, is_implicit=False)
    return StoredObject(
        path=path,
        header=dataset,
        transfer_syntax_uid=str(DeflatedExplicitVRLittleEndian),
        pixel_offset=place.offset,
        pixel_bytes=place.length,
        inflated=inflated,
    )
