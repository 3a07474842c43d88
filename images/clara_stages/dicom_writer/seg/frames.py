"""Pixels of a segmentation: which frames there are, and their bytes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_writer.inputs.label_table import Label
from clara_stages.dicom_writer.inputs.segments import Segments
from clara_stages.dicom_writer.inputs.source_stack import SourceStack
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.seg.segmentation_type import MAXIMUM_FRACTIONAL_VALUE, SegmentationType

Pixels = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One frame.

    Attributes:
        label: Whose it is; None in a LABELMAP, where a frame holds all.
        slice_index: The source slice that it lies on.
        pixels: Stored values, shape ``(rows, columns)``: bool of BINARY, uint8 of FRACTIONAL, segment numbers of
            LABELMAP in uint8 or uint16.
    """

    label: Label | None
    slice_index: int
    pixels: Pixels


def frames(job: Job, labels: tuple[Label, ...], segmentation_type: SegmentationType) -> Iterator[Frame]:
    """Every frame that has a voxel, segment by segment in order of the slices.

    A segment without a pixel on any source slice gets one frame of zeros, so that every reader lists it.

    Args:
        job: Its segments are written on its source; it is warned where voxels lie between source slices.
        labels: Those that are described, in order of segment number.
        segmentation_type: How they are held.
    """
    segments, source = job.require_segments("seg"), job.source
    if segmentation_type is SegmentationType.LABELMAP:
        found = _label_frames(segments, source, labels)
        yield next(found, _zeros(source, _number_type(labels), None))
        yield from found
        return
    dtype = np.dtype(np.uint8 if segmentation_type is SegmentationType.FRACTIONAL else bool)
    for label in labels:
        found = _segment_frames(segments, source, label, segmentation_type)
        first = next(found, None)
        if first is None and label.voxels:
            job.warn(f"segment {label.segment_number} has {label.voxels} voxels, and none on a source slice")
        yield first or _zeros(source, dtype, label)
        yield from found


def _zeros(source: SourceStack, dtype: np.dtype[Any], label: Label | None) -> Frame:
    return Frame(label=label, slice_index=0, pixels=np.zeros((source.rows, source.columns), dtype))


def _segment_frames(
    segments: Segments, source: SourceStack, label: Label, segmentation_type: SegmentationType
) -> Iterator[Frame]:
    if not label.voxels:  # it need not have a channel
        return
    for index in range(len(source.slices)):
        if segmentation_type is SegmentationType.FRACTIONAL:
            probabilities = source.on_slice(segments.values[..., label.channel], index)
            pixels = np.rint(probabilities * MAXIMUM_FRACTIONAL_VALUE).astype(np.uint8)
        else:
            pixels = segments.where(label, source.on_slice(segments.values, index))
        if pixels.any():
            yield Frame(label=label, slice_index=index, pixels=pixels)


def _label_frames(segments: Segments, source: SourceStack, labels: tuple[Label, ...]) -> Iterator[Frame]:
    dtype = _number_type(labels)
    for index in range(len(source.slices)):
        shown = source.on_slice(segments.values, index)
        numbers = np.zeros((source.rows, source.columns), dtype)
        for label in labels:
            numbers[segments.where(label, shown)] = label.segment_number
        if numbers.any():
            yield Frame(label=None, slice_index=index, pixels=numbers)


def _number_type(labels: tuple[Label, ...]) -> np.dtype[Any]:
    """The smaller of the two integers that a LABELMAP may hold (PS3.3 C.8.20.2.3.1)."""
    return np.min_scalar_type(max(label.segment_number for label in labels))


class PixelData:
    """The value of Pixel Data, frame after frame.

    Bits are packed without a gap between frames, the first pixel in the lowest bit (PS3.5 8.1.1); others are little
    endian.
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._left_over = np.zeros(0, dtype=bool)

    def add(self, pixels: Pixels) -> None:
        """Append one frame: bool is packed, 8 and 16 bits are not."""
        flat = pixels.ravel()
        if pixels.dtype != np.bool_:
            self._parts.append(flat.astype(flat.dtype.newbyteorder("<"), copy=False).tobytes())
            return
        if self._left_over.size:
            flat = np.concatenate([self._left_over, flat])
        whole = flat.size // 8 * 8
        self._parts.append(np.packbits(flat[:whole], bitorder="little").tobytes())
        self._left_over = flat[whole:].copy()

    def to_bytes(self) -> bytes:
        """All frames, padded to an even length with zeros."""
        value = b"".join([*self._parts, np.packbits(self._left_over, bitorder="little").tobytes()])
        return value + b"\0" * (len(value) % 2)
