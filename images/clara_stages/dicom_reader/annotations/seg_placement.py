"""Where the frames of a SEG lie in a volume: which slice, and which pixel of the frame each pixel of the slice is."""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_reader.annotations.annotation import Annotation, SegFrame, SegHeader
from clara_stages.dicom_reader.annotations.target_grid import TargetGrid
from clara_stages.kit import BadInputError

PIXEL_PART = 0.1
"""Pixels of frame and slice are the same where they lie within this part of a pixel: headers round positions."""

THICKER_PART = 1.5
"""A SEG whose slices are this much farther apart than those of the series was drawn on another one: the slices
between its own would stay empty."""

_REMEDY = "select the series that the segmentation was drawn on, or resample the segmentation to this one"

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class PlacedFrame:
    """A frame that lies in the volume.

    Attributes:
        index: 0-based, in the pixel data.
        slices: The slices k that it is painted on.
        to_frame: Shape ``(2, 3)``: ``(i, j, 1)`` of a slice to (column, row) of the frame.
    """

    index: int
    slices: tuple[int, ...]
    to_frame: Floats


def place_frames(annotation: Annotation, header: SegHeader, grid: TargetGrid) -> tuple[list[PlacedFrame], list[str]]:
    """The frames that lie in the volume, and notes.

    The position of a frame decides; a frame without one is placed by the image it refers to.

    Raises:
        BadInputError: Planes lie between slices or across them, or the frames say nothing of where they lie.
    """
    index = grid.to_index(annotation.planes_lps_mm)
    known: npt.NDArray[np.bool_] = np.asarray(np.isfinite(index).all(axis=(1, 2)))
    sources, notes = _slices_of(header, index, known, grid)
    _refuse_thicker(annotation, header, grid)
    placed = []
    for frame, source in zip(header.frames, sources.tolist(), strict=True):
        slices = grid.targets.get(source, ()) if source >= 0 else ()
        if slices:
            to_frame = _map_of(index[frame.index], header) if known[frame.index] else _reference_map(source, grid)
            placed.append(PlacedFrame(index=frame.index, slices=slices, to_frame=to_frame))
    if not placed:
        raise BadInputError(f"none of the {len(header.frames)} frames lies in the volume", remedy=_REMEDY)
    return placed, notes + _grid_notes(placed, header, grid)


def _slices_of(
    header: SegHeader, index: Floats, known: npt.NDArray[np.bool_], grid: TargetGrid
) -> tuple[npt.NDArray[np.intp], list[str]]:
    """The source slice of each frame, -1 outside of the volume."""
    numbers = _slice_numbers(grid)
    by_reference = np.array([_referenced_slice(frame, numbers) for frame in header.frames], dtype=np.intp)
    sources = by_reference.copy()
    notes = []
    if known.any():
        sources[known], outside = _slices_at(index[known][..., 2], grid)
        if outside:
            notes.append(f"{outside} of {len(header.frames)} frames lie outside of the volume and are left out")
        differing = int((known & (by_reference >= 0) & (sources != by_reference)).sum())
        if differing:
            notes.append(
                f"{differing} frames refer to another slice than the one they lie on; their position was taken"
            )
    if not known.all():
        _check_reference_placement(header, sources[~known], grid)
        notes.append(f"{int((~known).sum())} frames without a position are placed by the image they refer to")
    return sources, notes


def _slices_at(depth: Floats, grid: TargetGrid) -> tuple[npt.NDArray[np.intp], int]:
    """The source slice of each plane, -1 outside, from the depth of three points ``(n, 3)``; how many are outside."""
    tolerance, middle = grid.plane_tolerance, depth.mean(axis=1)
    across = np.ptp(depth, axis=1)
    if (across > 2 * tolerance).any():
        raise BadInputError(
            f"{int((across > 2 * tolerance).sum())} of {len(depth)} frames lie across the slices of the series (up to "
            f"{across.max() * grid.gap_mm:.2f} mm from one edge to the other)",
            remedy=_REMEDY,
        )
    nearest, away = grid.nearest_slice(middle)
    outside = grid.is_outside(middle, tolerance)
    between = ~outside & (away > tolerance)
    if between.any():
        raise BadInputError(
            f"{int(between.sum())} of {len(depth)} frames lie between the slices of the series, up to "
            f"{away[between].max() * grid.gap_mm:.2f} mm from the nearest; slices are {grid.gap_mm:.2f} mm apart",
            remedy=_REMEDY,
        )
    return np.where(outside, -1, nearest), int(outside.sum())


