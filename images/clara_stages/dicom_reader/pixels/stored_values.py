"""Stored values of frames, of any transfer syntax: in the order asked for, whatever one file does."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from clara_stages.dicom_reader.limits import Limits
from clara_stages.dicom_reader.pixels.bits import Stored, interpret_decoded, interpret_words, word_type
from clara_stages.dicom_reader.pixels.codestream import (
    END_OF_IMAGE,
    Codestream,
    describe_codestream,
    find_rle_damage,
    unwrap_codestream,
)
from clara_stages.dicom_reader.pixels.cores import available_cores
from clara_stages.dicom_reader.pixels.decoder_pool import DecoderPool
from clara_stages.dicom_reader.pixels.decoder_protocol import Job
from clara_stages.dicom_reader.pixels.format import PixelError, PixelFormat
from clara_stages.dicom_reader.pixels.open_files import OpenFiles
from clara_stages.dicom_reader.pixels.pixel_file import PixelFile
from clara_stages.dicom_reader.transfer_syntaxes import CODECS, NATIVE, RLE_LOSSLESS
from clara_stages.kit import raise_machine_fault

if TYPE_CHECKING:
    from clara_stages.dicom_reader.headers.frame import Frame

__all__ = ["Stored", "read_frames", "same_pixels"]

_PIXELS_PER_WORKER = 4 << 18
"""Four slices of a CT: JPEG 2000 of them takes as long as another process does to start."""

_AHEAD_BYTES = 256 << 20
"""What decoded frames may take that wait for one before them."""


@dataclass(frozen=True, slots=True)
class _Begun:
    """A frame on its way: its values, why it has none, or the promise of what a decoder makes of it.

    Attributes:
        precision: Bits of a value by the codestream; None where the words are those of the DICOM header.
    """

    frame: "Frame"
    values: Stored | PixelError | Future[Stored | PixelError]
    precision: int | None = None

    @property
    def is_promise(self) -> bool:
        return isinstance(self.values, Future)

    def finish(self) -> Stored | PixelError:
        if not isinstance(self.values, Future):
            return self.values
        decoded, pixels = self.values.result(), self.frame.instance.pixels
        if isinstance(decoded, PixelError):
            return decoded
        try:
            if self.precision is None:
                return interpret_words(decoded, pixels)
            return interpret_decoded(decoded, pixels, self.precision)
        except PixelError as error:
            return error


def read_frames(
    frames: Sequence["Frame"], limits: Limits, *, workers: int | None = None
) -> Iterator[Stored | PixelError]:
    """The stored values ``[row, column]`` of each frame, or why it has none that can be trusted.

    One item for each frame, in the order given. Uncompressed frames are read here; compressed ones are decoded side by
    side in processes of their own, so that a decoder that crashes, hangs or asks for too much memory costs its frame.
    These processes end with the iterator: exhaust it or close it.

    Args:
        frames: Of any instances; those of one instance best follow each other.
        limits: For the size of a frame, and the time to decode one.
        workers: Decoder processes at most; by default as many as this process has cores, fewer for few frames.

    Raises:
        ResourceBusyError: The disk is full; no file is called bad for that.
        MemoryError: Likewise.
    """
    if workers is None:
        pixels = sum(frame.plane.rows * frame.plane.columns for frame in frames)
        workers = min(available_cores(), len(frames), pixels // _PIXELS_PER_WORKER)
    workers = max(workers, 1)
    ahead = _frames_ahead(frames, workers)
    waiting: deque[_Begun] = deque()
    with OpenFiles(limits) as files, DecoderPool(workers, limits.decode_timeout_s) as decoders:
        for frame in frames:
            waiting.append(_begin(frame, limits, files, decoders))
            while waiting and (len(waiting) > ahead or not waiting[0].is_promise):
                yield waiting.popleft().finish()
        while waiting:
            yield waiting.popleft().finish()


def same_pixels(one: "Frame", other: "Frame", limits: Limits) -> str:
    """Why two frames do not show the same, or "": equal stored values, in whichever transfer syntax.

    Equal compressed data is not decoded: a file that came twice costs no more than reading it.
    """
    if _compressed_alike(one, other, limits):
        return ""
    first, second = read_frames([one, other], limits)
    if isinstance(first, PixelError) or isinstance(second, PixelError):
        return f"its pixels cannot be compared: {first if isinstance(first, PixelError) else second}"
    return "" if np.array_equal(first, second) else "its pixels differ"


def _compressed_alike(one: "Frame", other: "Frame", limits: Limits) -> bool:
    formats = {replace(frame.instance.pixels, value_offset=0, value_length=0) for frame in (one, other)}
    if len(formats) > 1 or one.instance.pixels.transfer_syntax_uid not in CODECS:
        return False
    try:
        with OpenFiles(limits) as files:
            codestreams = []
            for frame in (one, other):
                _require_readable(frame, limits)
                codestreams.append(files.get(frame).read_codestream(frame.index))
    except (PixelError, OSError):  # told by those who decode them
        return False
    return codestreams[0] == codestreams[1]


def _frames_ahead(frames: Sequence["Frame"], workers: int) -> int:
    largest = max((frame.plane.rows * frame.plane.columns * 4 for frame in frames), default=0)
    return max(workers, min(4 * workers, _AHEAD_BYTES // max(largest, 1)))


def _begin(frame: "Frame", limits: Limits, files: OpenFiles, decoders: DecoderPool) -> _Begun:
    try:
        _require_readable(frame, limits)
        file = files.get(frame)
        if frame.instance.pixels.transfer_syntax_uid in NATIVE:
            return _Begun(frame, file.read_native(frame.index))
        job, precision = _job(frame, file)
        return _Begun(frame, decoders.submit(job), precision)
    except PixelError as error:
        return _Begun(frame, error)
    except OSError as error:
        raise_machine_fault(error)
        return _Begun(frame, PixelError(f"the file cannot be read ({type(error).__name__})"))


def _require_readable(frame: "Frame", limits: Limits) -> None:
    pixels, rows, columns = frame.instance.pixels, frame.plane.rows, frame.plane.columns
    fault = frame.instance.fault or pixels.find_other_kind() or pixels.find_damage()
    if fault:
        raise PixelError(fault)
    if rows < 1 or columns < 1:
        raise PixelError(f"{rows} rows and {columns} columns; expected is at least one of each")
    if rows * columns > limits.max_frame_pixels:
        raise PixelError(f"{rows} x {columns} pixels are more than the {limits.max_frame_pixels} that are accepted")
    if not 1 <= pixels.frames <= limits.max_frames:
        raise PixelError(f"{pixels.frames} frames; accepted are 1 to {limits.max_frames}")
    if not 0 <= frame.index < pixels.frames:
        raise PixelError(f"frame {frame.index + 1} of {pixels.frames}")


def _job(frame: "Frame", file: PixelFile) -> tuple[Job, int | None]:
    """What a decoder needs, and the bits of a value that it will give back."""
    pixels, shape = frame.instance.pixels, (frame.plane.rows, frame.plane.columns)
    codestream, precision = file.read_codestream(frame.index), None
    if pixels.transfer_syntax_uid == RLE_LOSSLESS:
        fault = find_rle_damage(codestream, pixels.bits_allocated // 8)
        if fault:
            raise PixelError(fault)
    else:
        codestream = unwrap_codestream(codestream)
        says = _describe(codestream, pixels, shape)
        precision = says.precision
        codestream = _until_end_marker(codestream, says)
    words = word_type(pixels).newbyteorder("<").str
    codec = CODECS[pixels.transfer_syntax_uid]
    return Job(codec=codec, words=words, rows=shape[0], columns=shape[1], codestream=codestream), precision


def _describe(codestream: bytes, pixels: PixelFormat, shape: tuple[int, int]) -> Codestream:
    """What the codestream says of itself, once it agrees with the DICOM header."""
    says = describe_codestream(codestream)
    if says is None or (says.rows, says.columns) != shape:
        found = "no size" if says is None else f"{says.rows} x {says.columns}"
        raise PixelError(f"compressed pixel data says {found}, the header {shape[0]} x {shape[1]}")
    if says.components != 1:
        raise PixelError(f"compressed pixel data says {says.components} samples a pixel, the header 1")
    if says.precision > pixels.bits_allocated:
        raise PixelError(
            f"compressed pixel data says {says.precision} bits a value, the header allocates {pixels.bits_allocated}"
        )
    return says


def _until_end_marker(codestream: bytes, says: Codestream) -> bytes:
    """Without what follows the image. Of one that is cut off decoders make up the rest, in silence."""
    end = codestream.rfind(END_OF_IMAGE, says.header_bytes)
    if end < 0:
        raise PixelError("compressed pixel data is truncated: its end marker is missing")
    return codestream[: end + len(END_OF_IMAGE)]
