"""Stored values of one image: decoding, and proof that header and pixel data mean the same image."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom import encaps, uid
from pydicom.dataset import FileDataset
from pydicom.pixels.decoders.base import get_decoder

from clara_stages.dicom_reader.pixels.codestream import frame_size
from clara_stages.dicom_reader.pixels.format import DECODERS, NATIVE, PixelError, PixelFormat, syntax_name

Stored = npt.NDArray[np.int32]

_END_OF_IMAGE = b"\xff\xd9"
"""Marker EOI of JPEG and JPEG-LS, EOC of JPEG 2000. Decoders fill what is missing before it with grey, in silence."""

_PIXEL_TAGS: list[Any] = [
    "TransferSyntaxUID", "SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns", "NumberOfFrames",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData",
    "ExtendedOffsetTable", "ExtendedOffsetTableLengths",
]  # fmt: skip


def read_stored_values(path: Path, pixels: PixelFormat, rows: int, columns: int) -> Stored:
    """The stored values ``[row, column]`` of a single-frame monochrome image.

    Raises:
        PixelError: Pixel data is truncated, damaged, of another size than the header says, or uses more bits.
        OSError: The file is gone.
    """
    try:
        dataset = pydicom.dcmread(path, specific_tags=_PIXEL_TAGS, force=True)
        dataset.file_meta.TransferSyntaxUID = uid.UID(pixels.transfer_syntax_uid)
        decoded = _decode(dataset, pixels, rows, columns)
    except (PixelError, OSError, MemoryError):
        raise
    except Exception as error:  # a decoder's text may quote the data
        raise PixelError(
            f"pixel data in transfer syntax {syntax_name(pixels.transfer_syntax_uid)} cannot be decoded "
            f"({type(error).__name__})"
        ) from None
    if decoded.shape != (rows, columns):
        raise PixelError(f"pixel data is {decoded.shape}, the header says {rows} x {columns}")
    return _interpret_bits(decoded.astype(np.int32), pixels)


def _decode(dataset: FileDataset, pixels: PixelFormat, rows: int, columns: int) -> npt.NDArray[np.integer]:
    if "PixelData" not in dataset:
        raise PixelError("pixel data is truncated")
    syntax = uid.UID(pixels.transfer_syntax_uid)
    options: Any = {}
    if syntax in NATIVE:
        _require_length(len(dataset.PixelData), rows * columns * pixels.bits_allocated // 8)
    if syntax in NATIVE or syntax == uid.RLELossless:
        options["correct_unused_bits"] = False  # _interpret_bits does, after a look at them
    else:
        _require_whole_codestream(encaps.generate_frames(dataset.PixelData, number_of_frames=1), rows, columns)
    decoder = get_decoder(syntax)
    values, _ = decoder.as_array(dataset, index=0, raw=True, decoding_plugin=DECODERS.get(syntax, ""), **options)
    return values


def _require_length(found_bytes: int, expected_bytes: int) -> None:
    if found_bytes < expected_bytes:
        raise PixelError(f"pixel data is truncated: {found_bytes} bytes, the header needs {expected_bytes}")
    if found_bytes >= 2 * expected_bytes:
        raise PixelError(f"pixel data has {found_bytes} bytes, more than one image of {expected_bytes} bytes")


def _require_whole_codestream(frames: Iterable[bytes], rows: int, columns: int) -> None:
    codestream = next(iter(frames), b"").rstrip(b"\0")
    size = frame_size(codestream)
    if size != (rows, columns):
        found = "no size" if size is None else f"{size[0]} x {size[1]}"
        raise PixelError(f"compressed pixel data says {found}, the header {rows} x {columns}")
    if not codestream.endswith(_END_OF_IMAGE):
        raise PixelError("compressed pixel data is truncated: its end marker is missing")


def _interpret_bits(values: Stored, pixels: PixelFormat) -> Stored:
    """Values of the bits stored alone, sign-extended where they are signed (PS3.5 8.1.1).

    Raises:
        PixelError: Other bits are used and no overlay explains it: the header is wrong about the bits.
    """
    bits = pixels.bits_stored
    if bits == pixels.bits_allocated:
        return values
    lowest, beyond = (-(1 << (bits - 1)) if pixels.signed else 0), 1 << bits
    least, most = int(values.min()), int(values.max())
    if (least < lowest or most >= beyond) and not pixels.overlay_in_pixels:
        raise PixelError(
            f"stored values run from {least} to {most}, which is more than the {bits} bits stored that the header says"
        )
    values &= beyond - 1
    if pixels.signed:
        values[values >= beyond >> 1] -= beyond
    return values
