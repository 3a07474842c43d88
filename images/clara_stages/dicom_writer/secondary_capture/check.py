"""Proof that the written pictures show the slices that they refer to, with the segments where they are."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import dcmread
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.gate.expected_masks import expected_masks
from clara_stages.dicom_writer.gate.finding import Finding
from clara_stages.dicom_writer.gate.identity_in_text import identity_in
from clara_stages.dicom_writer.gate.written_file import integers
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.rendering.compare import compare_picture
from clara_stages.dicom_writer.rendering.layout import plan_layout
from clara_stages.dicom_writer.rendering.names import shown_colour
from clara_stages.dicom_writer.rendering.windowing import Window, window_chooser
from clara_stages.kit import raise_machine_fault

_OUTPUT = "sc"

_SHAPE_TOLERANCE = 0.51
"""Shown pixels are whole: half of one may be missing for the exact proportions."""

_TEXTS = ("DerivationDescription", "SeriesDescription", "ImageComments", "ContentDescription")

_SWATCH_PIXELS = 25
"""At least so many pixels of the legend have the colour of a segment."""

_AXES = ("LR", "PA", "HF")
"""Letters of the positive and negative directions of LPS."""


def check(files: Sequence[Path], job: Job) -> Iterator[Finding]:
    """Compare each picture with the voxel values and the segments of the slice that it refers to."""
    expected = sorted({index for _, index, _ in expected_masks(job)})
    window = window_chooser(job.params.window, job.require_volume(_OUTPUT))
    found: list[int | None] = []
    for number, path in enumerate(files, start=1):
        try:
            picture = dcmread(path)
            pixels = picture.pixel_array
        except Exception as error:  # whatever decoding raises, the file cannot be shown
            raise_machine_fault(error)
            yield _finding("unreadable", f"picture {number} cannot be decoded ({type(error).__name__})")
            found.append(None)
            continue
        index = _slice_index(picture, job)
        found.append(index)
        faults = [*_header(picture, job, number)]
        if index is not None:
            faults += _content(picture, pixels, job, index, window(job.source.slices[index]))
        for name, message in faults:
            yield _finding(name, f"picture {number}: {message}")
    if found != expected:
        yield _finding(
            "source_reference",
            f"the pictures refer to {len(found)} source images ({_numbers(found)}), expected the {len(expected)} with "
            f"a segment ({_numbers(expected)})",
        )


def _header(picture: Dataset, job: Job, number: int) -> Iterator[tuple[str, str]]:
    if picture.get("InstanceNumber") != number:
        yield "instance_number", f"Instance Number is not {number}"
    if picture.get("BurnedInAnnotation") != "YES":
        yield "burned_in_annotation", "Burned In Annotation is not YES, the legend is in the pixels"
    yield from _identity(picture, job)
    yield from _orientation(picture, job)


def _content(
    picture: Dataset, pixels: npt.NDArray[np.uint8], job: Job, index: int, window: Window
) -> Iterator[tuple[str, str]]:
    if picture.get("PhotometricInterpretation") != "RGB" or pixels.ndim != 3 or pixels.shape[-1] != 3:
        yield "picture_size", f"the picture is no RGB image: shape {pixels.shape}"
        return
    source, layout = job.source, plan_layout(job.source)
    rows, columns = layout.height, layout.width
    wide, high = source.columns * source.column_spacing_mm, source.rows * source.row_spacing_mm
    if abs(rows - columns * high / wide) > max(1.0, high / wide) * _SHAPE_TOLERANCE:
        yield "picture_size", f"the slice of {wide:.1f} x {high:.1f} mm is shown in {columns} x {rows} pixels"
    spacing = picture.get("PixelSpacing")
    if spacing and not np.allclose([rows * spacing[0], columns * spacing[1]], [high, wide], rtol=1e-6):
        yield "pixel_spacing", f"Pixel Spacing makes the slice {columns * spacing[1]:.3f} mm wide, expected {wide:.3f}"
    bottom = layout.top + rows
    shown = pixels[layout.top : bottom, layout.left : layout.left + columns]
    if shown.shape[:2] != (rows, columns):
        yield "picture_size", f"the picture has {pixels.shape[1]} x {pixels.shape[0]} pixels, too few for the slice"
        return
    yield from compare_picture(shown, job, index, window)
    legend = _colour_numbers(pixels[bottom + layout.top :])
    colours = dict(zip(*(found.tolist() for found in np.unique(legend, return_counts=True)), strict=True))
    for label in job.require_segments(_OUTPUT).table.labels:
        if colours.get(int(_colour_numbers(np.array(shown_colour(label)))), 0) < _SWATCH_PIXELS:
            yield "legend_differs", f"the colour of segment {label.segment_number} is not in the legend"


def _colour_numbers(rgb: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Each colour as one number, along the last axis."""
    numbers: npt.NDArray[np.int64] = rgb.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    return numbers


def _identity(picture: Dataset, job: Job) -> Iterator[tuple[str, str]]:
    text = " | ".join(str(picture.get(keyword) or "") for keyword in _TEXTS)
    for keyword in identity_in(text, job.source.first):
        yield "identity_in_text", f"a description holds the patient's {keyword}"


def _orientation(picture: Dataset, job: Job) -> Iterator[tuple[str, str]]:
    """The first letters name the axes that rows and columns run along most."""
    if not job.source.has_place:
        return
    stated = picture.get("PatientOrientation") or ("", "")
    for text, direction in zip(stated, (job.source.row_direction, job.source.column_direction), strict=False):
        axis = "LRPAHF".find(str(text)[:1]) // 2 if text else -1
        along = direction[axis] * (1 if text and text[0] == _AXES[axis][0] else -1)
        if axis < 0 or along < np.abs(direction).max() - 1e-6:
            yield "orientation_differs", f"Patient Orientation {text or 'empty'} is not where rows and columns run"


def _slice_index(picture: Dataset, job: Job) -> int | None:
    references = picture.get("SourceImageSequence") or []
    found = [
        (str(item.get("ReferencedSOPInstanceUID")), frame)
        for item in references
        for frame in integers(item, "ReferencedFrameNumber") or (None,)
    ]
    return job.source.index_of.get(found[0]) if len(found) == 1 else None


def _numbers(indices: Sequence[int | None]) -> str:
    shown = ["?" if index is None else str(index + 1) for index in indices[:12]]
    return ", ".join(shown) + (" ..." if len(indices) > len(shown) else "")


def _finding(name: str, message: str) -> Finding:
    return Finding(name=name, output=_OUTPUT, message=message)