def _slice_numbers(grid: TargetGrid) -> dict[tuple[str, int | None], int]:
    """Instance and frame -> source slice; the instance alone (None) where the volume has one frame of it."""
    frames = Counter(item.sop_instance_uid for item in grid.slices)
    numbers = {(item.sop_instance_uid, item.frame): number for number, item in enumerate(grid.slices)}
    alone: dict[tuple[str, int | None], int] = {
        (uid, None): numbers[uid, frame] for uid, frame in numbers if frames[uid] == 1
    }
    return {**alone, **numbers}


def _referenced_slice(frame: SegFrame, numbers: dict[tuple[str, int | None], int]) -> int:
    """The slice that a frame refers to, or -1; the first reference that is in the volume counts."""
    for uid, number in frame.sources:
        found = numbers.get((uid, number), numbers.get((uid, None)))
        if found is not None:
            return found
    return -1


def _check_reference_placement(header: SegHeader, sources: npt.NDArray[np.intp], grid: TargetGrid) -> None:
    if (sources < 0).any():
        raise BadInputError(
            f"{int((sources < 0).sum())} frames have neither a position nor a reference to an image of the series",
            remedy="export the segmentation again, with Plane Position and Plane Orientation",
        )
    if grid.source_origin_index is None and (header.columns, header.rows) != grid.shape[:2]:
        raise BadInputError(
            f"frames without a position have {header.columns} x {header.rows} pixels, the slices they refer to have "
            f"{grid.shape[0]} x {grid.shape[1]}",
            remedy="export the segmentation again, with Plane Position and Plane Orientation",
        )


def _refuse_thicker(annotation: Annotation, header: SegHeader, grid: TargetGrid) -> None:
    """Refuse slices that are farther apart, unless the object refers to images of this very series."""
    if set(annotation.referenced_instances) & {item.sop_instance_uid for item in grid.slices}:
        return
    gaps = [frame.slice_spacing_mm for frame in header.frames if frame.slice_spacing_mm]
    if gaps and len(grid.slices) > 1 and min(gaps) > THICKER_PART * grid.gap_mm:
        raise BadInputError(
            f"the slices of the segmentation are {min(gaps):.2f} mm apart, those of the series {grid.gap_mm:.2f} mm: "
            "it was drawn on another series",
            remedy=_REMEDY,
        )


def _map_of(index: Floats, header: SegHeader) -> Floats:
    """From three points of a frame in index coordinates, shape ``(3, 3)``."""
    origin = index[0, :2]
    steps = np.column_stack([(index[1, :2] - origin) / header.columns, (index[2, :2] - origin) / header.rows])
    if abs(np.linalg.det(steps)) < np.finfo(np.float64).eps:
        raise BadInputError("the rows and columns of a frame run in one direction", remedy="export it again")
    inverse = np.linalg.inv(steps)
    return _tidy(np.column_stack([inverse, -inverse @ origin]), (header.columns, header.rows))


def _reference_map(source: int, grid: TargetGrid) -> Floats:
    if grid.source_origin_index is None:
        return np.eye(2, 3)
    return np.column_stack([np.eye(2), -np.asarray(grid.source_origin_index[source][:2], dtype=np.float64)])


