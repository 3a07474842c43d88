"""The trunk: skin, fat, muscle wall, ribs, lungs and heart, spine, back muscles, great vessels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tools.phantom.canvas import Waves
from tools.phantom.labels import Label
from tools.phantom.shapes import Capsule, Ellipsoid, superellipse

if TYPE_CHECKING:
    from tools.phantom.canvas import Canvas
    from tools.phantom.shapes import Field
    from tools.phantom.tissue import Tissue

CAVITY_RADII_MM = (125.0, 92.0)
"""Semi-axes of the abdominal cavity of the reference body, to the side and to the front or back."""

EVERYWHERE = (slice(None), slice(None), slice(None))

RIB_PERIOD_MM = 27.0


@dataclass(frozen=True, kw_only=True)
class Build:
    """The build of one body, in reference mm.

    Attributes:
        wall_mm: Thickness of the muscle wall.
        fat_mm: Subcutaneous fat at the sides.
        belly_mm: Subcutaneous fat in front.
        dome_mm: Height of the right diaphragm above the origin.
        rib_end_mm: Height below which there are no ribs.
    """

    wall_mm: float
    fat_mm: float
    belly_mm: float
    dome_mm: float
    rib_end_mm: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Build:
        """A random build."""
        fat = rng.uniform(7, 32)
        return cls(
            wall_mm=rng.uniform(8, 13),
            fat_mm=fat,
            belly_mm=fat * rng.uniform(0.7, 1.4) + 3,
            dome_mm=rng.uniform(58, 80),
            rib_end_mm=rng.uniform(-60, -20),
        )


@dataclass(frozen=True, kw_only=True)
class Trunk:
    """A painted trunk and what organs need to know of it.

    Attributes:
        canvas: What is painted on.
        tissue: HU of the study.
        cavity: Signed distance to the wall of the abdominal cavity, mm, negative inside, on all voxels.
        diaphragm: Height above the diaphragm in mm, negative below, on all voxels.
        texture: A fine random field with root mean square 1, on all voxels.
    """

    canvas: Canvas
    tissue: Tissue
    cavity: Field
    diaphragm: Field
    texture: Field


def paint_trunk(canvas: Canvas, tissue: Tissue, build: Build, rng: np.random.Generator) -> Trunk:
    """Paint everything but the organs of the abdomen; the drawing order of ``rng`` does not depend on the grid."""
    texture = canvas.field(Waves.draw(rng, (11, 32), 1.0, count=20))
    x, y, z = canvas.points
    taper = 1 - np.float32(0.0005) * z
    cavity = superellipse(x / taper, y / taper, CAVITY_RADII_MM)
    trunk = Trunk(canvas=canvas, tissue=tissue, cavity=cavity, diaphragm=_diaphragm(canvas, build), texture=texture)
    _paint_body(trunk, build)
    _paint_ribs(trunk, build, rng)
    _paint_chest(trunk, rng)
    return trunk


def body_radii(build: Build) -> tuple[float, float, float]:
    """Half width, half depth and shift to the back of the skin, in reference mm."""
    back = 0.6 * build.fat_mm + 22
    depth = CAVITY_RADII_MM[1] + build.wall_mm + (build.belly_mm + back) / 2
    return CAVITY_RADII_MM[0] + build.wall_mm + build.fat_mm, depth, (back - build.belly_mm) / 2


def _diaphragm(canvas: Canvas, build: Build) -> Field:
    x, y, z = canvas.points
    right = ((x + 55) / 75) ** 2 + ((y - 5) / 72) ** 2
    left = ((x - 58) / 72) ** 2 + ((y - 5) / 72) ** 2
    dome = np.maximum(build.dome_mm - 42 * right, build.dome_mm - 11 - 42 * left)
    return z - np.maximum(dome, np.float32(build.dome_mm - 95))


def _paint_body(trunk: Trunk, build: Build) -> None:
    canvas, tissue = trunk.canvas, trunk.tissue
    x, y, z = canvas.points
    half_width, half_depth, shift = body_radii(build)
    taper = 1 - np.float32(0.0005) * z
    skin = superellipse(x / taper, (y - np.float32(shift)) / taper, (half_width, half_depth))
    canvas.paint(EVERYWHERE, skin < 0, 20.0)
    canvas.paint(EVERYWHERE, skin < -2, tissue.fat + 6 * trunk.texture)
    wall = (trunk.cavity < build.wall_mm) & (skin < -3)
    canvas.paint(EVERYWHERE, wall, tissue.muscle + 4 * trunk.texture)
    # Fat planes between the muscle layers.
    layer = np.abs(trunk.cavity - np.float32(build.wall_mm * 0.5)) < 1.0
    canvas.paint(EVERYWHERE, layer & (trunk.texture > 0) & (np.abs(x) > 60), tissue.fat * 0.5)
    canvas.paint(EVERYWHERE, trunk.cavity < -1.5, tissue.fat + 12 + 8 * trunk.texture)


def _paint_ribs(trunk: Trunk, build: Build, rng: np.random.Generator) -> None:
    canvas, tissue = trunk.canvas, trunk.tissue
    x, y, z = canvas.points
    start = rng.uniform(0, RIB_PERIOD_MM)
    slope = rng.uniform(0.45, 0.7)
    # A rib falls from the back to the front: its height is a plane in y.
    height = z - slope * (y - np.float32(CAVITY_RADII_MM[1])) + np.float32(start)
    along = np.abs(np.mod(height, np.float32(RIB_PERIOD_MM)) - np.float32(RIB_PERIOD_MM / 2))
    across = np.abs(trunk.cavity - np.float32(build.wall_mm * 0.5))
    distance = np.maximum(along - 6, across - np.float32(min(4.5, build.wall_mm * 0.45)))
    there = (height - np.float32(start) > build.rib_end_mm) & (np.abs(x) > 32) & (y > -75)
    canvas.paint(EVERYWHERE, there & (distance < 0), tissue.cortical_bone * 0.75)
    canvas.paint(EVERYWHERE, there & (distance < -2), tissue.spongiosa * 0.9)


def _paint_chest(trunk: Trunk, rng: np.random.Generator) -> None:
    canvas, tissue = trunk.canvas, trunk.tissue
    lung = rng.uniform(-880, -800)
    inside = (trunk.diaphragm > 3) & (trunk.cavity < -2) & (trunk.canvas.points[2] > -35)
    vessels = np.clip(np.abs(trunk.texture) - 1.6, 0, 0.5) * 900
    canvas.paint(EVERYWHERE, inside, np.float32(lung) + 25 * trunk.texture + vessels)
    heart = Ellipsoid(
        centre=(rng.uniform(5, 25), rng.uniform(-45, -25), rng.uniform(92, 112)), radii=(58, 44, 46), roll_deg=20
    )
    box = canvas.box(heart.centre, heart.reach_mm)
    distance = heart.distance(canvas.within(box))
    above = (trunk.diaphragm[box] > 1) & (trunk.cavity[box] < -2)
    canvas.paint(box, above & (distance < 6), tissue.fat)
    canvas.paint(box, above & (distance < 0), tissue.vein + 4 * trunk.texture[box])


def paint_back(trunk: Trunk, rng: np.random.Generator) -> None:
    """Psoas, erector spinae, great vessels and the spine, over whatever lies there."""
    canvas, tissue = trunk.canvas, trunk.tissue
    for side in (-1, 1):
        psoas = Capsule(start=(side * 24, 48, -35), end=(side * 48, 40, -190), radius=rng.uniform(14, 19))
        canvas.paint_shape(psoas, tissue.muscle)
        crus = Capsule(start=(side * 14, 30, -30), end=(side * 16, 32, 60), radius=rng.uniform(4, 6))
        canvas.paint_shape(crus, tissue.muscle)
        back = Ellipsoid(centre=(side * 33, 97, -30), radii=(rng.uniform(24, 29), rng.uniform(17, 21), 400))
        box = canvas.box(back.centre, 400)
        inside = back.distance(canvas.within(box)) < 0
        canvas.paint(box, inside, tissue.muscle - 8 + 9 * np.abs(trunk.texture[box]))
    _paint_great_vessels(trunk, rng)
    _paint_spine(trunk, rng)


def _paint_great_vessels(trunk: Trunk, rng: np.random.Generator) -> None:
    aorta = Capsule(
        start=(rng.uniform(4, 18), rng.uniform(22, 30), 200),
        end=(rng.uniform(-2, 8), 20, -220),
        radius=rng.uniform(8.5, 12.5),
    )
    cava = Capsule(
        start=(rng.uniform(-26, -18), 14, 85), end=(rng.uniform(-20, -14), 24, -220), radius=rng.uniform(9, 12)
    )
    trunk.canvas.paint_shape(aorta, trunk.tissue.artery)
    trunk.canvas.paint_shape(cava, trunk.tissue.vein)
    if rng.uniform() < 0.35:  # a plaque in the wall
        z = rng.uniform(-110, 40)
        plaque = Ellipsoid(centre=(aorta.centre[0] + 8, 27, z), radii=(3, 4, 7))
        trunk.canvas.paint_shape(plaque, 600)


def _paint_spine(trunk: Trunk, rng: np.random.Generator) -> None:
    """Vertebrae, discs and arches are labelled; the spinal canal is not."""
    canvas, tissue = trunk.canvas, trunk.tissue
    box = canvas.box((0, 78, 0), 400)
    x, y, z = canvas.within(box)
    size = rng.uniform(0.92, 1.1)
    period = rng.uniform(31, 37)
    sway = rng.uniform(-4, 4)
    x = x - np.float32(sway) * np.sin(z / np.float32(rng.uniform(55, 90)))
    y = y - 4 * np.cos(z / np.float32(rng.uniform(60, 100)))
    level = np.abs(np.mod(z + np.float32(rng.uniform(0, period)), np.float32(period)) - np.float32(period / 2))
    in_disc = level < 4
    waist = np.float32(size) * (1 - np.float32(0.10) * (level / np.float32(period / 2)))
    body = superellipse(x / waist, (y - 51) / waist, (22.5, 17.0), power=2.2)
    front_of_canal = np.hypot(x / np.float32(1.25), y - 76) - 9
    arch = np.hypot(x / np.float32(1.2), y - 76) - np.float32(14.5 * size)
    arch = np.where(level > period * 0.2, arch, np.float32(5))
    spinous = np.maximum(np.abs(x) - np.float32(3.6 * size), np.abs(y - 98) - np.float32(15 * size))
    spinous = np.where(level > period * 0.22, spinous, np.float32(5))
    transverse = np.maximum(np.abs(x) - np.float32(38 * size), np.hypot(y - 74, (level - np.float32(period / 2))) - 5.5)
    bone = np.minimum(np.minimum(body, arch), np.minimum(spinous, transverse))
    bone = np.maximum(bone, -front_of_canal)
    canvas.paint(box, front_of_canal < 0, 25.0)
    spongy = tissue.spongiosa + 35 * trunk.texture[box]
    canvas.paint(box, bone < 0, tissue.cortical_bone, Label.SPINE)
    canvas.paint(box, bone < -2.5, spongy, Label.SPINE)
    canvas.paint(box, (body < 0.5) & in_disc & (bone < 1), tissue.disc, Label.SPINE)
