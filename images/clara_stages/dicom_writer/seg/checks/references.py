"""Whether the frames of a written segmentation lie on the source images that they name."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.gate.finding import Finding
from clara_stages.dicom_writer.inputs.grid import ROUNDING_MM
from clara_stages.dicom_writer.inputs.planes import ImageHeader
from clara_stages.dicom_writer.inputs.source_stack import SourceStack
from clara_stages.dicom_writer.seg.checks.written_frames import WrittenFrames

TOLERANCE_MM = 0.01
"""Largest distance between a pixel and the source pixel that it stands for: decimal strings of 16 characters round
finer, and no scanner moves in smaller steps."""

NO_SLICE = -1


def slices_of_frames(frames: WrittenFrames, source: SourceStack) -> list[int]:
    """Index of the one source slice that each frame names, ``NO_SLICE`` where it names none, another or several."""
    return [source.index_of.get(named[0], NO_SLICE) if len(named) == 1 else NO_SLICE for named in frames.references]


def check_references(
    segmentation: Dataset, frames: WrittenFrames, slices: list[int], source: SourceStack
) -> Iterator[Finding]:
    """Compare frame of reference, references and places with the source's.

    Args:
        segmentation: As it was read from the file.
        frames: Its frames.
        slices: Of ``slices_of_frames``.
        source: What the segments were found in.
    """
    if segmentation.get("FrameOfReferenceUID") != source.frame_of_reference_uid:
        yield _finding("frame_of_reference", "the Frame of Reference UID is not the source's")
    lost = [number for number, index in enumerate(slices, start=1) if index == NO_SLICE]
    if lost:
        yield _finding(
            "source_reference",
            f"{len(lost)} of {len(frames)} frames (first: {lost[0]}) do not refer to exactly one image of the source",
        )
    yield from _check_referenced_series(segmentation, source)
    yield from _check_places(frames, np.array(slices), source)
    yield from _check_depth(segmentation, source)


def _check_referenced_series(segmentation: Dataset, source: SourceStack) -> Iterator[Finding]:
    expected = Counter({str(instance.SOPInstanceUID): 1 for instance in source.instances})
    series = segmentation.get("ReferencedSeriesSequence") or []
    for title, items in (
        ("Referenced Series Sequence", [item for one in series for item in one.ReferencedInstanceSequence]),
        ("Source Image Sequence", segmentation.get("SourceImageSequence") or []),
    ):
        if Counter(str(item.ReferencedSOPInstanceUID) for item in items) != expected:
            yield _finding(
                "source_reference", f"{title} does not list each of the {len(expected)} source instances once"
            )
    if [item.SeriesInstanceUID for item in series] != [source.first.SeriesInstanceUID]:
        yield _finding("source_reference", "Referenced Series Sequence does not name the one source series")


def _check_places(frames: WrittenFrames, slices: np.ndarray, source: SourceStack) -> Iterator[Finding]:
    """Distances of first pixels, and of what directions and spacing make of the far ends of rows and columns."""
    known = slices != NO_SLICE
    apart_mm = np.linalg.norm(frames.positions_lps_mm[known] - source.positions_lps_mm[slices[known]], axis=1)
    yield from _largest("frame_position", "lie off the source slice that they refer to", apart_mm, known)
    lengths_mm = np.array([source.column_spacing_mm * (source.columns - 1), source.row_spacing_mm * (source.rows - 1)])
    directions = np.concatenate([source.row_direction, source.column_direction])
    turned = np.linalg.norm((frames.orientations - directions).reshape(-1, 2, 3), axis=2) * lengths_mm
    everywhere = np.ones(len(frames), dtype=bool)
    yield from _largest("frame_orientation", "are turned against the source", turned.max(axis=1), everywhere)
    spacings_mm = np.array([source.row_spacing_mm, source.column_spacing_mm])
    scaled = np.abs(frames.spacings_mm - spacings_mm) * (source.rows - 1, source.columns - 1)
    yield from _largest("pixel_spacing", "end elsewhere for their spacing", scaled.max(axis=1), everywhere)


def _check_depth(segmentation: Dataset, source: SourceStack) -> Iterator[Finding]:
    """Thickness and distance of slices, by which programs stack frames, are what the source states or its positions."""
    gap_mm = source.slice_gap_mm() or 0.0
    stated = [ImageHeader(item.instance, item.frame).numbers("SliceThickness", 1) for item in source.slices]
    thicknesses = [gap_mm, *(float(value[0]) for value in stated if value is not None)]
    shared = segmentation.SharedFunctionalGroupsSequence[0].get("PixelMeasuresSequence") or [Dataset()]
    for keyword, allowed in (("SliceThickness", thicknesses), ("SpacingBetweenSlices", [gap_mm])):
        found, known = shared[0].get(keyword), [value for value in allowed if value > 0]
        if found is not None and known and min(abs(float(found) - value) for value in known) > ROUNDING_MM:
            yield _finding("slice_thickness", f"{keyword} is neither stated by the source nor the distance of slices")


def _largest(name: str, what: str, apart_mm: np.ndarray, which: np.ndarray) -> Iterator[Finding]:
    wrong = apart_mm > TOLERANCE_MM
    if wrong.any():
        first = int(np.flatnonzero(which)[wrong][0]) + 1
        yield _finding(
            name,
            f"{int(wrong.sum())} of {len(which)} frames (first: {first}) {what}, by up to {apart_mm.max():.4f} mm; "
            f"at most {TOLERANCE_MM} mm is rounding",
        )


def _finding(name: str, message: str) -> Finding:
    return Finding(name=name, output="seg", message=message)
