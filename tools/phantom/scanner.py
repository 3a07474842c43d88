"""The scanner: the grid of the slices, the table, the blur and the noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tools.phantom.canvas import Canvas
    from tools.phantom.shapes import Field, Point

NOISE_HU = (8.0, 25.0)
"""Range of the standard deviation of the noise in a voxel."""

HU_LIMITS = (-1024, 3071)
"""What a CT with 12 bits stores at slope 1 and intercept -1024."""

BLUR_MM = 0.6
"""Standard deviation of the in-plane point spread."""


@dataclass(frozen=True, kw_only=True)
class Pose:
    """How the patient lies in the scanner.

    Attributes:
        scale: Size relative to the reference body along x, y, z.
        centre: Where the origin of the reference body lies, patient mm, LPS.
        roll_deg: Turn about z.
        yaw_deg: Turn about y.
    """

    scale: NDArray[np.float64]
    centre: Point
    roll_deg: float
    yaw_deg: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Pose:
        """A random pose; the median plane stays near x = 0, as a technician centres the patient."""
        return cls(
            scale=rng.uniform(0.9, 1.12) * rng.uniform(0.95, 1.05, size=3),
            centre=(0.0, float(rng.integers(-180, -120)), float(rng.integers(-900, 100))),
            roll_deg=rng.uniform(-6, 6),
            yaw_deg=rng.uniform(-3, 3),
        )

    def patient_to_reference(self) -> NDArray[np.float64]:
        """From patient mm (LPS) to reference mm, shape ``(4, 4)``."""
        roll, yaw = np.deg2rad([self.roll_deg, self.yaw_deg])
        turn_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
        turn_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
        matrix = np.eye(4)
        matrix[:3, :3] = np.diag(1 / self.scale) @ turn_z @ turn_y
        matrix[:3, 3] = -matrix[:3, :3] @ np.asarray(self.centre)
        return matrix


def slice_affine(
    shape: tuple[int, int, int], spacing_mm: Point, middle: NDArray[np.float64], oblique_deg: float
) -> NDArray[np.float64]:
    """From (column, row, slice) index to patient mm, LPS, shape ``(4, 4)``.

    Args:
        shape: Columns, rows, slices.
        spacing_mm: Distance of columns, of rows and of slices.
        middle: Patient mm (LPS) of the middle of the grid, shape ``(3,)``.
        oblique_deg: Turn of the slices about the x axis.
    """
    c, s = np.cos(np.deg2rad(oblique_deg)), np.sin(np.deg2rad(oblique_deg))
    affine = np.eye(4)
    affine[:3, :3] = np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) * np.asarray(spacing_mm)
    corner = middle - affine[:3, :3] @ ((np.asarray(shape) - 1) / 2)
    affine[:3, 3] = np.round(corner, 3)
    return affine


def add_table(canvas: Canvas, affine_lps: NDArray[np.float64], top_mm: float, rng: np.random.Generator) -> None:
    """A curved table of carbon fibre and foam behind the patient; ``top_mm`` is its y in patient mm at x = 0."""
    i, j, k = np.ogrid[tuple(slice(n) for n in canvas.shape)]
    x, y = (row[0] * i + row[1] * j + row[2] * k + row[3] for row in affine_lps[:2])
    radius = rng.uniform(350, 700)
    thick = rng.uniform(22, 42)
    half_width = rng.uniform(190, 230)
    depth = (y - top_mm + x**2 / (2 * radius)).astype(np.float32)
    outside = (canvas.hu == -1000) & (np.abs(x) < half_width)
    canvas.hu[outside & (depth > 0) & (depth < thick)] = rng.uniform(-960, -880)
    skin = (np.abs(depth - 1.5) < 1.5) | (np.abs(depth - thick) < 1.5)
    canvas.hu[outside & skin] = rng.uniform(-450, -150)


def expose(hu: Field, spacing_mm: float, noise_hu: float | None, rng: np.random.Generator) -> NDArray[np.int16]:
    """What the scanner stores: blurred in the plane, with correlated noise, int16 HU.

    Args:
        hu: Tissue HU, axes (column, row, slice).
        spacing_mm: In-plane spacing.
        noise_hu: Standard deviation of the noise; None draws one.
        rng: Source of the noise.
    """
    blur = (BLUR_MM / spacing_mm, BLUR_MM / spacing_mm, 0)
    sigma = rng.uniform(*NOISE_HU) if noise_hu is None else noise_hu
    grain = rng.uniform(0.4, 0.8)
    circle = rng.uniform() < 0.35
    noise = gaussian_filter(rng.standard_normal(hu.shape, dtype=np.float32), (grain, grain, 0), truncate=3)
    noise *= np.float32(sigma) / max(float(noise.std()), 1e-6)
    image = gaussian_filter(hu, blur, truncate=3) + noise
    if circle:
        image[_outside_circle(hu.shape[:2])] = HU_LIMITS[0]
    return np.clip(np.rint(image), *HU_LIMITS).astype(np.int16)


def _outside_circle(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    i, j = np.ogrid[: shape[0], : shape[1]]
    middle = (np.asarray(shape) - 1) / 2
    return np.hypot(i - middle[0], j - middle[1]) > shape[0] * 0.505
