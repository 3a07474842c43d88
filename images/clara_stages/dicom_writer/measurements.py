"""How large the segments are, and what the voxels in them hold."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_writer.diameter import Diameter, largest_diameter
from clara_stages.dicom_writer.inputs.label_table import Code, Label
from clara_stages.dicom_writer.inputs.segments import Form, Segments
from clara_stages.dicom_writer.inputs.source_stack import SourceStack
from clara_stages.dicom_writer.job import Job

_MM3_PER_ML = 1000.0

_UCUM_CODES = {
    "HU": ("[hnsf'U]", "Hounsfield unit"),
    "{SUVbw}g/ml": ("{SUVbw}g/ml", "Standardized Uptake Value body weight"),
    "Bq/ml": ("Bq/ml", "Becquerels/milliliter"),
    "1": ("1", "no units"),
}
"""Unit of ``series.json`` -> code and meaning of CID 7181 and 84."""

Box = tuple[slice, ...]


@dataclass(frozen=True, kw_only=True)
class SegmentMeasurements:
    """What was measured in one segment.

    Volume, 3D diameter and statistics are of the grid that was segmented, that of the volume; the long axis and the
    numbers of pixels are of the source images, which differ from it where the volume was resampled (a tilted gantry,
    uneven distances).

    Attributes:
        label: Whose.
        voxels: On the grid of the volume.
        volume_ml: Voxels times the volume of one; None where the images have no place in the patient or are a single
            slice: a thickness is not invented.
        mean: Of the voxel values; this and the next three are None where there is no volume input, no voxel, or a value
            that is no number.
        sd: Standard deviation of the voxels themselves (divided by n).
        minimum: Smallest value.
        maximum: Largest value.
        unit: Of the values as ``series.json`` states it (``HU``); "" where there is no volume input.
        unit_code: The same as a UCUM code, None where there is none.
        long_axis_mm: The largest distance across the segment in any one source image, from edge to edge
            (``largest_diameter``); None where nothing is found or the images have no place in the patient.
        long_axis_slice: Index of the source slice it lies in; the first of equals.
        long_axis_ends: Its two ends in that slice as (column, row); whole numbers are centres of pixels.
        diameter_3d_mm: The largest distance across the segment in space, from edge to edge; None as ``volume_ml``.
        largest_slice: Index of the source slice with most pixels; the first of equals; None where there is no pixel.
        slice_pixels: Pixels on each source slice.
    """

    label: Label
    voxels: int
    volume_ml: float | None = None
    mean: float | None = None
    sd: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    unit_code: Code | None = None
    long_axis_mm: float | None = None
    long_axis_slice: int | None = None
    long_axis_ends: tuple[tuple[float, float], tuple[float, float]] | None = None
    diameter_3d_mm: float | None = None
    largest_slice: int | None = None
    slice_pixels: tuple[int, ...] = ()


def measure_segments(job: Job) -> tuple[SegmentMeasurements, ...]:
    """Measure every segment, in order of segment number; those without a voxel only where the job keeps them.

    Raises:
        BadInputError: The job has no segments.
    """
    segments = job.require_segments("measurements")
    outlines = {label.segment_number: _Outline(slices=len(job.source.slices)) for label in segments.table.labels}
    for index in range(len(job.source.slices)):
        for label, mask, box in _boxed_masks(segments, job.source.on_slice(segments.values, index)):
            outlines[label.segment_number].add(index, mask, box, job.source)
    measured = {
        label.segment_number: _measure(job, label, outlines[label.segment_number], box, mask)
        for label, mask, box in _boxed_masks(segments, segments.values)
    }
    return tuple(measured.get(label.segment_number) or _nothing(job, label) for label in job.described_labels)


def unit_code(unit: str) -> Code:
    """The UCUM code of a unit of ``series.json``; one that is not known there is taken for UCUM itself."""
    value, meaning = _UCUM_CODES.get(unit, (unit, unit))
    return Code(scheme="UCUM", value=value, meaning=meaning)


def _boxed_masks(segments: Segments, values: npt.NDArray[Any]) -> Iterator[tuple[Label, npt.NDArray[np.bool_], Box]]:
    """Each segment that has a voxel in ``values``: its mask cut to its bounding box, and the box."""
    if segments.form is Form.LABEL_MAP:
        boxes = _boxes(values, max((label.value for label in segments.table.labels), default=0))
        for label in segments.table.labels:
            box = boxes[label.value - 1]
            if box is not None:
                yield label, segments.where(label, values[box]), box
        return
    for label in segments.table.labels:
        mask = segments.where(label, values)
        (box,) = _boxes(mask.view(np.uint8), 1)
        if box is not None:
            yield label, mask[box], box


def _boxes(numbers: npt.NDArray[Any], count: int) -> list[Box | None]:
    """The bounding box of each number from 1 to ``count``, None of one that is not there."""
    from scipy.ndimage import find_objects

    if numbers.flags.f_contiguous:  # as NIfTI is: several times as fast the other way round
        return [box and box[::-1] for box in find_objects(numbers.T, max_label=count)]
    found: list[Box | None] = find_objects(numbers, max_label=count)
    return found


@dataclass(kw_only=True)
class _Outline:
    """What a segment looks like in the source images, gathered slice by slice."""

    slices: int
    pixels: dict[int, int] = field(default_factory=dict)
    longest: Diameter | None = None
    longest_slice: int | None = None

    def add(self, index: int, mask: npt.NDArray[np.bool_], box: Box, source: SourceStack) -> None:
        """Take in one slice; ``mask`` has shape ``(rows, columns)`` and is what lies in the box of the segment."""
        self.pixels[index] = int(np.count_nonzero(mask))
        spacing_mm = np.array([source.row_spacing_mm, source.column_spacing_mm])
        if self.longest and float(np.linalg.norm(spacing_mm * mask.shape)) <= self.longest.length_mm:
            return  # not even the diagonal of its box is longer
        found = largest_diameter(mask, np.diag(spacing_mm))
        if self.longest is None or found.length_mm > self.longest.length_mm:
            corner = np.array([side.start for side in box])
            self.longest = Diameter(length_mm=found.length_mm, ends=found.ends + corner)
            self.longest_slice = index

    def measured(self) -> dict[str, Any]:
        """The fields of ``SegmentMeasurements`` that are lengths in the source images."""
        if self.longest is None:
            return {}
        (row_0, column_0), (row_1, column_1) = self.longest.ends.tolist()
        return {
            "long_axis_mm": self.longest.length_mm,
            "long_axis_slice": self.longest_slice,
            "long_axis_ends": ((column_0, row_0), (column_1, row_1)),
        }

    def counted(self) -> dict[str, Any]:
        """The fields of ``SegmentMeasurements`` that are counted in the source images."""
        return {
            "largest_slice": max(self.pixels, key=lambda index: (self.pixels[index], -index), default=None),
            "slice_pixels": tuple(self.pixels.get(index, 0) for index in range(self.slices)),
        }


def _measure(job: Job, label: Label, outline: _Outline, box: Box, mask: npt.NDArray[np.bool_]) -> SegmentMeasurements:
    steps_mm = job.require_segments("measurements").affine_ras[:3, :3].T
    voxels = int(np.count_nonzero(mask))
    is_solid = _is_solid(job.source)
    return SegmentMeasurements(
        label=label,
        voxels=voxels,
        volume_ml=voxels * abs(float(np.linalg.det(steps_mm))) / _MM3_PER_ML if is_solid else None,
        diameter_3d_mm=largest_diameter(mask, steps_mm).length_mm if is_solid else None,
        **_statistics(job, box, mask),
        **(outline.measured() if job.source.has_place else {}),
        **outline.counted(),
    )


def _nothing(job: Job, label: Label) -> SegmentMeasurements:
    """What is measured in a segment without a voxel: that it is not there."""
    return SegmentMeasurements(
        label=label,
        voxels=0,
        volume_ml=0.0 if _is_solid(job.source) else None,
        unit=job.volume.unit if job.volume else "",
        unit_code=unit_code(job.volume.unit) if job.volume else None,
        slice_pixels=(0,) * len(job.source.slices),
    )


def _is_solid(source: SourceStack) -> bool:
    """Whether voxels have a volume: a single image, or one without a place in the patient, says nothing of depth."""
    return source.has_place and len(source.slices) > 1


def _statistics(job: Job, box: Box, mask: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """The fields of ``SegmentMeasurements`` that are of the voxel values under a mask."""
    if job.volume is None:
        return {}
    unit = {"unit": job.volume.unit, "unit_code": unit_code(job.volume.unit)}
    values = job.volume.values[box][mask].astype(np.float64)
    if not np.isfinite(values).all():
        return unit
    return {
        **unit,
        "mean": float(values.mean()),
        "sd": float(values.std()),
        "minimum": float(values.min()),
        "maximum": float(values.max()),
    }
