"""Segments counted anew from the inputs, to hold against the report: not by the code that measures."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_writer.inputs.label_table import Label
from clara_stages.dicom_writer.job import Job


@dataclass(frozen=True, kw_only=True)
class CountedSegment:
    """What can be counted of a segment.

    Attributes:
        label: Whose.
        voxels: On the grid of the volume.
        extents: Of its box along i, j, k, in voxels.
        values: The voxel values in it, float64; None where there is no volume or one of them is no number.
        pixels: Slice -> how many pixels it has there; slices without one are left out.
        pixel_extents: Slice -> rows and columns of its box.
    """

    label: Label
    voxels: int
    extents: tuple[int, ...]
    values: npt.NDArray[np.float64] | None
    pixels: dict[int, int]
    pixel_extents: dict[int, tuple[int, ...]]

    @property
    def largest_slice(self) -> int | None:
        """The first slice with most pixels."""
        return min(self.pixels, key=lambda index: (-self.pixels[index], index), default=None)


def count_segments(job: Job) -> list[CountedSegment]:
    """Every segment of a job, in order of segment number. Raises BadInputError where there are none."""
    return [_count(job, label) for label in job.require_segments("pdf").table.labels]


def _count(job: Job, label: Label) -> CountedSegment:
    mask = job.require_segments("pdf").mask(label.segment_number)
    pixels, pixel_extents = {}, {}
    for index in range(len(job.source.slices)):
        plane = job.source.on_slice(mask, index)
        count = int(np.count_nonzero(plane))
        if count:
            pixels[index], pixel_extents[index] = count, _extents(plane)
    values = None
    if job.volume is not None:
        # NIfTI files are in Fortran order: seen the other way round they are read as they lie.
        values = np.asarray(job.volume.values.T[mask.T], dtype=np.float64)
    return CountedSegment(
        label=label,
        voxels=int(np.count_nonzero(mask)),
        extents=_extents(mask),
        values=values if values is not None and np.isfinite(values).all() else None,
        pixels=pixels,
        pixel_extents=pixel_extents,
    )


def _extents(mask: npt.NDArray[np.bool_]) -> tuple[int, ...]:
    """The size of the box of a mask along each axis."""
    axes = range(mask.ndim)
    lines = [mask.any(axis=tuple(other for other in axes if other != axis)) for axis in axes]
    return tuple(int(np.ptp(np.flatnonzero(line))) + 1 if line.any() else 0 for line in lines)
