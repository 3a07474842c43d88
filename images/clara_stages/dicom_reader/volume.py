"""The values of one volume from its plan: decode, rescale, each slice in its place, resampled where it must be."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_reader.geometry.grid import Grid
from clara_stages.dicom_reader.geometry.resample import resample
from clara_stages.dicom_reader.headers.frame import Frame
from clara_stages.dicom_reader.image_grid import has_place, image_grid
from clara_stages.dicom_reader.limits import Limits
from clara_stages.dicom_reader.pixels.format import PixelError
from clara_stages.dicom_reader.pixels.stored_values import read_frames
from clara_stages.dicom_reader.planning.faults import name_frame
from clara_stages.dicom_reader.planning.volume_plan import VolumePlan
from clara_stages.dicom_reader.values.rescale import LOWEST_HU, rescale_frame
from clara_stages.dicom_reader.values.unit import Unit
from clara_stages.kit import BadInputError

Progress = Callable[[int, int], None]

_LONGEST_AXIS = 32767
"""The fields ``dim`` of a NIfTI-1 header are int16."""


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


class NotInt16Error(Exception):
    """A value does not fit the int16 that the headers promised; the volume is float32."""


@dataclass(frozen=True, kw_only=True)
class Volume:
    """A volume as it was written.

    Attributes:
        plan: What it was made by.
        file: Its values, of type ``dtype``, from byte ``offset`` on.
        shape: ``(i, j, k)``, or ``(i, j, k, t)`` with several time points.
        dtype: int16 where slope and intercept are whole and every value fits, else float32.
        offset: Where in the file the values begin.
        digest: SHA-256 of the file.
        grid: Where it lies.
        unit: Of the values.
        has_place: Whether the grid is one in the patient.
        padding: The value that stands where a resampled volume has no source.
        padding_voxels: How many CT voxels were padding.
        raised_voxels: How many other CT voxels were below the lowest value.
    """

    plan: VolumePlan
    file: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    digest: str
    grid: Grid
    unit: Unit
    has_place: bool
    padding: float
    padding_voxels: int = 0
    raised_voxels: int = 0

    @cached_property
    def values(self) -> npt.NDArray[Any]:
        """The values ``[i, j, k]`` or ``[i, j, k, t]``, from the file; the first axis is the fastest."""
        return np.memmap(self.file, self.dtype, "r", self.offset, self.shape, order="F")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What is known of a volume before its pixels are read."""

    grid: Grid
    unit: Unit
    shape: tuple[int, ...]
    has_place: bool
    padding: float


def lay_out(plan: VolumePlan, limits: Limits) -> Layout:
    """Grid, unit and shape of a planned volume.

    Raises:
        BadInputError: The plan was refused, or the volume is larger than the limits.
    """
    if plan.error is not None:
        raise plan.error
    if plan.unit is None:  # only a refused plan has none, and that has an error
        raise ValueError("a plan without error and unit")
    grid = plan.grid if plan.grid is not None else image_grid(plan.frames)
    _require_sane_size(plan, grid, limits)
    return Layout(
        grid=grid,
        unit=plan.unit,
        shape=(*grid.shape, len(plan.stacks)) if len(plan.stacks) > 1 else grid.shape,
        has_place=plan.grid is not None or has_place(plan.frames),
        padding=LOWEST_HU if plan.unit.name == "HU" else 0.0,
    )


class SliceReader:
    """The values of a volume from its images, plane by plane in the order of the file, and what was found on the way.

    Attributes:
        damaged: Images that cannot be decoded, with the reason.
        padding_voxels: CT voxels that were padding.
        raised_voxels: Other CT voxels below the lowest value.
    """

    def __init__(self, plan: VolumePlan, layout: Layout, limits: Limits, progress: Progress | None = None) -> None:
        self.damaged: list[tuple[Frame, str]] = []
        self.padding_voxels = self.raised_voxels = 0
        self._plan = plan
        self._layout = layout
        self._limits = limits
        self._progress = progress

    def read(self, dtype: np.dtype[Any]) -> Iterator[npt.NDArray[Any]]:
        """Pieces of the volume in C order ``[.., j, i]`` of the given type: slices, or whole resampled time points.

        Raises:
            DamagedFramesError: At the end, about all images that cannot be decoded.
            NotInt16Error: int16 was asked for and a value does not fit.
            BadInputError: A value is beyond float32.
        """
        planes = self._planes(dtype)
        resampling = self._layout.grid.resampling
        if resampling is None:
            yield from planes
        else:
            rows, columns = self._plan.stacks[0][0].plane.rows, self._plan.stacks[0][0].plane.columns
            for stack in self._plan.stacks:
                source = np.zeros((len(stack), rows, columns), dtype)
                for k, plane in enumerate(itertools.islice(planes, len(stack))):
                    source[k] = plane
                if not self.damaged:
                    yield resample(source, resampling, self._layout.padding)
        for _ in planes:
            pass
        if self.damaged:
            raise DamagedFramesError(self.damaged, len(self._plan.frames))

    def _planes(self, dtype: np.dtype[Any]) -> Iterator[npt.NDArray[Any]]:
        """The values ``[row, column]`` of each image; nothing in place of a damaged one."""
        frames = self._plan.frames
        for done, (frame, stored) in enumerate(zip(frames, read_frames(frames, self._limits), strict=True), start=1):
            if self._progress is not None:
                self._progress(done, len(frames))
            if isinstance(stored, PixelError):
                self.damaged.append((frame, str(stored)))
                continue
            values = rescale_frame(stored, frame, self._layout.unit)
            self.padding_voxels += values.padding_voxels
            self.raised_voxels += values.raised_voxels
            if values.values.dtype != dtype and dtype == np.int16:
                raise NotInt16Error
            yield values.values.astype(dtype, copy=False)


def check_values(plan: VolumePlan, limits: Limits) -> None:
    """Decode and rescale the images of a plan and keep nothing.

    Raises:
        BadInputError: As ``SliceReader.read``, and where the plan was refused or the volume is too large.
    """
    layout = lay_out(plan, limits)
    for _ in SliceReader(plan, layout, limits).read(np.dtype(np.float32)):
        pass


def _require_sane_size(plan: VolumePlan, grid: Grid, limits: Limits) -> None:
    times = len(plan.stacks)
    longest = max(*grid.shape, times)
    if longest > _LONGEST_AXIS:
        raise BadInputError(
            f"an axis of the volume has {longest} voxels; NIfTI-1 holds at most {_LONGEST_AXIS}",
            remedy="select another series or time point",
        )
    voxels = math.prod(grid.shape) * times
    if not 0 < voxels <= limits.max_voxels:
        over_time = f" at {times} time points" if times > 1 else ""
        raise BadInputError(
            f"the volume is {' x '.join(map(str, grid.shape))} voxels (columns, rows, slices){over_time}, accepted are "
            f"1 to {limits.max_voxels} in all",
            remedy="select a smaller series, or raise max_voxels and the stage's memory; a header may also be damaged",
        )
