"""The organs of the abdomen: bowel, stomach, pancreas, spleen, liver and its tumours, gallbladder, kidneys."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from tools.phantom.labels import Label
from tools.phantom.shapes import Capsule, Ellipsoid, smooth_union

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.phantom.shapes import Field, Point
    from tools.phantom.trunk import Trunk

TUMOUR_RADIUS_MM = (9.5, 22.0)
"""Smallest and largest tumour: 19 to 44 mm across, large enough for a coarse grid."""


def paint_organs(trunk: Trunk, rng: np.random.Generator, tumours: int) -> None:
    """All organs, those in front first; ``tumours`` is how many tumours the liver gets."""
    paint_bowel(trunk, rng)
    paint_stomach(trunk, rng)
    paint_pancreas(trunk, rng)
    paint_spleen(trunk, rng)
    paint_liver(trunk, rng, tumours)
    paint_kidneys(trunk, rng)


def paint_bowel(trunk: Trunk, rng: np.random.Generator) -> None:
    """Colon at the sides and in front, loops of small bowel in the middle; gas, stool, fluid or contrast medium."""
    canvas, tissue = trunk.canvas, trunk.tissue
    oral = rng.uniform(120, 320) if rng.uniform() < 0.35 else rng.uniform(0, 35)
    pieces: list[Capsule | Ellipsoid] = []
    for side, top in ((-1, -75), (1, -30)):
        start: Point = (side * rng.uniform(88, 102), rng.uniform(0, 22), top)
        end: Point = (side * rng.uniform(82, 98), rng.uniform(0, 25), -210)
        pieces.append(Capsule(start=start, end=end, radius=rng.uniform(14, 22)))
    y, z = rng.uniform(-68, -56), rng.uniform(-85, -60)
    pieces.append(Capsule(start=(-75, y + 8, z - 8), end=(80, y + 6, z + 22), radius=rng.uniform(14, 20)))
    for _ in range(int(rng.integers(22, 36))):
        centre = (rng.uniform(-80, 85), rng.uniform(-65, 8), rng.uniform(-210, -50))
        radii = tuple(float(r) for r in rng.uniform(11, 25, size=3))
        pieces.append(Ellipsoid(centre=centre, radii=(radii[0], radii[1], radii[2]), roll_deg=rng.uniform(-60, 60)))
    for piece in pieces:
        content = float(rng.choice([rng.uniform(-950, -700), rng.uniform(-60, 60), oral], p=[0.3, 0.3, 0.4]))
        canvas.paint_shape(piece, content, wall=(rng.uniform(2, 3.5), tissue.bowel_wall))


def paint_stomach(trunk: Trunk, rng: np.random.Generator) -> None:
    """A stomach with fluid, and gas above it: the patient lies on the back."""
    canvas, tissue = trunk.canvas, trunk.tissue
    size = rng.uniform(0.75, 1.15)
    fundus = Ellipsoid(centre=(58, rng.uniform(-25, -8), 28), radii=(36 * size, 40 * size, 42 * size))
    antrum = Capsule(start=(45, -45, 0), end=(-10, -52, rng.uniform(-48, -25)), radius=21 * size)
    box = canvas.box((30, -25, 5), 105)
    points = canvas.within(box)
    distance = smooth_union(fundus.distance(points), antrum.distance(points), 12)
    distance = np.maximum(distance, trunk.diaphragm[box] + 2)
    distance = np.maximum(distance, trunk.cavity[box] + 3)
    canvas.paint(box, distance < 0, tissue.bowel_wall)
    fluid = float(rng.choice([rng.uniform(0, 40), rng.uniform(100, 250)], p=[0.7, 0.3]))
    canvas.paint(box, distance < -4, fluid + 10 * trunk.texture[box])
    gas_level = rng.uniform(-60, -22)
    canvas.paint(box, (distance < -4) & (points[1] < gas_level), -930.0)


def paint_pancreas(trunk: Trunk, rng: np.random.Generator) -> None:
    """Head, body and tail, and the vein behind them."""
    z = rng.uniform(-40, -15)
    radius = rng.uniform(8, 12)
    joints: list[Point] = [(-32, 0, z - 28), (-18, -6, z - 5), (12, -8, z + 3), (52, 12, z + 16), (74, 22, z + 24)]
    for start, end in pairwise(joints):
        trunk.canvas.paint_shape(Capsule(start=start, end=end, radius=radius), trunk.tissue.pancreas)
    vein = Capsule(start=(-15, 5, z), end=(68, 27, z + 22), radius=4.5)
    trunk.canvas.paint_shape(vein, trunk.tissue.vein)


def paint_spleen(trunk: Trunk, rng: np.random.Generator) -> None:
    """A spleen at the patient's left, under the diaphragm, hollow towards the stomach."""
    canvas, tissue = trunk.canvas, trunk.tissue
    size = rng.uniform(0.82, 1.2)
    spleen = Ellipsoid(
        centre=(rng.uniform(86, 96), rng.uniform(22, 38), rng.uniform(-2, 18)),
        radii=(25 * size, 42 * size, 50 * size),
        roll_deg=rng.uniform(10, 40),
        pitch_deg=rng.uniform(-15, 15),
    )
    hollow = Ellipsoid(centre=(48, rng.uniform(-10, 5), 10), radii=(34, 36, 60))
    box = canvas.box(spleen.centre, spleen.reach_mm)
    points = canvas.within(box)
    distance = np.maximum(spleen.distance(points), -hollow.distance(points))
    distance = _under_the_wall(trunk, box, distance)
    patchy = 22 if tissue.artery > 220 else 4  # uneven in the arterial phase
    canvas.paint(box, distance < 0, tissue.spleen + patchy * trunk.texture[box], Label.SPLEEN)


