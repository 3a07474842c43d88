"""What a segmentation of given segments must hold, plane by plane."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_writer.inputs.segments import THRESHOLD, Form, Segments
from clara_stages.dicom_writer.seg.checks.pixel_grid import Planes

Pixels = npt.NDArray[Any]

ALL = 0
"""In place of a segment number: every segment, as numbers in one frame."""

_FLOAT_SLACK = 1e-6
"""Of a probability: it is held in 32 bits."""


class ExpectedPixels:
    """Compares stored frames with segments.

    Attributes:
        segments: What must have been written.
        maximum_fractional_value: What a FRACTIONAL segmentation stores for 1; None of the other types.
    """

    def __init__(self, segments: Segments, maximum_fractional_value: int | None) -> None:
        self.segments = segments
        self.maximum_fractional_value = maximum_fractional_value
        self._all_numbers: Pixels | None = None

    def count_differing(self, stored: Pixels, number: int, planes: Planes, plane: int) -> int:
        """How many pixels of a frame hold something else than the segments do at their place.

        A pixel midway between voxels may hold what any of them does.

        Args:
            stored: Shape ``(rows, columns)``.
            number: Of the segment, or ``ALL``.
            planes: Places of frames on the grid of the segments.
            plane: Which of them is the frame's.
        """
        differing: npt.NDArray[np.bool_] | None = None
        for wrong in self._differences(stored, number, planes, plane):
            differing = wrong if differing is None else differing & wrong
            if not differing.any():
                return 0
        return 0 if differing is None else int(np.count_nonzero(differing))

    def has_voxels(self, number: int, planes: Planes, plane: int) -> bool:
        """Whether a segment must have a frame on a plane."""
        zeros = np.zeros((planes.rows, planes.columns), dtype=np.uint8)
        return self.count_differing(zeros, number, planes, plane) > 0

    def _differences(self, stored: Pixels, number: int, planes: Planes, plane: int) -> Iterator[npt.NDArray[np.bool_]]:
        if number == ALL:
            for numbers in planes.pick(self._numbers(), plane):
                yield stored != numbers
            return
        label = self.segments.table.by_number(number)
        if self.segments.form is Form.LABEL_MAP:
            for values in planes.pick(self.segments.values, plane):
                yield (stored > 0) != (values == label.value)
            return
        if label.voxels == 0:  # it need not have a channel
            yield stored != 0
            return
        channel = self.segments.values[..., label.channel]
        threshold = THRESHOLD if self.segments.form is Form.PROBABILITY_MAP else 1
        for values in planes.pick(channel, plane):
            if self.maximum_fractional_value is None:
                yield (stored > 0) != (values >= threshold)
            else:
                step = 1 / self.maximum_fractional_value
                yield np.abs(stored * step - values) > step / 2 + _FLOAT_SLACK

    def _numbers(self) -> Pixels:
        """Segment numbers of all segments, shape ``(i, j, k)``."""
        if self._all_numbers is None:
            labels = self.segments.table.labels
            self._all_numbers = np.zeros(self.segments.shape, dtype=np.uint16, order="F")
            for label in labels:
                self._all_numbers[self.segments.mask(label.segment_number)] = label.segment_number
        return self._all_numbers
