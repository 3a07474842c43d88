"""A synthetic abdomen as arrays: HU, ground truth and affine. Pure: no files, no clock; the seed decides everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tools.phantom import organs, trunk
from tools.phantom.canvas import Canvas, Waves
from tools.phantom.scanner import add_air_and_table, expose
from tools.phantom.tissue import PHASES, draw_tissue

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCAN_CENTRE_MM = -22.0
"""Height of the middle slice in reference mm: with 240 mm all labelled organs are seen."""

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, kw_only=True)
class PhantomSpec:
    """What to make.

    Attributes:
        seed: Decides anatomy, noise and identifiers.
        slices: Number of slices.
        rows: Number of rows and of columns.
        slice_spacing_mm: Distance between slices.
        pixel_spacing_mm: In-plane spacing; None fits the field of view to the body.
        oblique_deg: Turn of the slices about the patient's left-right axis.
        tumours: Number of liver tumours wanted; None draws 1 to 3.
        phase: Contrast phase, one of ``tissue.PHASES``; None draws one.
        noise_hu: Standard deviation of the noise; None draws 8 to 25.
    """

    seed: int = 1
    slices: int = 48
    rows: int = 256
    slice_spacing_mm: float = 5.0
    pixel_spacing_mm: float | None = None
    oblique_deg: float = 0.0
    tumours: int | None = None
    phase: str | None = None
    noise_hu: float | None = None


@dataclass(frozen=True, kw_only=True)
class Phantom:
    """A synthetic CT with its ground truth.

    Attributes:
        volume_hu: int16 HU, axes (column, row, slice).
        labels: uint8, the same axes, values of ``labels.Label``.
        affine_lps: From (column, row, slice) index to patient mm, LPS as in DICOM, shape ``(4, 4)``.
        phase: Contrast phase.
        spec: What was asked for.
    """

    volume_hu: NDArray[np.int16]
    labels: NDArray[np.uint8]
    affine_lps: NDArray[np.float64]
    phase: str
    spec: PhantomSpec

    @property
    def affine_ras(self) -> NDArray[np.float64]:
        """From (column, row, slice) index to patient mm, RAS as in NIfTI, shape ``(4, 4)``."""
        return LPS_TO_RAS @ self.affine_lps


def build_phantom(spec: PhantomSpec) -> Phantom:
    """Make the phantom of ``spec``; the same spec gives the same arrays."""
    # Independent streams: the grid draws nothing from the stream of the anatomy, so one seed is one patient.
    body, grid, scan = (np.random.default_rng(s) for s in np.random.SeedSequence(spec.seed).spawn(3))
    scale = body.uniform(0.92, 1.12) * body.uniform(0.95, 1.05, size=3)
    phase = spec.phase or PHASES[int(body.choice(len(PHASES), p=[0.2, 0.25, 0.55]))]
    tissue = draw_tissue(body, phase)
    tumours = int(body.integers(1, 4))
    affine = _affine(spec, scale, grid)
    canvas = Canvas(_patient_to_reference(scale, grid) @ affine, (spec.rows, spec.rows, spec.slices))
    canvas.deform(tuple(Waves.draw(body, (70, 240), rms, count=14) for rms in (4.5, 4.0, 5.0)))
    painted = trunk.paint_trunk(canvas, tissue, body)
    organs.paint_bowel(painted, body)
    organs.paint_stomach(painted, body)
    organs.paint_pancreas(painted, body)
    organs.paint_spleen(painted, body)
    organs.paint_liver(painted, body, tumours if spec.tumours is None else spec.tumours)
    organs.paint_kidneys(painted, body)
    trunk.paint_back(painted, body)
    spacing = float(np.linalg.norm(affine[:3, 0]))
    add_air_and_table(canvas, affine, scan)
    volume = expose(canvas.hu, spacing, spec.noise_hu, scan)
    return Phantom(volume_hu=volume, labels=canvas.labels, affine_lps=affine, phase=phase, spec=spec)