@dataclass(frozen=True, kw_only=True)
class LiverShape:
    """A right and a left lobe; the kidney and the gallbladder leave an impression."""

    right: Ellipsoid
    left: Ellipsoid
    impression: Ellipsoid

    @classmethod
    def draw(cls, rng: np.random.Generator) -> LiverShape:
        """A random liver."""
        size = rng.uniform(0.88, 1.1)
        reach = rng.uniform(0.7, 1.25)
        return cls(
            right=Ellipsoid(
                centre=(rng.uniform(-70, -60), rng.uniform(-8, 4), rng.uniform(-12, 6)),
                radii=(60 * size, 72 * size, 80 * size),
                roll_deg=rng.uniform(-15, 10),
                pitch_deg=rng.uniform(-6, 14),
            ),
            left=Ellipsoid(
                centre=(rng.uniform(-15, 5), rng.uniform(-52, -40), rng.uniform(10, 28)),
                radii=(58 * reach, 30 * size, 38 * size),
                roll_deg=rng.uniform(-22, 5),
                pitch_deg=rng.uniform(-5, 25),
            ),
            impression=Ellipsoid(centre=(-22, 28, rng.uniform(-55, -35)), radii=(34, 42, 55)),
        )

    def distance(self, points: Sequence[Field]) -> Field:
        """Signed distance of ``points`` (x, y, z arrays of one shape, reference mm), negative inside."""
        lobes = smooth_union(self.right.distance(points), self.left.distance(points), 14)
        return np.maximum(lobes, -self.impression.distance(points))


def paint_liver(trunk: Trunk, rng: np.random.Generator, tumours: int) -> None:
    """The liver with its vessels and ``tumours`` tumours."""
    canvas, tissue = trunk.canvas, trunk.tissue
    liver = LiverShape.draw(rng)
    box = canvas.box((-40, -15, 0), 115)
    distance = _under_the_wall(trunk, box, liver.distance(canvas.within(box)))
    fatty = rng.uniform(0, 25) if rng.uniform() < 0.25 else 0.0
    level = tissue.liver - fatty
    canvas.paint(box, distance < 0, level + 3 * trunk.texture[box], Label.LIVER)
    for vessel in _vessels(rng):
        part = canvas.box(vessel.centre, vessel.reach_mm)
        where = (vessel.distance(canvas.within(part)) < 0) & (canvas.labels[part] == Label.LIVER)
        canvas.paint(part, where, level + 0.6 * (tissue.vein - level), Label.LIVER)
    lesions = rng.spawn(1)[0]  # a stream of its own: the number of tumours changes nothing else in the patient
    for tumour in place_tumours(liver, lesions, tumours):
        _paint_tumour(trunk, tumour, level, lesions)
    gallbladder = Ellipsoid(
        centre=(rng.uniform(-52, -35), rng.uniform(-45, -30), rng.uniform(-62, -45)),
        radii=(14, 16, rng.uniform(18, 28)),
        pitch_deg=rng.uniform(-25, 10),
    )
    canvas.paint_shape(gallbladder, rng.uniform(2, 18), wall=(1.5, 60))


def _vessels(rng: np.random.Generator) -> list[Capsule]:
    """Portal and hepatic veins: tubes that fan out through the right and the left lobe."""
    tubes: list[Capsule] = []
    porta: Point = (-28, -8, -18)
    cava: Point = (-24, 10, 38)
    for root in (porta, cava):
        for _ in range(3):
            end: Point = (rng.uniform(-105, -15), rng.uniform(-55, 40), root[2] + rng.uniform(-25, 20))
            tubes.append(Capsule(start=root, end=end, radius=rng.uniform(2.5, 5)))
    return tubes


