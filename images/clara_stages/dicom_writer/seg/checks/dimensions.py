"""Whether the dimension index of a written segmentation orders its frames (PS3.3 C.7.6.17)."""

from collections.abc import Iterator

import numpy as np
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from clara_stages.dicom_writer.gate.finding import Finding
from clara_stages.dicom_writer.inputs.source_stack import SourceStack
from clara_stages.dicom_writer.seg.checks.written_frames import WrittenFrames

_SEGMENT = Tag("ReferencedSegmentNumber")
_POSITION = Tag("ImagePositionPatient")


def check_dimensions(segmentation: Dataset, frames: WrittenFrames, source: SourceStack) -> Iterator[Finding]:
    """Compare the index values of every frame with its segment and with its place along the normal of the source.

    Args:
        segmentation: As it was read from the file.
        frames: Its frames.
        source: What the segments were found in.
    """
    indices = segmentation.DimensionIndexSequence
    uids = {item.DimensionOrganizationUID for item in segmentation.DimensionOrganizationSequence}
    if {item.DimensionOrganizationUID for item in indices} != uids or len(uids) != 1:
        yield _finding("the dimension indices do not name the one dimension organization")
    pointers = [Tag(item.DimensionIndexPointer) for item in indices]
    if any(len(values) != len(pointers) for values in frames.index_values):
        yield _finding(f"a frame does not have {len(pointers)} index values, one for each dimension")
        return
    if len(set(frames.index_values)) != len(frames):
        yield _finding("two frames have the same index values")
    written = np.array(frames.index_values, dtype=np.int64)
    for column, pointer in enumerate(pointers):
        if pointer == _SEGMENT:
            places = frames.segment_numbers.astype(np.float64)
        elif pointer == _POSITION:
            places = np.round(frames.positions_lps_mm @ source.normal, 3)
        else:
            yield _finding(f"dimension {column + 1} points to {pointer}, expected segments and positions")
            continue
        expected = np.unique(places, return_inverse=True)[1].ravel() + 1
        wrong = int(np.count_nonzero(written[:, column] != expected))
        if wrong and not (pointer == _SEGMENT and not frames.segment_numbers.any()):
            yield _finding(f"{wrong} of {len(frames)} frames have another index in dimension {column + 1} than place")


def _finding(message: str) -> Finding:
    return Finding(name="dimension_index", output="seg", message=message)
