"""Reading a Segmentation (BINARY, FRACTIONAL) or a Label Map Segmentation onto the grid of a volume."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_reader.annotations.annotation import Annotation, AnnotationKind, SegHeader
from clara_stages.dicom_reader.annotations.canvas import FRACTION_THRESHOLD, Canvas, new_canvas
from clara_stages.dicom_reader.annotations.open_object import ObjectError, open_object
from clara_stages.dicom_reader.annotations.seg_pixels import read_seg_frames, starts_frames_on_bytes
from clara_stages.dicom_reader.annotations.seg_placement import PlacedFrame, lay_on_slice, leaves_slice, place_frames
from clara_stages.dicom_reader.annotations.segments import Segments, collect_segments
from clara_stages.dicom_reader.annotations.target_grid import TargetGrid
from clara_stages.dicom_reader.limits import Limits
from clara_stages.kit import BadInputError
from clara_stages.kit.contract.kinds import Kind

Array = npt.NDArray[Any]


def read_seg(annotation: Annotation, grid: TargetGrid, limits: Limits, kind: Kind) -> Segments:
    """The segments of a SEG on a grid. Frames that are not there are empty; values are Segment Numbers.

    Raises:
        BadInputError: Pixel data is truncated or cannot be decoded, planes lie between slices, a frame holds a segment
            that nobody describes, or segments overlap where a label map is asked for.
        NothingToDoError: A stack was asked for and no segment has a voxel.
    """
    header = _header_of(annotation)
    if kind is Kind.PROBABILITY_MAP and annotation.kind is not AnnotationKind.FRACTIONAL:
        raise BadInputError(
            f"a {annotation.kind} SEG has no probabilities", remedy="ask for a label_map or a segment_stack"
        )
    placed, notes = place_frames(annotation, header, grid)
    numbers = [item.number for item in annotation.segments]
    canvas = new_canvas(kind, grid.shape, numbers, limits)
    try:
        stored = open_object(annotation.path, limits)
        if starts_frames_on_bytes(stored, header):
            notes.append("each frame begins on a byte, against PS3.5 8.1.1; read so because of the data's length")
        wanted = [item.index for item in placed]
        cut = _paint(annotation, read_seg_frames(stored, header, wanted, limits), placed, (grid, canvas))
    except ObjectError as error:
        raise BadInputError(
            f"the SEG {annotation.sop_instance_uid} cannot be read: {error}",
            remedy="export it again from the program that made it",
        ) from None
    if cut:
        notes.append(f"{cut} frames reach beyond the edge of their slice and are cut there")
    facts = [(item.number, item) for item in annotation.segments]
    notes += _fraction_notes(annotation, header, kind)
    return collect_segments(kind, canvas, facts, annotation, left_out=[], notes=notes)


def _header_of(annotation: Annotation) -> SegHeader:
    if annotation.seg is None:
        raise BadInputError("the annotation is no SEG", remedy="read it with read_rtstruct")
    return annotation.seg


def _paint(
    annotation: Annotation, frames: Iterator[Array], placed: list[PlacedFrame], target: tuple[TargetGrid, Canvas]
) -> int:
    """Paint the frames; how many were cut at the edge of their slice."""
    grid, canvas = target
    masks_of = _mask_reader(annotation)
    cut = 0
    for item, values in zip(placed, frames, strict=True):
        masks = masks_of(item.index, values)
        for position, mask in masks:
            laid = lay_on_slice(mask, item.to_frame, grid)
            for k in item.slices:
                canvas.paint(position, k, laid)
        cut += any(leaves_slice(mask, item.to_frame, grid) for _, mask in masks)
    return cut


MaskReader = Callable[[int, Array], list[tuple[int, Array]]]


def _mask_reader(annotation: Annotation) -> MaskReader:
    """A function from a frame's index and stored values to the masks in it, each with its segment's position."""
    header = _header_of(annotation)
    positions = {item.number: position for position, item in enumerate(annotation.segments)}

    def position_of(segment: int | None, index: int) -> int:
        if segment is None or segment not in positions:
            raise ObjectError(f"frame {index + 1} holds segment {segment}, which is not described")
        return positions[segment]

    def binary(index: int, values: Array) -> list[tuple[int, Array]]:
        return [(position_of(header.frames[index].segment, index), values != 0)]

    def fractional(index: int, values: Array) -> list[tuple[int, Array]]:
        fractions = np.minimum(values.astype(np.float32) / np.float32(header.largest_fraction), np.float32(1))
        return [(position_of(header.frames[index].segment, index), fractions)]

    def label_map(index: int, values: Array) -> list[tuple[int, Array]]:
        found = [int(value) for value in np.unique(values) if value != 0]
        found = [value for value in found if value in positions or value != header.padding]
        return [(position_of(value, index), values == value) for value in found]

    readers = {AnnotationKind.BINARY: binary, AnnotationKind.FRACTIONAL: fractional}
    return readers.get(annotation.kind, label_map)


def _fraction_notes(annotation: Annotation, header: SegHeader, kind: Kind) -> list[str]:
    if annotation.kind is not AnnotationKind.FRACTIONAL:
        return []
    meaning = {"PROBABILITY": "probabilities", "OCCUPANCY": "how much of a voxel the segment fills (occupancy)"}
    named = meaning.get(header.fraction_of, "of a kind that the object does not name")
    if kind is Kind.PROBABILITY_MAP:
        return [f"fractions are {named}, stored as 0..{header.largest_fraction}"]
    return [
        f"fractions are {named}; a voxel is in a segment from {FRACTION_THRESHOLD:g} of the largest fraction "
        f"({header.largest_fraction})"
    ]
