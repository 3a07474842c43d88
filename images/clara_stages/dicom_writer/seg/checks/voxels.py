"""Whether the pixels of a written segmentation are the voxels of the segments, and none is left out."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.gate.finding import Finding
from clara_stages.dicom_writer.inputs.segments import Segments
from clara_stages.dicom_writer.inputs.source_stack import SourceStack
from clara_stages.dicom_writer.seg.checks.expected_pixels import ALL, ExpectedPixels
from clara_stages.dicom_writer.seg.checks.pixel_grid import Planes, planes_on_grid
from clara_stages.dicom_writer.seg.checks.stored_frames import stored_frames
from clara_stages.dicom_writer.seg.checks.written_frames import WrittenFrames


def check_voxels(
    segmentation: Dataset, frames: WrittenFrames, slices: list[int], source: SourceStack, segments: Segments
) -> Iterator[Finding]:
    """Map every frame's pixels to voxels by the frame's own position, directions and spacing, and compare.

    Args:
        segmentation: As it was read from the file.
        frames: Its frames.
        slices: Index of the source slice that each frame refers to.
        source: What the segments were found in.
        segments: What must have been written.
    """
    is_fractional = segmentation.SegmentationType == "FRACTIONAL"
    expected = ExpectedPixels(segments, int(segmentation.MaximumFractionalValue) if is_fractional else None)
    yield from _check_stored(segmentation, frames, expected)
    described = [int(item.SegmentNumber) for item in segmentation.SegmentSequence]
    numbers = [ALL] if segmentation.SegmentationType == "LABELMAP" else described
    yield from _check_complete(frames, slices, source, expected, numbers)


def _check_stored(segmentation: Dataset, frames: WrittenFrames, expected: ExpectedPixels) -> Iterator[Finding]:
    shape = int(segmentation.Rows), int(segmentation.Columns)
    planes = planes_on_grid(
        expected.segments.affine_ras, frames.positions_lps_mm, frames.orientations, frames.spacings_mm, shape
    )
    if int(segmentation.NumberOfFrames) != len(frames):
        yield _finding(
            "frame_count", f"the object states {segmentation.NumberOfFrames} frames and describes {len(frames)}"
        )
        return
    differing = Counter[int]()
    for frame, stored in enumerate(stored_frames(segmentation)):
        number = int(frames.segment_numbers[frame])
        differing[number] += expected.count_differing(stored, number, planes, frame)
    for number, count in sorted(differing.items()):
        if count:
            whose = f"segment {number}" if number else "the segments"
            yield _finding("voxels_differ", f"{count} pixels of {whose}, read back, differ from the voxels they lie on")


def _check_complete(
    frames: WrittenFrames, slices: list[int], source: SourceStack, expected: ExpectedPixels, numbers: list[int]
) -> Iterator[Finding]:
    """Every source slice where a segment is has its frame, once; and every voxel lies on a source slice."""
    found = Counter(zip(map(int, frames.segment_numbers), slices, strict=True))
    twice = sum(1 for count in found.values() if count > 1)
    if twice:
        yield _finding("duplicate_frames", f"{twice} times more than one frame shows a segment on one source slice")
    planes = _source_planes(source, expected.segments)
    for number in numbers:
        missing = [
            index
            for index in range(len(source.slices))
            if (number, index) not in found and expected.has_voxels(number, planes, index)
        ]
        if missing:
            whose = f"segment {number}" if number else "the segments"
            yield _finding(
                "missing_frames",
                f"{whose} has no frame on {len(missing)} source slices (first: {missing[0]}) where it has voxels",
            )
    if source.origin_index is None and not _is_covered(planes, expected.segments):
        yield _finding("missing_frames", "the source slices, one by one, do not lie on the planes of the segments")


def _source_planes(source: SourceStack, segments: Segments) -> Planes:
    count = len(source.slices)
    return planes_on_grid(
        segments.affine_ras,
        source.positions_lps_mm,
        np.tile(np.concatenate([source.row_direction, source.column_direction]), (count, 1)),
        np.tile([source.row_spacing_mm, source.column_spacing_mm], (count, 1)),
        (source.rows, source.columns),
    )


def _is_covered(planes: Planes, segments: Segments) -> bool:
    """Whether the planes are the planes of the grid, each once."""
    return segments.shape[:2] == (planes.columns, planes.rows) and planes.offsets == [
        ((0, 0, k),) for k in range(segments.shape[2])
    ]


def _finding(name: str, message: str) -> Finding:
    return Finding(name=name, output="seg", message=message)
