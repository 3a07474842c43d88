"""The file of one instance, open at its pixel data: frames are read at their offsets, nothing is read twice."""

import os
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from clara_stages.dicom_reader.limits import Limits
from clara_stages.dicom_reader.pixels.bits import Stored, interpret_words, word_type
from clara_stages.dicom_reader.pixels.format import PixelError, PixelFormat, syntax_name
from clara_stages.dicom_reader.pixels.fragments import Fragment, assign_frames, list_fragments
from clara_stages.dicom_reader.transfer_syntaxes import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
    NATIVE,
    RLE_LOSSLESS,
)

_UNDEFINED = 0xFFFFFFFF
"""Length of a value that says itself where it ends (PS3.5 7.1)."""

_TAG_BYTES = (b"\xe0\x7f\x10\x00", b"\x7f\xe0\x00\x10")
"""Pixel Data in either byte order."""

_FRAME_OVERHEAD = 4
_FRAME_SLACK_BYTES = 1 << 20
"""A compressed frame may be so many times larger than its image, and so many bytes: JPEG 2000 of noise grows by a few
per cent, headers may hold a thumbnail."""


class PixelFile:
    """Pixel data of one instance; a file that stays open until ``close``.

    Args:
        path: The file.
        pixels: Its format, with the offset of the value where the header's reader knows it.
        shape: Rows, columns; positive and within the limits.
        limits: For what a deflated file may inflate to.

    Raises:
        PixelError: There is no pixel data as the format says.
        OSError: The file cannot be read.
    """

    def __init__(self, path: Path, pixels: PixelFormat, shape: tuple[int, int], limits: Limits) -> None:
        self._pixels, self._shape = pixels, shape
        self._stream: BinaryIO = path.open("rb", buffering=0)
        try:
            self._open(limits)
        except BaseException:
            self._stream.close()
            raise

    @property
    def frame_bytes(self) -> int:
        """Of one uncompressed frame."""
        return self._shape[0] * self._shape[1] * self._pixels.bits_allocated // 8

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def read_native(self, index: int) -> Stored:
        """Stored values ``[row, column]`` of an uncompressed frame.

        Raises:
            PixelError: They are not all there, or use more bits than the header says.
        """
        start, length = index * self.frame_bytes, self.frame_bytes
        needed = length * self._pixels.frames
        if self._length >= needed + length:
            images = "one image" if self._pixels.frames == 1 else f"{self._pixels.frames} images"
            raise PixelError(f"pixel data has {self._length} bytes, more than {images} of {length} bytes")
        if self._length < start + length:
            raise PixelError(f"pixel data is truncated: {self._length} bytes, the header needs {needed}")
        data = self._read_swapped(start, length) if self._swaps_bytes else self._read(self._offset + start, length)
        words = data.view(word_type(self._pixels).newbyteorder(">" if self._is_big_endian else "<"))
        words = words.astype(words.dtype.newbyteorder("="), copy=False)
        return interpret_words(words.reshape(self._shape), self._pixels)

    def read_codestream(self, index: int) -> bytes:
        """The compressed data of a frame, its fragments joined.

        Raises:
            PixelError: It is not there, or larger than it can be.
        """
        frames = self._frames
        if index >= len(frames):
            count = f"{len(frames)} of {self._pixels.frames} images" if frames else "no whole image"
            raise PixelError(f"compressed pixel data is truncated: it has {count}")
        length = sum(fragment.length for fragment in frames[index])
        if not length:
            raise PixelError("compressed pixel data is empty")
        if length > _FRAME_OVERHEAD * self.frame_bytes + _FRAME_SLACK_BYTES:
            raise PixelError(f"compressed pixel data has {length} bytes for an image of {self.frame_bytes} bytes")
        return b"".join(self._read(fragment.offset, fragment.length).tobytes() for fragment in frames[index])

    @cached_property
    def _frames(self) -> tuple[tuple[Fragment, ...], ...]:
        end = os.fstat(self._stream.fileno()).st_size
        fragments = list_fragments(self._stream.fileno(), self._offset, end)
        marked = self._pixels.transfer_syntax_uid != RLE_LOSSLESS
        return assign_frames(fragments, self._pixels.frames, marked=marked)

    @property
    def _is_big_endian(self) -> bool:
        return self._pixels.transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN

    def _open(self, limits: Limits) -> None:
        self._offset, length = self._pixels.value_offset, self._pixels.value_length
        if self._pixels.transfer_syntax_uid == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN or not self._offset:
            length = self._search(limits)
        vr = self._require_element()
        self._swaps_bytes = self._is_big_endian and self._pixels.bits_allocated == 8 and vr == b"OW"
        is_native = self._pixels.transfer_syntax_uid in NATIVE
        if is_native == (length == _UNDEFINED):
            kind = "encapsulated" if is_native else "not encapsulated"
            syntax = syntax_name(self._pixels.transfer_syntax_uid)
            raise PixelError(f"pixel data is {kind}, which does not agree with its transfer syntax {syntax}")
        self._length = min(length, os.fstat(self._stream.fileno()).st_size - self._offset)

    def _search(self, limits: Limits) -> int:
        """Find the value where the header's reader does not know its offset, and inflate the file where it is deflated.

        Returns:
            Its length.
        """
        from clara_stages.dicom_reader.pixels import pixel_search  # pydicom, slow to load: for few files

        is_deflated = self._pixels.transfer_syntax_uid == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
        if is_deflated:
            self._stream, plain = pixel_search.inflate(self._stream, self._inflated_limit(limits)), self._stream
            plain.close()
        self._offset, length = pixel_search.find_value(self._stream, is_data_set=is_deflated)
        return length

    def _inflated_limit(self, limits: Limits) -> int:
        pixels = min(self._pixels.frames * self._shape[0] * self._shape[1], limits.max_voxels)
        return (limits.max_header_mib << 20) + pixels * self._pixels.bits_allocated // 8

    def _require_element(self) -> bytes:
        """The VR of the pixel data, or b"" in implicit VR; the tag must lie before the value."""
        head = os.pread(self._stream.fileno(), 12, max(self._offset - 12, 0))
        if head[:4] in _TAG_BYTES:
            return head[4:6]
        if head[4:8] in _TAG_BYTES:
            return b""
        raise PixelError("pixel data is not where the header ended: the file has changed meanwhile")

    def _read_swapped(self, start: int, length: int) -> Any:
        """Bytes that were written as 16-bit words of the other byte order (PS3.5 8.1.1 and 7.3)."""
        first, last = start & ~1, min((start + length + 1) & ~1, self._length & ~1)
        if last < start + length:
            raise PixelError(f"pixel data is truncated: {self._length} bytes in words of 2")
        return (
            self._read(self._offset + first, last - first).reshape(-1, 2)[:, ::-1].reshape(-1)[start - first :][:length]
        )

    def _read(self, offset: int, length: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
        data = np.empty(length, np.uint8)
        view, at = data.data, 0
        while at < length:
            count = os.preadv(self._stream.fileno(), [view[at:]], offset + at)
            if not count:
                raise PixelError("pixel data is truncated: the file has become shorter meanwhile")
            at += count
        return data
