"""Where the pixels of frames lie on the grid of a volume, from positions, directions and spacings alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_writer.inputs.source_stack import LPS_FROM_RAS

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Offset = tuple[int, int, int]

TIE = 1e-3
"""An index this near to a half belongs to both voxels: NIfTI holds an affine in 32 bits, DICOM positions in 16
characters, and neither may decide."""


@dataclass(frozen=True, kw_only=True)
class Planes:
    """Planes of pixels on a grid of voxels.

    Attributes:
        origins: Voxel index ``(i, j, k)`` of each first pixel, shape ``(planes, 3)``.
        along_rows: Change of voxel index to the next column, shape ``(planes, 3)``.
        down_columns: Change of voxel index to the next row, shape ``(planes, 3)``.
        rows: Of every plane.
        columns: Of every plane.
    """

    origins: Floats
    along_rows: Floats
    down_columns: Floats
    rows: int
    columns: int

    @cached_property
    def offsets(self) -> list[tuple[Offset, ...]]:
        """The shifts by which a whole plane lies on the grid: pixel ``(c, r)`` on voxel ``(c, r, 0) + shift``.

        For each plane one, several where all its pixels lie midway between voxels, none where the plane is turned or
        scaled against the grid. Indices are linear in a plane: what holds for its four corners holds for every pixel.
        """
        corners = np.stack(
            [
                self.origins + column * (self.along_rows - (1, 0, 0)) + row * (self.down_columns - (0, 1, 0))
                for column in (0, self.columns - 1)
                for row in (0, self.rows - 1)
            ]
        )
        lower = np.floor(corners + 0.5 - TIE).astype(np.int64)
        upper = np.floor(corners + 0.5 + TIE).astype(np.int64)
        is_shift = (lower == lower[0]).all(axis=(0, 2)) & (upper == upper[0]).all(axis=(0, 2))
        return [
            _between(low, high) if shifted else ()
            for low, high, shifted in zip(lower[0], upper[0], is_shift, strict=True)
        ]

    def pick(self, values: npt.NDArray[Any], plane: int) -> Iterator[npt.NDArray[Any]]:
        """The nearest voxel's value for every pixel of one plane, shape ``(rows, columns)``; 0 outside the grid.

        More than once where pixels lie midway between voxels, each time with other ones of these.

        Args:
            values: Shape ``(i, j, k)``.
            plane: Which of the planes.
        """
        if not self.offsets[plane]:
            yield from self._pick_each(values, plane)
        for i, j, k in self.offsets[plane]:
            if min(i, j, k) >= 0 and np.all(np.array([i + self.columns, j + self.rows, k + 1]) <= values.shape):
                yield values[i : i + self.columns, j : j + self.rows, k].T
            else:
                columns, rows = np.meshgrid(np.arange(self.columns), np.arange(self.rows))
                yield _at(values, np.stack([columns + i, rows + j, np.full_like(rows, k)]))

    def _pick_each(self, values: npt.NDArray[Any], plane: int) -> Iterator[npt.NDArray[Any]]:
        columns, rows = np.meshgrid(np.arange(self.columns), np.arange(self.rows))
        along, down = self.along_rows[plane], self.down_columns[plane]
        index = self.origins[plane] + columns[..., None] * along + rows[..., None] * down
        for nudge in product((0.0, -TIE, TIE), repeat=3):
            yield _at(values, np.moveaxis(np.floor(index + 0.5 + nudge).astype(np.int64), -1, 0))


def planes_on_grid(
    affine_ras: Floats, positions_lps_mm: Floats, orientations: Floats, spacings_mm: Floats, shape: tuple[int, int]
) -> Planes:
    """Planes in the patient as planes on a grid (PS3.3 equation C.7.6.2.1-1).

    Args:
        affine_ras: ``(i, j, k, 1)`` of the grid to RAS mm, shape ``(4, 4)``.
        positions_lps_mm: Of each first pixel, shape ``(planes, 3)``.
        orientations: Direction of rows, then of columns, LPS, shape ``(planes, 6)``.
        spacings_mm: Between rows, then between columns, shape ``(planes, 2)``.
        shape: Rows and columns of every plane.
    """
    to_index = np.linalg.inv(LPS_FROM_RAS @ affine_ras)
    turn = to_index[:3, :3].T
    return Planes(
        origins=positions_lps_mm @ turn + to_index[:3, 3],
        along_rows=(orientations[:, :3] * spacings_mm[:, 1:]) @ turn,
        down_columns=(orientations[:, 3:] * spacings_mm[:, :1]) @ turn,
        rows=shape[0],
        columns=shape[1],
    )


def _between(low: Integers, high: Integers) -> tuple[Offset, ...]:
    choices = [sorted({int(first), int(last)}) for first, last in zip(low, high, strict=True)]
    return tuple((i, j, k) for i, j, k in product(*choices))


def _at(values: npt.NDArray[Any], index: Integers) -> npt.NDArray[Any]:
    """Values at indices of shape ``(3, rows, columns)``, 0 outside."""
    limits = np.array(values.shape)[:, None, None]
    inside = ((index >= 0) & (index < limits)).all(axis=0)
    i, j, k = np.clip(index, 0, limits - 1)
    picked: npt.NDArray[Any] = np.where(inside, values[i, j, k], values.dtype.type(0))
    return picked
