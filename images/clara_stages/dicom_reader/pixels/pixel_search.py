"""Pixel data of which the header's reader does not know the place: of deflated files, and after broken elements."""

import os
import tempfile
import zlib
from typing import BinaryIO

from pydicom.filereader import read_dataset, read_partial
from pydicom.tag import Tag
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

from clara_stages.dicom_reader.pixels.format import PixelError
from clara_stages.dicom_reader.quiet_pydicom import quiet_pydicom

_PIXEL_DATA = 0x7FE00010

_INFLATE_STEP_BYTES = 1 << 20


def find_value(stream: BinaryIO, *, is_data_set: bool) -> tuple[int, int]:
    """Offset and length of the value of Pixel Data, where the header's reader does not know them."""
    found: list[tuple[str | None, int]] = []

    def stop_at_pixels(tag: int, vr: str | None, length: int) -> bool:
        if tag == _PIXEL_DATA:
            found.append((vr, length))
        return tag >= _PIXEL_DATA

    try:
        with quiet_pydicom(), os.fdopen(os.dup(stream.fileno()), "rb") as buffered:
            buffered.seek(0)
            if is_data_set:
                read_dataset(buffered, False, True, stop_when=stop_at_pixels, specific_tags=[Tag("Rows")])
            else:
                read_partial(buffered, stop_at_pixels, force=True, specific_tags=[Tag("Rows")])
            element = buffered.tell()
    except Exception as error:  # whatever a broken file does to the parser
        raise PixelError(f"pixel data cannot be found in a broken file ({type(error).__name__})") from None
    if not found:
        raise PixelError("pixel data is truncated: the file ends before it")
    vr, length = found[-1]
    return element + (12 if vr in EXPLICIT_VR_LENGTH_32 else 8), length


def inflate(stream: BinaryIO, limit_bytes: int) -> BinaryIO:
    """The data set of a deflated file (PS3.5 A.5) as a temporary file: a bomb fills neither memory nor disk."""
    stream.seek(_data_set_offset(stream))
    inflated: BinaryIO = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - the caller's
    try:
        inflater, written = zlib.decompressobj(-zlib.MAX_WBITS), 0
        while not inflater.eof:
            data = inflater.unconsumed_tail or stream.read(_INFLATE_STEP_BYTES)
            piece = inflater.decompress(data, _INFLATE_STEP_BYTES)
            if not data and not piece:
                break
            written += inflated.write(piece)
            if written > limit_bytes:
                break
    except zlib.error:
        inflated.close()
        raise PixelError("the deflated file is damaged") from None
    except BaseException:
        inflated.close()
        raise
    if written > limit_bytes:
        inflated.close()
        raise PixelError(f"the deflated file holds more than the {limit_bytes} bytes that its header may need")
    return inflated


def _data_set_offset(stream: BinaryIO) -> int:
    """Where the file meta information ends, by its own elements (PS3.10 7.1)."""
    try:
        with quiet_pydicom(), os.fdopen(os.dup(stream.fileno()), "rb") as buffered:
            buffered.seek(0)
            preamble = buffered.read(132)
            buffered.seek(132 if preamble[128:] == b"DICM" else 0)
            read_dataset(buffered, False, True, stop_when=lambda tag, _vr, _length: tag >> 16 != 2)
            return buffered.tell()
    except Exception as error:  # whatever a broken file does to the parser
        raise PixelError(f"the file meta information is broken ({type(error).__name__})") from None
