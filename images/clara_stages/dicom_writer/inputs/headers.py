"""Reading the header of a source instance: never its pixels, and never more than a limit."""

import zlib
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast

from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import dcmread, read_dataset, read_file_meta_info
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from clara_stages.kit import BadInputError, raise_machine_fault

LARGEST_HEADERS_BYTES = 1 << 30
"""Of all instances of a source together. Headers of some thousand images are some ten MiB; what is larger is damaged or
hostile, and would take the memory that results are made in."""

REMEDY = "give the folder `source` that dicom_reader wrote, or have the series sent again from the modality"

_META_START = 128 + 4 + 12
"""Preamble, prefix and the element that says how long the rest of the meta information is (PS3.10 7.1)."""

_PIXEL_DATA = (0x7FE00010, 0x7FE00009, 0x7FE00008)
"""Pixel Data, Double Float Pixel Data, Float Pixel Data."""


class _LimitError(Exception):
    """More would have to be read than the limit allows."""


class _BoundedStream:
    """A stream that is read up to a position and not beyond."""

    def __init__(self, stream: BinaryIO, end: int) -> None:
        self._stream, self._end = stream, end
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int = -1) -> bytes:
        if size < 0 or self._stream.tell() + size > self._end:
            raise _LimitError
        return self._stream.read(size)


class HeaderReader:
    """Reads headers until all together are larger than a limit."""

    def __init__(self, limit_bytes: int = LARGEST_HEADERS_BYTES) -> None:
        self._limit_bytes = self._left_bytes = limit_bytes

    def read(self, path: Path, name: str) -> Dataset:
        """The data set of a file without its pixels.

        Args:
            path: The file.
            name: What errors call it.

        Raises:
            BadInputError: It is missing, no DICOM, broken, or the limit is reached.
        """
        try:
            is_deflated = read_file_meta_info(path).get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian
            return self._read_deflated(path) if is_deflated else self._read_plain(path)
        except FileNotFoundError:
            raise BadInputError(f"the source lacks a file that instances.json names: {name}", remedy=REMEDY) from None
        except InvalidDicomError:
            raise BadInputError(f"source file {name} is no DICOM file", remedy=REMEDY) from None
        except _LimitError:
            raise BadInputError(
                f"the headers of the source are larger than {self._limit_bytes >> 20} MiB; source file {name} goes "
                "beyond",
                remedy=REMEDY,
            ) from None
        except Exception as error:  # whatever a broken file does to the parser, the file is what is wrong
            raise_machine_fault(error)
            raise BadInputError(f"source file {name} is broken DICOM ({type(error).__name__})", remedy=REMEDY) from None

    def _read_plain(self, path: Path) -> Dataset:
        with path.open("rb") as stream:
            instance = dcmread(cast("BinaryIO", _BoundedStream(stream, self._left_bytes)), stop_before_pixels=True)
            self._left_bytes -= stream.tell()
        return instance

    def _read_deflated(self, path: Path) -> Dataset:
        """PS3.5 A.5: what follows the meta information is deflated as a whole, pixels included."""
        start = _META_START + int(read_file_meta_info(path).FileMetaInformationGroupLength)
        with path.open("rb") as stream:
            stream.seek(start)
            inflated = zlib.decompressobj(-zlib.MAX_WBITS).decompress(stream.read(self._left_bytes), self._left_bytes)
        data = BytesIO(inflated)
        instance = read_dataset(data, is_implicit_VR=False, is_little_endian=True, stop_when=_is_pixel_data)
        if data.tell() >= self._left_bytes:
            raise _LimitError
        self._left_bytes -= data.tell()
        return instance


def _is_pixel_data(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return tag in _PIXEL_DATA
