"""A box in the patient frame -> a box of voxels. Pure."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from clara_stages.kit import BadInputError

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""DICOM counts towards left and posterior, NIfTI towards right and anterior."""

_EDGE_SLACK = 1e-6
"""In voxels: a region that ends exactly on a voxel's edge does not reach into the next voxel."""


@dataclass(frozen=True, kw_only=True)
class VoxelBox:
    """A box of whole voxels: ``start`` is inside, ``stop`` is not; axes i, j, k."""

    start: tuple[int, int, int]
    stop: tuple[int, int, int]

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """The box as an index of an array [i, j, k]."""
        first, second, third = (slice(low, high) for low, high in zip(self.start, self.stop, strict=True))
        return first, second, third

    def affine(self, whole: NDArray[np.float64]) -> NDArray[np.float64]:
        """The affine of the box, from that of the whole grid; shape (4, 4)."""
        moved = whole.copy()
        moved[:3, 3] = (whole @ np.array([*self.start, 1.0]))[:3]
        return moved


def voxel_box(region_lps_mm: list[float], shape: tuple[int, ...], affine_ras: NDArray[np.float64]) -> VoxelBox:
    """The smallest box of whole voxels around a region, cut to the grid.

    Args:
        region_lps_mm: x0, x1, y0, y1, z0, z1 in the patient frame (LPS, mm).
        shape: Voxels along i, j, k.
        affine_ras: (i, j, k, 1) of a voxel centre -> RAS mm.

    Raises:
        BadInputError: Not six finite numbers in order, or the region does not touch the volume.
    """
    if len(region_lps_mm) != 6 or not np.all(np.isfinite(region_lps_mm)):
        raise BadInputError(f"region_lps_mm is {region_lps_mm}, expected six numbers", remedy="x0, x1, y0, y1, z0, z1")
    ranges = np.asarray(region_lps_mm, float).reshape(3, 2)
    for name, (low, high) in zip("xyz", ranges, strict=True):
        if low >= high:
            raise BadInputError(
                f"region_lps_mm has {name}0 = {low:g} and {name}1 = {high:g}, expected {name}0 < {name}1",
                remedy="give x0, x1, y0, y1, z0, z1 with the smaller number first",
            )
    corners = np.array([[*corner, 1.0] for corner in product(*ranges)])
    voxels = (np.linalg.inv(LPS_TO_RAS @ affine_ras) @ corners.T)[:3]
    low = np.floor(voxels.min(axis=1) + 0.5 + _EDGE_SLACK).astype(int)
    high = np.ceil(voxels.max(axis=1) + 0.5 - _EDGE_SLACK).astype(int)
    start, stop = np.maximum(low, 0), np.minimum(high, shape[:3])
    if np.any(start >= stop):
        raise BadInputError(
            f"the region {_extent(ranges)} mm lies outside the volume, which spans "
            f"{_extent(_span(shape, affine_ras))} mm (LPS)",
            remedy="give a region inside the volume",
        )
    return VoxelBox(
        start=(int(start[0]), int(start[1]), int(start[2])), stop=(int(stop[0]), int(stop[1]), int(stop[2]))
    )


def _span(shape: tuple[int, ...], affine_ras: NDArray[np.float64]) -> NDArray[np.float64]:
    corners = np.array([[*corner, 1.0] for corner in product(*((-0.5, size - 0.5) for size in shape[:3]))])
    points = (LPS_TO_RAS @ affine_ras @ corners.T)[:3]
    return np.stack([points.min(axis=1), points.max(axis=1)], axis=1)


def _extent(ranges: NDArray[np.float64]) -> str:
    return ", ".join(f"{name} {low:.1f}..{high:.1f}" for name, (low, high) in zip("xyz", ranges, strict=True))
