"""Stored values of one image: decoding, and proof that header and pixel data mean the same image."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom import encaps, uid
from pydicom.dataset import FileDataset
from pydicom.pixels.common import PhotometricInterpretation
from pydicom.pixels.decoders.base import get_decoder

from clara_stages.dicom_reader.codestream import frame_size

Stored = npt.NDArray[np.int32]

DECODERS = {
    uid.RLELossless: "pydicom",
    uid.JPEGBaseline8Bit: "gdcm",
    uid.JPEGExtended12Bit: "gdcm",
    uid.JPEGLossless: "gdcm",
    uid.JPEGLosslessSV1: "gdcm",
    uid.JPEGLSLossless: "gdcm",
    uid.JPEGLSNearLossless: "gdcm",
    uid.JPEG2000Lossless: "pylibjpeg",
    uid.JPEG2000: "pylibjpeg",
    uid.HTJ2KLossless: "pylibjpeg",
    uid.HTJ2KLosslessRPCL: "pylibjpeg",
    uid.HTJ2K: "pylibjpeg",
}
"""One decoder for each compressed transfer syntax, and not the first that happens to be installed: decoders of lossy
JPEG differ in the last bit, and equal input must give equal volumes."""

NATIVE = (
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
)

_MONOCHROME = ("MONOCHROME1", "MONOCHROME2")
"""MONOCHROME1 is shown inverted, but its values after rescale mean the same (PS3.3 C.7.6.3.1.2): both are read as
they are."""

_COLOURS = (*_MONOCHROME, *(name.value for name in PhotometricInterpretation))
"""What a message may repeat: other text in that place may be anything."""

_BITS_ALLOCATED = (8, 16)
"""What CT, MR and PET images have (PS3.3 C.8.2.1, C.8.3.1, C.8.9.4); int32 holds it all."""

_BASELINE_BITS = 8
"""What gdcm decodes of JPEG Extended; of 12 bits it makes noise."""

_END_OF_IMAGE = b"\xff\xd9"
"""Marker EOI of JPEG and JPEG-LS, EOC of JPEG 2000. Decoders fill what is missing before it with grey, in silence."""

_PIXEL_TAGS: list[Any] = [
    "TransferSyntaxUID", "SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns", "NumberOfFrames",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData",
    "ExtendedOffsetTable", "ExtendedOffsetTableLengths",
]  # fmt: skip


class PixelError(ValueError):
    """The pixels of an image cannot be trusted; the text says why, without a name of the image."""


@dataclass(frozen=True, kw_only=True)
class PixelFormat:
    """How the header says that pixels are stored (Image Pixel module, PS3.3 C.7.6.3).

    Attributes:
        pixel_element: ``integer``, ``float``, or "" where the object has no pixel data.
        padding: Pixel Padding Value as the header writes it, signed or not, or None.
        padding_limit: Pixel Padding Range Limit, likewise.
        lossy: Whether the pixels were once compressed with loss (PS3.3 C.7.6.1.1.5).
        overlay_in_pixels: Whether an overlay lies in bits that the pixels do not use.
    """

    transfer_syntax_uid: str
    pixel_element: str = "integer"
    frames: int = 1
    samples_per_pixel: int = 1
    photometric_interpretation: str = "MONOCHROME2"
    bits_allocated: int = 16
    bits_stored: int = 16
    high_bit: int = 15
    signed: bool = True
    padding: int | None = None
    padding_limit: int | None = None
    lossy: bool = False
    overlay_in_pixels: bool = False

    def find_other_kind(self) -> str:
        """Why an image of this format is no slice by its kind, or ""."""
        if self.frames != 1:
            return f"a multi-frame object of {self.frames} frames; this version reads single-frame objects"
        if self.samples_per_pixel != 1 or self.photometric_interpretation not in _MONOCHROME:
            colours = self.photometric_interpretation
            return (
                f"a colour image ({colours if colours in _COLOURS else 'of no known kind'}, {self.samples_per_pixel} "
                "samples a pixel); a volume has one value a voxel"
            )
        if self.pixel_element != "integer":
            return f"an object with {self.pixel_element or 'no'} pixel data"
        return ""

    def find_damage(self) -> str:
        """Why a slice of this format cannot be read, or ""."""
        if self.bits_allocated not in _BITS_ALLOCATED:
            return f"{self.bits_allocated} bits allocated; read are 8 and 16"
        if not 1 <= self.bits_stored <= self.bits_allocated or self.high_bit != self.bits_stored - 1:
            return (
                f"{self.bits_stored} bits stored of {self.bits_allocated} with high bit {self.high_bit}; expected is "
                "the high bit one below the bits stored (PS3.5 8.1.1)"
            )
        if self.transfer_syntax_uid == uid.JPEGExtended12Bit and self.bits_stored > _BASELINE_BITS:
            return f"pixels in {self.bits_stored}-bit JPEG Extended, for which this stage has no decoder"
        if self.transfer_syntax_uid not in DECODERS and self.transfer_syntax_uid not in NATIVE:
            return f"pixels in transfer syntax {_name(self.transfer_syntax_uid)}, which this stage does not decode"
        return ""

    def padding_range(self) -> tuple[int, int] | None:
        """Lowest and highest stored value that mark padding, or None (PS3.3 C.7.5.1.1.2)."""
        if self.padding is None:
            return None
        ends = [self._as_stored(self.padding)]
        if self.padding_limit is not None:
            ends.append(self._as_stored(self.padding_limit))
        return min(ends), max(ends)

    def _as_stored(self, value: int) -> int:
        """A value written as US or SS, read as the pixels are: -2000 is often written 63536."""
        value %= 1 << self.bits_allocated
        return value - (1 << self.bits_allocated) if self.signed and value >> (self.bits_allocated - 1) else value


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
            f"pixel data in transfer syntax {_name(pixels.transfer_syntax_uid)} cannot be decoded "
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


def _name(transfer_syntax_uid: str) -> str:
    name = uid.UID(transfer_syntax_uid).name
    return "without a known name" if name == transfer_syntax_uid else f"{name} ({transfer_syntax_uid})"
