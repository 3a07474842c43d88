"""The frames of a SEG, one at a time: bits, bytes or words, native or compressed."""

import itertools
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.encaps import generate_frames
from pydicom.pixels.utils import iter_pixels
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from clara_stages.dicom_reader.annotations.annotation import SegHeader
from clara_stages.dicom_reader.annotations.open_object import ObjectError, StoredObject

_NATIVE = frozenset(
    {ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian}
)

_DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
"""Deflated Image Frame Compression (PS3.5 A.4.13): each frame is a raw deflate stream."""

Array = npt.NDArray[Any]


def read_seg_frames(stored: StoredObject, header: SegHeader, indices: Sequence[int]) -> Iterator[Array]:
    """The stored values of some frames ``[row, column]``, unsigned, in the order of ``indices``.

    Raises:
        ObjectError: Pixel data is missing or truncated, or no decoder reads it.
    """
    if stored.pixel_offset is None:
        raise ObjectError("it has no pixel data")
    if stored.transfer_syntax_uid in _NATIVE:
        return _native_frames(stored, header, indices)
    if stored.transfer_syntax_uid == _DEFLATED_FRAMES:
        return _deflated_frames(stored, header, indices)
    return _decoded_frames(stored, header, indices)


def starts_frames_on_bytes(stored: StoredObject, header: SegHeader) -> bool:
    """Whether each frame of a bit-packed SEG begins on a byte, as some writers have it.

    Bits run on from frame to frame (PS3.5 8.1.1), so frames of a bit count that 8 does not divide begin inside a
    byte. The length of the pixel data shows who did otherwise.
    """
    if header.bits != 1 or stored.transfer_syntax_uid not in _NATIVE:
        return False
    pixels, frames = header.rows * header.columns, len(header.frames)
    packed, padded = _even((pixels * frames + 7) // 8), _even((pixels + 7) // 8 * frames)
    return packed != padded == _even(stored.pixel_bytes)


def _even(count: int) -> int:
    return count + count % 2


def _native_frames(stored: StoredObject, header: SegHeader, indices: Sequence[int]) -> Iterator[Array]:
    pixels = header.rows * header.columns
    bits_between = (pixels + 7) // 8 * 8 if starts_frames_on_bytes(stored, header) else pixels * header.bits
    needed = (bits_between * (len(header.frames) - 1) + pixels * header.bits + 7) // 8
    with stored.open() as stream:
        there = min(stream.seek(0, 2) - (stored.pixel_offset or 0), stored.pixel_bytes)
        if there < needed:
            raise ObjectError(f"its pixel data is truncated: {there} of {needed} bytes")
        for index in indices:
            first_bit = index * bits_between
            start = first_bit // 16 * 2
            stream.seek((stored.pixel_offset or 0) + start)
            data = stream.read(_even((first_bit - start * 8 + pixels * header.bits + 7) // 8))
            if stored.is_swapped:
                data = np.frombuffer(data[: len(data) // 2 * 2], dtype=np.uint16).byteswap().tobytes()
            yield _values(data, header, first_bit - start * 8)


def _values(data: bytes, header: SegHeader, first_bit: int = 0) -> Array:
    """One frame from its bytes, beginning at a bit; the first of packed pixels is the lowest bit (PS3.5 8.1.1)."""
    pixels = header.rows * header.columns
    if header.bits == 1:
        bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8), bitorder="little")
        return bits[first_bit : first_bit + pixels].reshape(header.rows, header.columns)
    size = header.bits // 8
    values = np.frombuffer(data[first_bit // 8 :][: pixels * size], dtype="<u2" if size == 2 else np.uint8)
    return values.reshape(header.rows, header.columns)


def _deflated_frames(stored: StoredObject, header: SegHeader, indices: Sequence[int]) -> Iterator[Array]:
    size = (header.rows * header.columns * header.bits + 7) // 8
    wanted = set(indices)
    with stored.open() as stream:
        stream.seek(stored.pixel_offset or 0)
        frames = generate_frames(stream, number_of_frames=len(header.frames))
        for index, data in enumerate(_guarded(frames)):
            if index in wanted:
                yield _values(_inflate(data, size, index), header)


def _inflate(data: bytes, size: int, index: int) -> bytes:
    try:
        inflated = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, size + 1)
    except zlib.error:
        raise ObjectError(f"frame {index + 1} cannot be inflated") from None
    if len(inflated) < size:
        raise ObjectError(f"frame {index + 1} is truncated: {len(inflated)} of {size} bytes")
    return inflated


def _decoded_frames(stored: StoredObject, header: SegHeader, indices: Sequence[int]) -> Iterator[Array]:
    shape = (header.rows, header.columns)
    decoded = _guarded(iter_pixels(stored.path, indices=list(indices), raw=True))
    for index, frame in zip(indices, itertools.chain(decoded, itertools.repeat(None)), strict=False):
        if frame is None or frame.shape != shape or frame.dtype.kind not in "ui":
            found = "nothing" if frame is None else f"{frame.dtype} {frame.shape}"
            raise ObjectError(f"frame {index + 1} decodes to {found}, expected whole numbers of {shape}")
        yield frame.view(f"u{frame.dtype.itemsize}")


def _guarded(frames: Iterator[Any]) -> Iterator[Any]:
    """The same frames; whatever a decoder raises becomes an ObjectError."""
    while True:
        try:
            frame = next(frames)
        except StopIteration:
            return
        except Exception as error:
            raise ObjectError(f"its pixel data cannot be decoded ({type(error).__name__})") from None
        yield frame
