"""Implicit shapes: signed functions of a point, negative inside, in reference millimetres (see ``canvas``).

The values are approximate distances, exact enough for shells of a few millimetres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Field: TypeAlias = "NDArray[np.float32]"
Point: TypeAlias = "tuple[float, float, float]"


@dataclass(frozen=True, kw_only=True)
class Ellipsoid:
    """An ellipsoid, turned about the axes of the body.

    Attributes:
        centre: Reference mm, LPS.
        radii: Semi-axes before turning, mm.
        roll_deg: Turn about z, from patient left towards posterior.
        pitch_deg: Turn about y, from head towards patient left.
    """

    centre: Point
    radii: Point
    roll_deg: float = 0.0
    pitch_deg: float = 0.0

    def distance(self, points: Sequence[Field]) -> Field:
        """Signed distance of ``points`` (x, y, z arrays of one shape, reference mm), negative inside."""
        x, y, z = (axis - np.float32(c) for axis, c in zip(points, self.centre, strict=True))
        if self.roll_deg:
            c, s = _cos_sin(self.roll_deg)
            x, y = c * x + s * y, c * y - s * x
        if self.pitch_deg:
            c, s = _cos_sin(self.pitch_deg)
            x, z = c * x - s * z, c * z + s * x
        scaled = np.sqrt(sum((axis / np.float32(r)) ** 2 for axis, r in zip((x, y, z), self.radii, strict=True)))
        return (scaled - 1) * np.float32(min(self.radii))

    @property
    def reach_mm(self) -> float:
        """Radius of the sphere around the centre that holds the shape, in mm."""
        return max(self.radii)


@dataclass(frozen=True, kw_only=True)
class Capsule:
    """A straight tube with round ends from ``start`` to ``end``, in reference mm, LPS."""

    start: Point
    end: Point
    radius: float

    def distance(self, points: Sequence[Field]) -> Field:
        """Signed distance of ``points`` (x, y, z arrays of one shape, reference mm), negative inside."""
        axis = np.subtract(self.end, self.start).astype(np.float32)
        offsets = [p - np.float32(s) for p, s in zip(points, self.start, strict=True)]
        along = sum(o * a for o, a in zip(offsets, axis, strict=True)) / np.float32(axis @ axis)
        along = np.clip(along, 0, 1)
        gap = np.sqrt(sum((o - along * a) ** 2 for o, a in zip(offsets, axis, strict=True)))
        return gap - np.float32(self.radius)

    @property
    def centre(self) -> Point:
        """Middle of the tube, reference mm, LPS."""
        x, y, z = np.add(self.start, self.end) / 2
        return float(x), float(y), float(z)

    @property
    def reach_mm(self) -> float:
        """Radius of the sphere around the centre that holds the shape, in mm."""
        return float(np.linalg.norm(np.subtract(self.end, self.start))) / 2 + self.radius


def superellipse(x: Field, y: Field, radii: tuple[float, float], power: float = 2.4) -> Field:
    """Signed distance to a cylinder along z whose cross section lies between an ellipse and a box, in mm."""
    ratio = (np.abs(x / np.float32(radii[0])) ** np.float32(power)) + (
        np.abs(y / np.float32(radii[1])) ** np.float32(power)
    )
    return (ratio ** np.float32(1 / power) - 1) * np.float32(min(radii))


def smooth_union(first: Field, second: Field, blend_mm: float) -> Field:
    """Union of two shapes with a rounded seam of about ``blend_mm``."""
    share = np.clip(np.float32(0.5) + (second - first) / np.float32(2 * blend_mm), 0, 1)
    return second + (first - second) * share - np.float32(blend_mm) * share * (1 - share)


def _cos_sin(angle_deg: float) -> tuple[np.float32, np.float32]:
    angle = np.deg2rad(angle_deg)
    return np.float32(np.cos(angle)), np.float32(np.sin(angle))
