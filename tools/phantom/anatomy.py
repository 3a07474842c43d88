"""A synthetic abdomen as arrays: HU, ground truth and affine. Pure: no files, no clock; the seed decides everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tools.phantom import organs, trunk
from tools.phantom.canvas import Canvas, Waves
from tools.phantom.scanner import Pose, add_table, expose, slice_affine
from tools.phantom.tissue import PHASES, draw_tissue

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCAN_CENTRE_MM = -22.0
"""Height of the middle slice in reference mm: with 240 mm all labelled organs are seen."""

DEFORMATION_WAVELENGTH_MM = (70.0, 240.0)
"""Short waves bend an organ, long ones move it; shorter than this and bone would look like jelly."""

DEFORMATION_RMS_MM = (4.5, 4.0, 5.0)

MINIMUM_ROWS = 16
"""With fewer the field of view holds no organ of more than a few pixels."""

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

    def __post_init__(self) -> None:
        if self.slices < 1 or self.rows < MINIMUM_ROWS:
            raise ValueError(
                f"{self.slices} slices of {self.rows} rows; expected at least 1 slice and {MINIMUM_ROWS} rows."
            )
        if self.slice_spacing_mm <= 0 or (self.pixel_spacing_mm is not None and self.pixel_spacing_mm <= 0):
            raise ValueError(
                f"spacing {self.pixel_spacing_mm} mm in the plane, {self.slice_spacing_mm} mm between slices; "
                "expected positive numbers."
            )
        if self.phase is not None and self.phase not in PHASES:
            raise ValueError(f"contrast phase {self.phase!r} is unknown; expected one of {', '.join(PHASES)}.")


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
    body, scan = (np.random.default_rng(s) for s in np.random.SeedSequence(spec.seed).spawn(2))
    pose, build = Pose.draw(body), trunk.Build.draw(body)
    phase = spec.phase or PHASES[int(body.choice(len(PHASES), p=[0.2, 0.25, 0.55]))]
    tissue = draw_tissue(body, phase)
    drawn_tumours = int(body.integers(1, 4))
    affine = _affine(spec, pose, build, scan)
    canvas = Canvas(pose.patient_to_reference() @ affine, (spec.rows, spec.rows, spec.slices))
    x, y, z = (Waves.draw(body, DEFORMATION_WAVELENGTH_MM, rms) for rms in DEFORMATION_RMS_MM)
    canvas.deform((x, y, z))
    painted = trunk.paint_trunk(canvas, tissue, build, body)
    organs.paint_organs(painted, body, drawn_tumours if spec.tumours is None else spec.tumours)
    trunk.paint_back(painted, body)
    add_table(canvas, affine, _table_top(pose, build), scan)
    volume = expose(canvas.hu, float(np.linalg.norm(affine[:3, 0])), spec.noise_hu, scan)
    return Phantom(volume_hu=volume, labels=canvas.labels, affine_lps=affine, phase=phase, spec=spec)


def _affine(spec: PhantomSpec, pose: Pose, build: trunk.Build, rng: np.random.Generator) -> NDArray[np.float64]:
    """The grid around the body, from (column, row, slice) index to patient mm, LPS."""
    half_width, _, shift = trunk.body_radii(build)
    fitted = round(2 * half_width * float(pose.scale[0]) * rng.uniform(1.06, 1.2) / spec.rows, 4)
    spacing = fitted if spec.pixel_spacing_mm is None else spec.pixel_spacing_mm
    offset = np.array([rng.uniform(-6, 6), shift * pose.scale[1] + 8, SCAN_CENTRE_MM * pose.scale[2]])
    return slice_affine(
        (spec.rows, spec.rows, spec.slices),
        (spacing, spacing, spec.slice_spacing_mm),
        np.asarray(pose.centre) + offset,
        spec.oblique_deg,
    )


def _table_top(pose: Pose, build: trunk.Build) -> float:
    _, half_depth, shift = trunk.body_radii(build)
    return pose.centre[1] + (half_depth + shift) * float(pose.scale[1]) - 2.0