def _tidy(to_frame: Floats, size: tuple[int, int]) -> Floats:
    """The map with whole numbers, where that moves no pixel of the frame by more than ``PIXEL_PART``."""
    whole = np.rint(to_frame)
    corners = np.array([[c, r, 1] for c in (0, size[0] - 1) for r in (0, size[1] - 1)], dtype=np.float64)
    moved = np.abs(corners @ (to_frame - whole).T).max()
    is_turn = abs(round(float(np.linalg.det(whole[:, :2])))) == 1
    return whole if is_turn and moved <= PIXEL_PART else to_frame


def _grid_notes(placed: list[PlacedFrame], header: SegHeader, grid: TargetGrid) -> list[str]:
    kinds = Counter(_kind_of(item.to_frame, header, grid) for item in placed)
    notes = []
    if kinds["resampled"]:
        step = 1 / np.linalg.norm(placed[0].to_frame[:, :2], axis=0)
        notes.append(
            f"{kinds['resampled']} frames of {header.columns} x {header.rows} pixels lie on another pixel grid than "
            f"the slices of {grid.shape[0]} x {grid.shape[1]} (a frame's pixel is {step[0]:.3g} x {step[1]:.3g} of "
            "theirs); each pixel of a slice took the nearest of the frame"
        )
    if kinds["moved"]:
        notes.append(
            f"{kinds['moved']} frames cover another part of the slice or run in another direction; pixels were "
            "taken one by one, none was resampled"
        )
    return notes


def _kind_of(to_frame: Floats, header: SegHeader, grid: TargetGrid) -> str:
    if np.array_equal(to_frame, np.eye(2, 3)) and (header.columns, header.rows) == grid.shape[:2]:
        return "same"
    if grid.source_origin_index is not None and np.abs(to_frame[:, :2] - np.eye(2)).max() < PIXEL_PART / max(
        grid.shape
    ):
        return "same"
    return "moved" if np.array_equal(to_frame, np.rint(to_frame)) else "resampled"


def lay_on_slice(values: npt.NDArray[Any], to_frame: Floats, grid: TargetGrid) -> npt.NDArray[Any]:
    """The values of a frame ``[row, column]`` on a slice ``[j, i]``: of the nearest pixel, 0 beyond the frame."""
    columns, rows = grid.shape[:2]
    if values.shape == (rows, columns) and np.array_equal(to_frame, np.eye(2, 3)):
        return values
    flat, inside = _gather(tuple(to_frame.ravel().tolist()), values.shape, (rows, columns))
    laid = values.ravel()[flat]
    laid[~inside] = 0
    return laid


def leaves_slice(values: npt.NDArray[Any], to_frame: Floats, grid: TargetGrid) -> bool:
    """Whether the frame ``[row, column]`` has a value other than 0 at a pixel beyond the edge of the slice."""
    columns, rows = grid.shape[:2]
    if values.shape == (rows, columns) and np.array_equal(to_frame, np.eye(2, 3)):
        return False
    row, column = np.nonzero(values)
    place = np.linalg.solve(to_frame[:, :2], np.vstack([column, row]) - to_frame[:, 2:])
    size = np.array([[columns], [rows]])
    return bool(((place < -0.5 - PIXEL_PART) | (place > size - 0.5 + PIXEL_PART)).any())


@lru_cache(maxsize=4)
def _gather(
    to_frame: tuple[float, ...], frame_shape: tuple[int, int], slice_shape: tuple[int, int]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """For each pixel of a slice the flat index of the nearest pixel of the frame, and whether there is one."""
    matrix = np.array(to_frame).reshape(2, 3)
    j, i = np.indices(slice_shape, dtype=np.float64)
    column, row = (_nearest(part[0] * i + part[1] * j + part[2]) for part in matrix)
    inside = (column >= 0) & (column < frame_shape[1]) & (row >= 0) & (row < frame_shape[0])
    return np.where(inside, row * frame_shape[1] + column, 0), inside


def _nearest(place: Floats) -> npt.NDArray[np.intp]:
    """The nearest pixel; one far beyond any frame becomes a number that an integer can hold."""
    return np.clip(np.floor(place + 0.5), -1, np.iinfo(np.int32).max).astype(np.intp)
