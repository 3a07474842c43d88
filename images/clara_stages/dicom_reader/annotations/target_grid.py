"""The grid that results of others are laid on: that of a volume, and where its source slices lie in it."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

PLANE_PART = 0.1
"""A plane lies on a slice up to this part of the gap between slices: what the reader accepts as one even stack."""

ROUNDING_MM = 0.1
"""Writers of contours round positions to one decimal."""

ROUNDING_PART = 0.25
"""The allowance for rounding never exceeds this part of the gap: half a gap away is as near to the next slice."""


class SourceSlice(NamedTuple):
    """One slice that the volume was made of; ``frame`` is the 1-based frame number of a multi-frame object."""

    sop_instance_uid: str
    frame: int | None
    position_lps_mm: tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class TargetGrid:
    """A volume's grid.

    Attributes:
        shape: Columns (i), rows (j), slices (k).
        affine_lps: ``(i, j, k, 1)`` to LPS mm, shape ``(4, 4)``.
        frame_of_reference_uid: "" where the series has none.
        study_instance_uid: Of the series.
        series_instance_uid: Of the series.
        slices: The source slices; one for each k, in order, unless ``source_origin_index`` is given.
        source_origin_index: Index coordinates ``(n, 3)`` of the first pixel of each source slice, where the volume was
            resampled: pixel (i, j) of source slice s lies at ``source_origin_index[s] + (i, j, 0)``. None where source
            slice k is slice k.
    """

    shape: tuple[int, int, int]
    affine_lps: Floats = field(compare=False)
    frame_of_reference_uid: str
    study_instance_uid: str
    series_instance_uid: str
    slices: tuple[SourceSlice, ...]
    source_origin_index: Floats | None = field(default=None, compare=False)

    @cached_property
    def gap_mm(self) -> float:
        """Distance between neighbouring slices along the normal; 1 for a single slice without a step."""
        i, j, k = self.affine_lps[:3, :3].T
        normal = np.cross(i, j)
        return abs(float(normal @ k) / float(np.linalg.norm(normal))) or 1.0

    @cached_property
    def depths(self) -> Floats:
        """Where each source slice really lies along k, shape ``(n,)``: an even stack may drift a little."""
        if self.source_origin_index is not None:
            return np.asarray(self.source_origin_index, dtype=np.float64)[:, 2]
        return self.to_index(np.array([item.position_lps_mm for item in self.slices], dtype=np.float64))[:, 2]

    @cached_property
    def plane_tolerance(self) -> float:
        """How far a plane may lie from the slice it is taken to be on, in units of k."""
        return max(PLANE_PART, min(ROUNDING_MM / self.gap_mm, ROUNDING_PART))

    def to_index(self, points_lps_mm: Floats) -> Floats:
        """LPS mm ``(..., 3)`` to index coordinates (i, j, k) of the same shape."""
        inverse = np.linalg.inv(self.affine_lps)
        with np.errstate(over="ignore", invalid="ignore"):  # a header may hold 1e300: infinite is outside as well
            return np.asarray(points_lps_mm @ inverse[:3, :3].T + inverse[:3, 3])

    def nearest_slice(self, depth: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.intp], Floats]:
        """The source slice nearest to each depth along k, and how far away it is, in units of k."""
        order = np.argsort(self.depths, kind="stable")
        ordered = self.depths[order]
        after = np.clip(np.searchsorted(ordered, depth), 0, len(ordered) - 1)
        before = np.clip(after - 1, 0, None)
        nearest = np.where(np.abs(ordered[before] - depth) <= np.abs(ordered[after] - depth), before, after)
        return order[nearest], np.abs(ordered[nearest] - depth)

    @cached_property
    def targets(self) -> dict[int, tuple[int, ...]]:
        """Source slice -> the slices of the grid that it is nearest to: itself, unless the volume was resampled."""
        if self.source_origin_index is None:
            return {index: (index,) for index in range(len(self.slices))}
        nearest, _ = self.nearest_slice(np.arange(self.shape[2], dtype=np.float64))
        return {int(source): tuple(np.flatnonzero(nearest == source).tolist()) for source in np.unique(nearest)}

    def is_outside(self, depth: Floats, tolerance: float) -> npt.NDArray[np.bool_]:
        """Whether a plane lies before the first slice or after the last, and not on them."""
        return np.asarray((depth < self.depths.min() - tolerance) | (depth > self.depths.max() + tolerance))
