"""The frames of a SEG, one at a time: bits, bytes or words, native or compressed."""

import dataclasses
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.encaps import generate_frames
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from clara_stages.dicom_reader.annotations.annotation import SegHeader
from clara_stages.dicom_reader.annotations.open_object import ObjectError, StoredObject
from clara_stages.dicom_reader.headers.frame import Frame
from clara_stages.dicom_reader.headers.instance import NO_PLANE, Instance
from clara_stages.dicom_reader.limits import Limits
from clara_stages.dicom_reader.pixels.format import PixelError, PixelFormat
from clara_stages.dicom_reader.pixels.stored_values import read_frames
from clara_stages.dicom_reader.values.rescale import Rescale

_NATIVE = frozenset(
    {ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian}
)

_DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
"""Deflated Image Frame Compression (PS3.5 A.4.13): each frame is a raw deflate stream."""

Array = npt.NDArray[Any]


def read_seg_frames(stored: StoredObject, header: SegHeader, indices: Sequence[int], limits: Limits) -> Iterator[Array]:
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
    return _decoded_frames(stored, header, indices, limits)


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


def _decoded_frames(stored: StoredObject, header: SegHeader, indices: Sequence[int], limits: Limits) -> Iterator[Array]:
    """Decoded in processes of their own, as those of images are: a damaged codestream can end a decoder."""
    bits = max(header.bits, 8)
    pixels = PixelFormat(
        transfer_syntax_uid=stored.transfer_syntax_uid,
        frames=len(header.frames),
        bits_allocated=bits,
        bits_stored=bits,
        high_bit=bits - 1,
        signed=False,
    )
    plane = dataclasses.replace(NO_PLANE, rows=header.rows, columns=header.columns)
    instance = Instance(
        path=stored.path,
        label="",
        study_instance_uid="",
        series_instance_uid="",
        sop_class_uid="",
        sop_instance_uid="",
        header={},
        plane=plane,
        pixels=pixels,
        rescale=Rescale(),
    )
    frames = [Frame(instance=instance, plane=plane, number=index + 1) for index in indices]
    for index, values in zip(indices, read_frames(frames, limits), strict=True):
        if isinstance(values, PixelError):
            raise ObjectError(f"frame {index + 1}: {values}")
        yield values


def _guarded(frames: Iterator[Any]) -> Iterator[Any]:
    """The same frames; whatever broken fragments raise becomes an ObjectError."""
    while True:
        try:
            frame = next(frames)
        except StopIteration:
            return
        except Exception as error:
            raise ObjectError(f"its pixel data cannot be decoded ({type(error).__name__})") from None
        yield frame
