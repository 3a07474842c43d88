"""The stored values of a written segmentation, frame by frame, so that a large one need not be unpacked at once."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian


def stored_frames(segmentation: Dataset) -> Iterator[npt.NDArray[Any]]:
    """Every frame, shape ``(rows, columns)``: uint8 of 0 and 1 where pixels are bits, else uint8 or uint16.

    Bits follow each other without a gap between frames, the first pixel in the lowest bit (PS3.5 8.1.1). (pydicom's
    ``iter_pixels`` cannot decode frames that begin inside a byte.)

    Raises:
        ValueError: Another transfer syntax than the one that is written, or too few bytes.
    """
    if segmentation.file_meta.TransferSyntaxUID != ExplicitVRLittleEndian:
        raise ValueError("expected Explicit VR Little Endian")
    shape = int(segmentation.Rows), int(segmentation.Columns)
    size, bits = shape[0] * shape[1], int(segmentation.BitsAllocated)
    stored = np.frombuffer(segmentation.PixelData, dtype=np.uint8 if bits == 1 else f"<u{bits // 8}")
    for frame in range(int(segmentation.NumberOfFrames)):
        first = frame * size
        if bits > 1:
            yield stored[first : first + size].reshape(shape)
        else:
            unpacked = np.unpackbits(stored[first // 8 : (first + size + 7) // 8], bitorder="little")
            yield unpacked[first % 8 : first % 8 + size].reshape(shape)
