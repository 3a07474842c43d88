"""Where an anatomy is painted: one grid of voxels, its reference coordinates, its HU and its labels.

Reference coordinates are millimetres in a body of standard size, axes as in DICOM (LPS: x to the patient's left, y to
the back, z to the head), origin in the middle of the abdominal cavity at the height of the liver. Size, rotation and a
smooth random deformation lie between them and the voxels, so one description of an organ serves every body and grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tools.phantom.shapes import Capsule, Ellipsoid, Field, Point

Box: TypeAlias = "tuple[slice, slice, slice]"

DEFORMATION_LIMIT_MM = 16.0
"""Added around a shape when its voxels are looked up: the deformation moves no point further."""


@dataclass(frozen=True, kw_only=True)
class Waves:
    """A smooth random field: a sum of plane waves, the same at every resolution.

    Attributes:
        vectors: Wave vectors in radians per reference mm, shape ``(n, 3)``.
        phases: Radians, shape ``(n,)``.
        amplitudes: In the unit of the field, shape ``(n,)``.
    """

    vectors: NDArray[np.float64]
    phases: NDArray[np.float64]
    amplitudes: NDArray[np.float64]

    @classmethod
    def draw(cls, rng: np.random.Generator, wavelengths_mm: tuple[float, float], rms: float, count: int = 14) -> Waves:
        """Waves of random direction whose sum has the root mean square ``rms``; long waves are the stronger ones."""
        length = rng.uniform(*wavelengths_mm, size=count)
        direction = rng.normal(size=(count, 3))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        weight = length * rng.uniform(0.5, 1.0, size=count)
        amplitudes = weight * rms * np.sqrt(2 / np.sum(weight**2))
        return cls(
            vectors=direction * (2 * np.pi / length)[:, None],
            phases=rng.uniform(0, 2 * np.pi, size=count),
            amplitudes=amplitudes,
        )

    def sample(self, index_to_reference: NDArray[np.float64], shape: tuple[int, int, int]) -> Field:
        """The field on a grid, shape ``shape``.

        On a regular grid each wave is a product of three one-dimensional ones, so the sum is one matrix product.
        """
        steps = self.vectors @ index_to_reference[:3, :3]
        start = self.vectors @ index_to_reference[:3, 3] + self.phases
        i, j, k = (np.exp(1j * np.outer(np.arange(n), steps[:, axis])) for axis, n in enumerate(shape))
        k = k * (self.amplitudes * np.exp(1j * start))
        plane = (i[:, None, :] * j[None, :, :]).reshape(-1, len(self.phases))
        left = np.concatenate([plane.real, -plane.imag], axis=1).astype(np.float32)
        right = np.concatenate([k.real, k.imag], axis=1).astype(np.float32)
        return (left @ right.T).reshape(shape)


class Canvas:
    """A grid of voxels to paint on.

    Attributes:
        hu: float32, axes (column, row, slice).
        labels: uint8, the same axes.
        points: Reference coordinates x, y, z of every voxel centre in mm, three float32 arrays of that shape.
    """

    def __init__(self, index_to_reference: NDArray[np.float64], shape: tuple[int, int, int]) -> None:
        self.index_to_reference = index_to_reference
        self.shape = shape
        self.hu = np.full(shape, -1000, np.float32)
        self.labels = np.zeros(shape, np.uint8)
        i, j, k = np.ogrid[tuple(slice(n) for n in shape)]
        self.points: list[Field] = [
            (row[0] * i + row[1] * j + (row[2] * k + row[3])).astype(np.float32) for row in index_to_reference[:3]
        ]

    def deform(self, displacement: tuple[Waves, Waves, Waves]) -> None:
        """Move the reference coordinates by a smooth field (x, y, z in mm)."""
        limit = DEFORMATION_LIMIT_MM * 0.9
        for axis, waves in enumerate(displacement):
            self.points[axis] += np.clip(waves.sample(self.index_to_reference, self.shape), -limit, limit)

    def field(self, waves: Waves) -> Field:
        """A random field on all voxels, float32."""
        return waves.sample(self.index_to_reference, self.shape)

    def box(self, centre: Point, reach_mm: float) -> Box:
        """The voxels that can lie within ``reach_mm`` of ``centre`` (reference mm); may be empty."""
        inverse = np.linalg.inv(self.index_to_reference)
        middle = inverse[:3, :3] @ np.asarray(centre) + inverse[:3, 3]
        half = np.linalg.norm(inverse[:3, :3], axis=1) * (reach_mm + DEFORMATION_LIMIT_MM * np.sqrt(3))
        low = np.clip(np.floor(middle - half), 0, self.shape).astype(int)
        high = np.clip(np.ceil(middle + half) + 1, low, self.shape).astype(int)
        return slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2])

    def within(self, box: Box) -> list[Field]:
        """Reference coordinates of the voxels of ``box``."""
        return [axis[box] for axis in self.points]

    def paint(self, box: Box, where: NDArray[np.bool_], hu: float | NDArray[np.floating[Any]], label: int = 0) -> None:
        """Set HU and label of the voxels of ``box`` chosen by ``where``; an array of HU has the shape of the box."""
        self.hu[box][where] = hu[where] if isinstance(hu, np.ndarray) else hu
        self.labels[box][where] = label

    def paint_shape(self, shape: Ellipsoid | Capsule, hu: float, wall: tuple[float, float] | None = None) -> None:
        """Fill an unlabelled shape; ``wall`` is its thickness in mm and its HU."""
        box = self.box(shape.centre, shape.reach_mm)
        distance = shape.distance(self.within(box))
        if wall is not None:
            self.paint(box, distance < 0, wall[1])
            distance += np.float32(wall[0])
        self.paint(box, distance < 0, hu)
