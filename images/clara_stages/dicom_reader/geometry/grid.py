"""From what a stack is to one grid of voxels, or the exact reason why there is none."""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from clara_stages.dicom_reader.geometry.axes import Floats
from clara_stages.dicom_reader.geometry.findings import NO_STACK_KINDS, Finding, FindingKind
from clara_stages.dicom_reader.geometry.gaps import Integers
from clara_stages.dicom_reader.geometry.resample import Resampling
from clara_stages.dicom_reader.geometry.stack import StackReport
from clara_stages.dicom_reader.geometry.tolerances import SNAP_PART, STEP_SLACK
from clara_stages.dicom_reader.policy import GeometryPolicy
from clara_stages.kit import BadInputError

_RAS_FROM_LPS: Floats = np.diag([-1.0, -1.0, 1.0, 1.0])


class NoStackError(BadInputError):
    """The images are no stack of slices and were not meant as one: a localizer, several volumes, a single image."""


_DEFAULT_POLICY = GeometryPolicy()


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid:
    """An even grid of voxels ``[i, j, k]``: i along a row, j down a column, k along row x column.

    Attributes:
        order: For each source slice the index of its plane, along row x column. Without ``resampling`` these are k.
        shape: Number of voxels along i, j, k.
        spacing_mm: Distance of voxel centres along i and j, and of planes along their normal.
        affine_lps: Voxel index to LPS mm, shape ``(4, 4)``.
        unevenness_mm: Largest distance of a source slice from its place in the grid; with ``resampling`` from the one
            that interpolation gives it.
        resampling: How the voxels come from the source slices; None where they are the source's own.
        source_affine_lps: Of an evenly spaced stack the affine of its own slices, sheared where it is tilted; None
            where its gaps differ.
    """

    order: tuple[int, ...]
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    affine_lps: Floats
    unevenness_mm: float
    resampling: Resampling | None = None
    source_affine_lps: Floats | None = None

    @property
    def affine_ras(self) -> Floats:
        """Voxel index to RAS mm, shape ``(4, 4)``."""
        return _RAS_FROM_LPS @ self.affine_lps


def largest_shift_mm(one: Grid, other: Grid) -> float:
    """Largest distance between the same voxel of two grids, which is that of a corner, or between their source slices.

    Infinity where one resampling, or none, cannot serve for both: other shapes, or other numbers of source slices.
    """
    mine, others = (
        np.empty((0, 3)) if grid.resampling is None else grid.resampling.source_origin_index for grid in (one, other)
    )
    if one.shape != other.shape or mine.shape != others.shape:
        return math.inf
    moved_mm = float(np.linalg.norm((mine - others) @ one.affine_lps[:3, :3].T, axis=1).max(initial=0.0))
    last = [count - 1 for count in one.shape]
    corners = np.array([[*corner, 1] for corner in itertools.product(*((0, end) for end in last))])
    shifts: Floats = corners @ (one.affine_lps - other.affine_lps).T
    return max(moved_mm, float(np.linalg.norm(shifts[:, :3], axis=1).max()))


def blocking_findings(report: StackReport, policy: GeometryPolicy = _DEFAULT_POLICY) -> tuple[Finding, ...]:
    """The findings that a policy does not allow to repair; empty where ``build_grid`` gives a grid."""
    healed = set()
    if policy.tilt != "refuse":
        healed.add(FindingKind.TILT)
    if policy.spacing == "resample":
        healed.add(FindingKind.VARIABLE_SPACING)
    return tuple(finding for finding in report.findings if finding.kind not in healed)


def build_grid(report: StackReport, policy: GeometryPolicy = _DEFAULT_POLICY) -> Grid:
    """The grid that a stack makes.

    Raises:
        NoStackError: One slice, mixed orientations, or as many images at each position.
        BadInputError: Anything else that the policy does not allow to repair. The text has all of it.
    """
    blocking = blocking_findings(report, policy)
    if blocking:
        kinds = {finding.kind for finding in blocking}
        raise (NoStackError if kinds & NO_STACK_KINDS else BadInputError)(
            "; ".join(finding.message for finding in blocking),
            remedy="; ".join(dict.fromkeys(finding.remedy for finding in blocking)),
        )
    is_even = FindingKind.VARIABLE_SPACING not in report.kinds
    is_straightened = FindingKind.TILT in report.kinds and policy.tilt == "resample"
    source_affine = _affine(report, report.normal + report.slope_lps, _mean_step_mm(report)) if is_even else None
    if source_affine is not None and not is_straightened:
        return _grid_of_slices(report, source_affine)
    return _resampled_grid(report, is_straightened, source_affine)


def _mean_step_mm(report: StackReport) -> float:
    return float(report.places_mm[-1] - report.places_mm[0]) / (report.planes - 1)


