"""Proof that a written segmentation says what the label map says, from the file alone."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom import dcmread
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.grid import LPS_FROM_RAS
from clara_stages.dicom_writer.label_map import LabelMap
from clara_stages.dicom_writer.source_series import SourceSeries
from clara_stages.kit import BadInputError

Point = npt.NDArray[np.float64]

POSITION_TOLERANCE_MM = 0.01
"""Largest distance between a frame and the source slice it refers to: decimal strings of 16 characters round finer,
and no scanner moves in smaller steps."""

FAR_CORNER_VOXELS = 0.2
"""Largest distance between the far corner of a frame and the label map's, both seen from their first pixel; what
grid.py allows, and the rounding of decimal strings."""

_REMEDY = "this is a fault of dicom_writer or of the disk, not of the study: nothing was written; report it"


def check_segmentation(path: Path, labels: LabelMap, source: SourceSeries) -> int:
    """Read a segmentation back and compare it with the label map voxel by voxel.

    The grid is rebuilt from the file's own positions, orientation and spacing and the label map's affine, so a flipped
    or shifted result cannot pass.

    Args:
        path: A DICOM SEG of type BINARY.
        labels: What it must hold.
        source: What its frames must refer to.

    Returns:
        The number of frames.

    Raises:
        BadInputError: A frame lies off the grid or refers to another slice, or a voxel differs.
    """
    segmentation = dcmread(path)
    frames = segmentation.pixel_array.reshape(-1, int(segmentation.Rows), int(segmentation.Columns))
    groups = segmentation.PerFrameFunctionalGroupsSequence
    if len(groups) != len(frames):
        raise BadInputError(f"the segmentation has {len(frames)} frames, {len(groups)} described", remedy=_REMEDY)
    value_of = {label.segment_number: label.value for label in labels.table.labels}
    rebuilt = np.zeros_like(labels.values)
    for number, (frame, group) in enumerate(zip(frames, groups, strict=True), start=1):
        k = _slice_index(segmentation, group, labels, number)
        _check_reference(group, source, k, number)
        value = value_of[_segment_number(segmentation, group)]
        rebuilt[..., k][frame.T.astype(bool)] = value
    differing = int(np.count_nonzero(rebuilt != labels.values))
    if differing:
        raise BadInputError(
            f"the segmentation, read back, differs from labels.nii in {differing} voxels of {rebuilt.size}",
            remedy=_REMEDY,
        )
    return len(frames)


def _segment_number(segmentation: Dataset, group: Dataset) -> int:
    holder = group if "SegmentIdentificationSequence" in group else segmentation.SharedFunctionalGroupsSequence[0]
    return int(holder.SegmentIdentificationSequence[0].ReferencedSegmentNumber)


def _slice_index(segmentation: Dataset, group: Dataset, labels: LabelMap, number: int) -> int:
    """The k of the label map's slice nearest to a frame, which must be turned and scaled as the map is."""
    to_index = np.linalg.inv(LPS_FROM_RAS @ labels.affine_ras)
    origin, far_corner = _frame_extent_lps_mm(segmentation, group)
    start = to_index[:3, :3] @ origin + to_index[:3, 3]
    ni, nj, nk = labels.values.shape
    k = round(float(start[2]))
    off_corner = float(np.abs(to_index[:3, :3] @ (far_corner - origin) - (ni - 1, nj - 1, 0)).max())
    if not 0 <= k < nk or off_corner > FAR_CORNER_VOXELS:
        raise BadInputError(
            f"frame {number} lies at slice {k} of the label map's {nk} and ends {off_corner:.3f} voxels off its "
            f"corner, at most {FAR_CORNER_VOXELS} allowed",
            remedy=_REMEDY,
        )
    return k


def _frame_extent_lps_mm(segmentation: Dataset, group: Dataset) -> tuple[Point, Point]:
    """Centres of the first and the last pixel of a frame, LPS (PS3.3 equation C.7.6.2.1-1)."""
    shared = segmentation.SharedFunctionalGroupsSequence[0]
    orientation = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, dtype=np.float64)
    row_spacing_mm, column_spacing_mm = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    across = orientation[:3] * column_spacing_mm * (int(segmentation.Columns) - 1)
    down = orientation[3:] * row_spacing_mm * (int(segmentation.Rows) - 1)
    origin = np.array(group.PlanePositionSequence[0].ImagePositionPatient, dtype=np.float64)
    return origin, origin + across + down


def _check_reference(group: Dataset, source: SourceSeries, k: int, number: int) -> None:
    """The frame refers to exactly the source instance of slice ``k``, which lies at the frame's own position."""
    items = [item for derivation in group.DerivationImageSequence for item in derivation.SourceImageSequence]
    found = [str(item.ReferencedSOPInstanceUID) for item in items]
    expected = str(source.instances[k].SOPInstanceUID)
    position = np.array(group.PlanePositionSequence[0].ImagePositionPatient, dtype=np.float64)
    distance_mm = float(np.linalg.norm(position - source.positions_lps_mm[k]))
    if found != [expected] or distance_mm > POSITION_TOLERANCE_MM:
        raise BadInputError(
            f"frame {number} refers to {len(found)} source instance(s), expected the one of slice {k}, and lies "
            f"{distance_mm:.4f} mm from it, at most {POSITION_TOLERANCE_MM} mm allowed",
            remedy=_REMEDY,
        )
