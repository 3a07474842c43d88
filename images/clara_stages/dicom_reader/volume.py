"""One volume from its plan: decode, rescale, put each slice in its place, resample where the plan says so."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_reader.faults import name_frame
from clara_stages.dicom_reader.geometry.grid import Grid
from clara_stages.dicom_reader.geometry.resample import resample
from clara_stages.dicom_reader.headers.frame import Frame
from clara_stages.dicom_reader.image_grid import has_place, image_grid
from clara_stages.dicom_reader.limits import Limits
from clara_stages.dicom_reader.pixels.format import PixelError
from clara_stages.dicom_reader.pixels.stored_values import read_frames
from clara_stages.dicom_reader.plan import VolumePlan
from clara_stages.dicom_reader.values.rescale import LOWEST_HU, Values, rescale_frame, volume_dtype
from clara_stages.dicom_reader.values.unit import Unit
from clara_stages.kit import BadInputError

Progress = Callable[[int, int], None]


class DamagedFramesError(BadInputError):
    """Frames of a volume cannot be decoded.

    Attributes:
        damaged: Each with the reason.
    """

    def __init__(self, damaged: Sequence[tuple[Frame, str]], total: int) -> None:
        first, reason = damaged[0]
        super().__init__(
            f"the pixels of {len(damaged)} of {total} images cannot be read; the first, {name_frame(first)}: {reason}",
            remedy="send these instances again, or read without them by `bad_files: leave_out`",
        )
        self.damaged = tuple(damaged)


@dataclass(frozen=True, kw_only=True)
class Volume:
    """A planned volume with its values.

    Attributes:
        plan: What it was made by.
        values: ``[i, j, k]``, or ``[i, j, k, t]`` with several time points; int16 or float32; in memory the first
            axis is the fastest, as in NIfTI.
        grid: Where it lies.
        unit: Of the values.
        has_place: Whether the grid is one in the patient.
        padding: The value that stands where a resampled volume has no source.
        padding_voxels: How many CT voxels were padding.
        raised_voxels: How many other CT voxels were below the lowest value.
    """

    plan: VolumePlan
    values: Values
    grid: Grid
    unit: Unit
    has_place: bool
    padding: float
    padding_voxels: int = 0
    raised_voxels: int = 0


def build_volume(plan: VolumePlan, limits: Limits, progress: Progress | None = None) -> Volume:
    """The volume of a plan.

    Raises:
        DamagedFramesError: Pixels of some images cannot be decoded.
        BadInputError: The plan was refused, the volume is larger than the limits, or a value is beyond float32.
    """
    if plan.error is not None:
        raise plan.error
    first = plan.stacks[0][0]
    grid = plan.grid if plan.grid is not None else image_grid(first)
    _require_sane_size(plan, grid, limits)
    slices = _Slices(plan, limits, progress)
    padding = LOWEST_HU if slices.unit.name == "HU" else 0.0
    times, rows, columns = len(plan.stacks), first.plane.rows, first.plane.columns
    volume = _Cube((times, *grid.shape[::-1]), slices.dtype)
    source = _Cube((len(plan.stacks[0]), rows, columns), slices.dtype) if grid.resampling is not None else None
    for t in range(times):
        for k in range(len(plan.stacks[t])):
            if source is None:
                volume.put((t, k), slices.take())
            else:
                source.put((k,), slices.take())
        if source is not None and grid.resampling is not None and not slices.damaged:
            volume.put((t,), resample(source.values, grid.resampling, padding))
    slices.require_whole()
    values = volume.values if times > 1 else volume.values[0]
    return Volume(
        plan=plan,
        values=values.transpose(),
        grid=grid,
        unit=slices.unit,
        has_place=plan.grid is not None or has_place(first),
        padding=padding,
        padding_voxels=slices.padding_voxels,
        raised_voxels=slices.raised_voxels,
    )


def check_values(plan: VolumePlan, limits: Limits) -> None:
    """Decode and rescale the images of a plan and keep nothing.

    Raises:
        BadInputError: As ``build_volume`` does.
    """
    if plan.error is not None:
        raise plan.error
    first = plan.stacks[0][0]
    _require_sane_size(plan, plan.grid if plan.grid is not None else image_grid(first), limits)
    slices = _Slices(plan, limits, None)
    for _ in plan.frames:
        slices.take()
    slices.require_whole()


class _Cube:
    """An array of values that is int16 until a value needs more."""

    def __init__(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        self.values: npt.NDArray[Any] = np.empty(shape, dtype)

    def put(self, index: tuple[int, ...], values: npt.NDArray[Any] | None) -> None:
        """Set one slice or volume; None leaves what is there."""
        if values is None:
            return
        if values.dtype == np.float32 and self.values.dtype == np.int16:
            self.values = self.values.astype(np.float32)
        self.values[index] = values


class _Slices:
    """The values of the images of a plan, one after the other, and what was found on the way."""

    def __init__(self, plan: VolumePlan, limits: Limits, progress: Progress | None) -> None:
        if plan.unit is None:  # only a refused plan has none, and that has an error
            raise ValueError("a plan without error and unit")
        self.unit: Unit = plan.unit
        self.frames = plan.frames
        self.dtype = volume_dtype(self.frames, self.unit)
        self.damaged: list[tuple[Frame, str]] = []
        self.padding_voxels = self.raised_voxels = 0
        self._progress = progress
        self._decoded = zip(self.frames, read_frames(self.frames, limits), strict=True)
        self._taken = 0

    def take(self) -> Values | None:
        """The values ``[row, column]`` of the next image, or None where it is damaged."""
        frame, stored = next(self._decoded)
        self._taken += 1
        if self._progress is not None:
            self._progress(self._taken, len(self.frames))
        if isinstance(stored, PixelError):
            self.damaged.append((frame, str(stored)))
            return None
        values = rescale_frame(stored, frame, self.unit)
        self.padding_voxels += values.padding_voxels
        self.raised_voxels += values.raised_voxels
        return values.values

    def require_whole(self) -> None:
        """Refuse damaged images. Raises DamagedFramesError."""
        if self.damaged:
            raise DamagedFramesError(self.damaged, len(self.frames))


def _require_sane_size(plan: VolumePlan, grid: Grid, limits: Limits) -> None:
    times = len(plan.stacks)
    voxels = math.prod(grid.shape) * times
    if not 0 < voxels <= limits.max_voxels:
        over_time = f" at {times} time points" if times > 1 else ""
        raise BadInputError(
            f"the volume is {' x '.join(map(str, grid.shape))} voxels (columns, rows, slices){over_time}, accepted are "
            f"1 to {limits.max_voxels} in all",
            remedy="select a smaller series, or raise max_voxels and the stage's memory; a header may also be damaged",
        )
