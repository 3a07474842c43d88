"""Where the segments are on each source slice."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_writer.inputs.label_table import Label
from clara_stages.dicom_writer.inputs.segments import Form, Segments
from clara_stages.dicom_writer.inputs.source_stack import SourceStack


def slice_masks(segments: Segments, source: SourceStack, index: int) -> Iterator[tuple[Label, npt.NDArray[np.bool_]]]:
    """Each segment with a pixel on a slice, and its mask, shape ``(rows, columns)``, in order of segment number."""
    shown, labels = source.on_slice(segments.values, index), segments.table.labels
    if segments.form is Form.LABEL_MAP:  # a slice shows few of a hundred labels, and one look finds which
        present = set(np.unique(shown).tolist())
        labels = tuple(label for label in labels if label.value in present)
    for label in labels:
        mask = segments.where(label, shown)
        if mask.any():
            yield label, mask


def slices_with_segments(segments: Segments, source: SourceStack) -> list[int]:
    """The indices of the slices that show a segment."""
    return [index for index in range(len(source.slices)) if any(True for _ in slice_masks(segments, source, index))]