def _affine(report: StackReport, direction: Floats, step_mm: float) -> Floats:
    """Voxel index to LPS mm (PS3.3 C.7.6.2.1.1), with the first slice's first pixel as origin.

    Args:
        report: Of the stack.
        direction: Of the third axis, LPS, one mm long along the normal.
        step_mm: Between planes, along the normal.
    """
    affine = np.eye(4)
    affine[:3, 0] = report.row * report.pixel_spacing_mm[1]
    affine[:3, 1] = report.column * report.pixel_spacing_mm[0]
    affine[:3, 2] = direction * step_mm
    affine[:3, 3] = report.positions_lps_mm[0]
    return affine


def _spacing_mm(report: StackReport, step_mm: float) -> tuple[float, float, float]:
    return report.pixel_spacing_mm[1], report.pixel_spacing_mm[0], step_mm


def _grid_of_slices(report: StackReport, affine: Floats) -> Grid:
    places = affine[:3, 3] + np.arange(report.planes)[:, None] * affine[:3, 2]
    return Grid(
        order=report.order,
        shape=(*report.shape, report.planes),
        spacing_mm=_spacing_mm(report, _mean_step_mm(report)),
        affine_lps=affine,
        unevenness_mm=float(np.linalg.norm(report.positions_lps_mm - places, axis=1).max()),
        source_affine_lps=affine,
    )


def _resampled_grid(report: StackReport, is_straightened: bool, source_affine: Floats | None) -> Grid:
    """Even planes across the stack; of a tilted one as wide as all its slices together, so that nothing is cut."""
    lower, upper, weight, step_mm = _planes(report, is_even=source_affine is not None)
    direction = report.normal if is_straightened else report.normal + report.slope_lps
    affine = _affine(report, direction, step_mm)
    origins = _indices(affine, report.positions_lps_mm)
    shifts = np.zeros((report.planes, 2))
    if is_straightened:
        first = origins[:, :2].min(axis=0)
        affine[:3, 3] += affine[:3, :2] @ first
        origins[:, :2] -= first
        shifts = origins[:, :2]
    more = np.ceil(shifts.max(axis=0) - SNAP_PART).astype(int)
    shape = (report.shape[0] + int(more[0]), report.shape[1] + int(more[1]), len(weight))
    names = ["tilt"] * is_straightened + ["spacing"] * (source_affine is None)
    resampling = Resampling(
        kind=" and ".join(names),
        degrees=report.tilt_degrees,
        source_shape=(*report.shape, report.planes),
        shape=shape,
        source_origin_index=origins,
        shift_pixels=shifts,
        lower=lower,
        upper=upper,
        weight=weight,
        source_affine_lps=source_affine,
    )
    return Grid(
        order=report.order,
        shape=shape,
        spacing_mm=_spacing_mm(report, step_mm),
        affine_lps=affine,
        unevenness_mm=_unevenness_mm(affine, resampling),
        resampling=resampling,
        source_affine_lps=source_affine,
    )


def _planes(report: StackReport, *, is_even: bool) -> tuple[Integers, Integers, Floats, float]:
    """Lower and upper source slice of each plane of the grid, the weight of the upper one, and the step in mm.

    Planes of an even stack are its slices. Otherwise the step is the smallest spacing, made a little smaller so that
    the first and the last plane are the first and the last slice: with a larger step a slice could lie between two
    planes and leave no trace, beyond the ends nothing was seen.
    """
    slices = np.arange(report.planes)
    if is_even:
        return slices, slices, np.zeros(report.planes), _mean_step_mm(report)
    places = report.places_mm
    length_mm = float(places[-1] - places[0])
    steps = max(1, math.ceil(length_mm / report.smallest_gap_mm - STEP_SLACK))
    wanted = np.linspace(places[0], places[-1], steps + 1)
    upper = np.clip(np.searchsorted(places, wanted, side="right"), 1, report.planes - 1)
    lower = upper - 1
    weight = (wanted - places[lower]) / (places[upper] - places[lower])
    lower = np.where(weight > 1 - SNAP_PART, upper, lower)
    weight = np.where((weight < SNAP_PART) | (weight > 1 - SNAP_PART), 0.0, weight)
    return lower, np.where(weight > 0, upper, lower), weight, length_mm / steps


def _indices(affine: Floats, positions_lps_mm: Floats) -> Floats:
    """Voxel indices of positions, both of shape ``(n, 3)``."""
    indices = np.linalg.solve(affine[:3, :3], (positions_lps_mm - affine[:3, 3]).T).T
    return np.asarray(indices, dtype=np.float64)


def _unevenness_mm(affine: Floats, resampling: Resampling) -> float:
    """Largest distance between where a source slice is and where interpolation takes it to be."""
    away: Floats = resampling.source_origin_index.copy()
    away[:, :2] -= resampling.shift_pixels
    away[:, 2] -= np.arange(len(away)) if resampling.source_affine_lps is not None else away[:, 2]
    return float(np.linalg.norm(away @ affine[:3, :3].T, axis=1).max())
