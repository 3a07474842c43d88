"""What source images show of each segment, for checks of what was written."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_writer.inputs.label_table import Label
from clara_stages.dicom_writer.inputs.segments import Form
from clara_stages.dicom_writer.job import Job


def expected_masks(job: Job) -> Iterator[tuple[int, int, npt.NDArray[np.bool_]]]:
    """Segment number, index of a source slice and the pixels there, wherever there are any.

    Pixels have shape ``(rows, columns)``.
    """
    segments = job.require_segments("checks")
    slices = range(len(job.source.slices))
    if segments.form is Form.LABEL_MAP:
        numbers = segments.numbers()
        for index in slices:
            shown = job.source.on_slice(numbers, index)
            for number in np.flatnonzero(np.bincount(shown.ravel(order="K"))).tolist():
                if number:
                    yield number, index, shown == number
        return
    for label in segments.table.labels:
        mask = segments.mask(label.segment_number)
        for index in slices:
            shown = job.source.on_slice(mask, index)
            if shown.any():
                yield label.segment_number, index, shown


def expected_mask(job: Job, label: Label, index: int) -> npt.NDArray[np.bool_]:
    """The pixels of one segment on one source slice, shape ``(rows, columns)``."""
    segments = job.require_segments("checks")
    if segments.form is Form.LABEL_MAP:
        shown: npt.NDArray[np.bool_] = job.source.on_slice(segments.values, index) == label.value
        return shown
    return job.source.on_slice(segments.mask(label.segment_number), index)