def place_tumours(liver: LiverShape, rng: np.random.Generator, count: int) -> list[Ellipsoid]:
    """Up to ``count`` tumours inside the liver that do not touch; fewer where no room is left."""
    placed: list[Ellipsoid] = []
    for _ in range(count):
        radius = rng.uniform(*TUMOUR_RADIUS_MM)
        centres = rng.uniform((-112, -60, -65), (5, 45, 42), size=(400, 3)).astype(np.float32)
        depth = liver.distance([centres[:, axis] for axis in range(3)])
        # Sideways and below the dome the wall cuts the liver; keep clear of it.
        clear = (depth < -radius * 0.75) & (np.hypot(centres[:, 0] / 120, centres[:, 1] / 88) < 1 - radius / 110)
        for other in placed:
            gap = np.linalg.norm(centres - np.asarray(other.centre, np.float32), axis=1)
            clear &= gap > radius + other.reach_mm + 5
        if not clear.any():
            continue
        centre = centres[int(np.argmax(clear))]
        radii = radius * rng.uniform(0.88, 1.12, size=3)
        placed.append(
            Ellipsoid(
                centre=(float(centre[0]), float(centre[1]), float(centre[2])),
                radii=(float(radii[0]), float(radii[1]), float(radii[2])),
                roll_deg=rng.uniform(-90, 90),
            )
        )
    return placed


def _paint_tumour(trunk: Trunk, tumour: Ellipsoid, liver_hu: float, rng: np.random.Generator) -> None:
    canvas = trunk.canvas
    box = canvas.box(tumour.centre, tumour.reach_mm * 1.3)
    bumpy = tumour.distance(canvas.within(box)) + np.float32(0.07 * tumour.reach_mm) * trunk.texture[box]
    inside = (bumpy < 0) & (canvas.labels[box] == Label.LIVER)
    bright = trunk.tissue.artery > 220 and rng.uniform() < 0.5
    level = liver_hu + (rng.uniform(35, 60) if bright else -rng.uniform(25, 55))
    canvas.paint(box, inside, level + 4 * trunk.texture[box], Label.LIVER_TUMOUR)
    if rng.uniform() < 0.3:  # a necrotic core
        canvas.paint(box, inside & (bumpy < -0.5 * tumour.reach_mm), min(level, 25.0), Label.LIVER_TUMOUR)


def paint_kidneys(trunk: Trunk, rng: np.random.Generator) -> None:
    """Two kidneys in their fat; the sinus in the middle is not labelled."""
    canvas, tissue = trunk.canvas, trunk.tissue
    for side, height in ((-1, -62.0), (1, -48.0)):
        size = rng.uniform(0.88, 1.12)
        centre = (side * rng.uniform(58, 66), rng.uniform(36, 46), height + rng.uniform(-12, 10))
        tilt = {"roll_deg": side * rng.uniform(15, 50), "pitch_deg": side * rng.uniform(-16, -2)}
        kidney = Ellipsoid(centre=centre, radii=(24 * size, 29 * size, 54 * size), **tilt)
        hilum = (centre[0] - side * 15, centre[1] - 9, centre[2])
        sinus = Ellipsoid(centre=hilum, radii=(14 * size, 12 * size, 20 * size), **tilt)
        box = canvas.box(centre, kidney.reach_mm + 8)
        points = canvas.within(box)
        outer, inner = kidney.distance(points), sinus.distance(points)
        beside_liver = np.isin(canvas.labels[box], (Label.LIVER, Label.LIVER_TUMOUR))
        capsule = np.where(beside_liver, np.float32(2), np.float32(7))
        canvas.paint(box, (outer < capsule) & (trunk.cavity[box] < -2), tissue.fat + 8 * trunk.texture[box])
        canvas.paint(box, outer < 0, tissue.renal_cortex, Label.KIDNEY)
        pyramids = (outer < -6) & (trunk.texture[box] > -0.3)
        canvas.paint(box, pyramids, tissue.renal_medulla, Label.KIDNEY)
        canvas.paint(box, inner < 0, tissue.fat)
        canvas.paint(box, inner < -5, 15.0)


def _under_the_wall(trunk: Trunk, box: tuple[slice, slice, slice], distance: Field) -> Field:
    """The part of a shape inside the cavity and below the diaphragm."""
    return np.maximum(distance, np.maximum(trunk.cavity[box] + 4, trunk.diaphragm[box] + 2))
