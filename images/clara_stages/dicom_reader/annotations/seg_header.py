"""What the header of a Segmentation or Label Map Segmentation says (PS3.3 A.51, C.8.20)."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from clara_stages.dicom_reader.annotations.annotation import AnnotationKind, SegFrame, SegHeader, SegmentFacts
from clara_stages.dicom_reader.annotations.codes import (
    REGION_OF_INTEREST,
    SPATIAL_CONCEPT,
    find_laterality,
    is_background,
    read_code,
    rgb_of_cielab,
)
from clara_stages.dicom_reader.annotations.open_object import ObjectError
from clara_stages.dicom_reader.annotations.values import integer, items, numbers, once, text, uid
from clara_stages.dicom_reader.limits import Limits

_LARGEST_SEGMENT_NUMBER = 65535
"""Segment Number is US."""


def read_seg_header(dataset: Dataset, limits: Limits) -> dict[str, Any]:
    """The fields of an ``Annotation`` that a SEG has of its own.

    Raises:
        ObjectError: It lacks what reading its voxels needs, or claims more than the limits allow.
    """
    kind = _kind(dataset)
    segments = _segments(dataset, kind)
    header = _header(dataset, kind, limits)
    return {
        "kind": kind,
        "segments": segments,
        "seg": header,
        "frame_of_reference_uids": once([uid(dataset, "FrameOfReferenceUID")]),
        "planes_lps_mm": np.array([_extent(frame, header) for frame in header.frames]).reshape(-1, 3, 3),
        **_references(dataset, header),
    }


def _kind(dataset: Dataset) -> AnnotationKind:
    named = text(dataset, "SegmentationType").lower()
    if named in (AnnotationKind.BINARY, AnnotationKind.FRACTIONAL, AnnotationKind.LABELMAP):
        return AnnotationKind(named)
    raise ObjectError("its Segmentation Type is none of BINARY, FRACTIONAL and LABELMAP")


def _segments(dataset: Dataset, kind: AnnotationKind) -> tuple[SegmentFacts, ...]:
    """The segments without a label map's background, segment 0."""
    segments = tuple(_segment(item) for item in items(dataset, "SegmentSequence"))
    if kind is AnnotationKind.LABELMAP:
        segments = tuple(item for item in segments if item.number != 0 and not is_background(item.type))
    found = [item.number for item in segments]
    if not found:
        raise ObjectError("it describes no segment")
    wrong = next((n for n in found if not 1 <= n <= _LARGEST_SEGMENT_NUMBER or found.count(n) > 1), None)
    if wrong is not None:
        raise ObjectError(
            f"Segment Number {wrong} is given {found.count(wrong)} times; each is to be unique and from 1"
        )
    return segments


def _segment(item: Dataset) -> SegmentFacts:
    number = integer(item, "SegmentNumber")
    if number is None:
        raise ObjectError("a segment has no Segment Number")
    algorithm = next(items(item, "SegmentationAlgorithmIdentificationSequence"), Dataset())
    return SegmentFacts(
        number=number,
        name=text(item, "SegmentLabel") or f"segment {number}",
        category=read_code(items(item, "SegmentedPropertyCategoryCodeSequence")) or SPATIAL_CONCEPT,
        type=read_code(items(item, "SegmentedPropertyTypeCodeSequence")) or REGION_OF_INTEREST,
        laterality=find_laterality(items(item, "SegmentedPropertyTypeCodeSequence")),
        anatomic_region=read_code(items(item, "AnatomicRegionSequence")),
        colour_rgb=rgb_of_cielab(item.get("RecommendedDisplayCIELabValue")),
        algorithm_type=text(item, "SegmentAlgorithmType"),
        algorithm_name=text(item, "SegmentAlgorithmName") or text(algorithm, "AlgorithmName"),
        algorithm_version=text(algorithm, "AlgorithmVersion"),
        algorithm_family=read_code(items(algorithm, "AlgorithmFamilyCodeSequence")),
    )


def _header(dataset: Dataset, kind: AnnotationKind, limits: Limits) -> SegHeader:
    rows, columns = integer(dataset, "Rows") or 0, integer(dataset, "Columns") or 0
    bits = integer(dataset, "BitsAllocated") or 0
    if rows < 1 or columns < 1 or rows * columns > limits.max_frame_pixels:
        raise ObjectError(f"frames of {columns} x {rows} pixels; at most {limits.max_frame_pixels} pixels are read")
    if bits not in ((1, 8) if kind is AnnotationKind.BINARY else (8, 16)):
        raise ObjectError(f"{bits} bits for each pixel, which {kind} segments cannot have")
    count = _frame_count(dataset, limits)
    largest = integer(dataset, "MaximumFractionalValue") if kind is AnnotationKind.FRACTIONAL else 1
    if not largest or largest < 1:
        raise ObjectError("fractional without a Maximum Fractional Value")
    return SegHeader(
        rows=rows,
        columns=columns,
        bits=bits,
        largest_fraction=largest,
        fraction_of=text(dataset, "SegmentationFractionalType").upper() if kind is AnnotationKind.FRACTIONAL else "",
        padding=integer(dataset, "PixelPaddingValue") if kind is AnnotationKind.LABELMAP else None,
        frames=_frames(dataset, kind, count),
    )


def _frame_count(dataset: Dataset, limits: Limits) -> int:
    if text(dataset, "DimensionOrganizationType").startswith("TILED"):
        raise ObjectError("its frames are tiles of a slide")
    stated = integer(dataset, "NumberOfFrames")
    count = 1 if stated is None else stated
    if not 1 <= count <= limits.max_frames:
        raise ObjectError(f"it claims {count} frames; 1 to {limits.max_frames} are read")
    return count


def _frames(dataset: Dataset, kind: AnnotationKind, count: int) -> tuple[SegFrame, ...]:
    shared = next(items(dataset, "SharedFunctionalGroupsSequence"), Dataset())
    groups = list(items(dataset, "PerFrameFunctionalGroupsSequence"))
    if not groups and count == 1:
        groups = [Dataset()]
    if len(groups) != count:
        raise ObjectError(f"it claims {count} frames and describes {len(groups)}")
    return tuple(_frame(index, (group, shared), dataset, kind) for index, group in enumerate(groups))


def _frame(index: int, groups: tuple[Dataset, ...], dataset: Dataset, kind: AnnotationKind) -> SegFrame:
    segment = None
    if kind is not AnnotationKind.LABELMAP:
        segment = integer(_group(groups, "SegmentIdentificationSequence"), "ReferencedSegmentNumber")
        if segment is None:
            raise ObjectError(f"frame {index + 1} does not say which segment it shows")
    position = _group((*groups, dataset), "PlanePositionSequence") or dataset
    orientation = _group((*groups, dataset), "PlaneOrientationSequence") or dataset
    measures = _group((*groups, dataset), "PixelMeasuresSequence") or dataset
    gap = numbers(measures, "SpacingBetweenSlices", 1)
    return SegFrame(
        index=index,
        segment=segment,
        position_lps_mm=numbers(position, "ImagePositionPatient", 3),
        orientation_lps=numbers(orientation, "ImageOrientationPatient", 6),
        pixel_spacing_mm=_positive(numbers(measures, "PixelSpacing", 2)),
        slice_spacing_mm=gap[0] if gap and gap[0] > 0 else None,
        sources=tuple(_sources(groups)),
    )


def _positive(spacing: tuple[float, ...] | None) -> tuple[float, ...] | None:
    return spacing if spacing and all(value > 0 for value in spacing) else None


def _group(groups: tuple[Dataset, ...], keyword: str) -> Dataset:
    """The first item of a functional group: of the frame, else of all frames (PS3.3 C.7.6.16)."""
    return next((item for group in groups for item in items(group, keyword)), Dataset())


def _sources(groups: tuple[Dataset, ...]) -> Iterator[tuple[str, int | None]]:
    for group in groups:
        for derivation in items(group, "DerivationImageSequence"):
            for source in items(derivation, "SourceImageSequence"):
                found = uid(source, "ReferencedSOPInstanceUID")
                if found:
                    yield found, _frame_number(source)


def _frame_number(source: Dataset) -> int | None:
    value = source.get("ReferencedFrameNumber")
    first = value[0] if value is not None and not isinstance(value, (str, int)) and len(value) else value
    try:
        return None if first is None or first == "" else int(first)
    except (TypeError, ValueError):
        return None


def _extent(frame: SegFrame, header: SegHeader) -> np.ndarray[Any, np.dtype[np.float64]]:
    """First pixel, one step beyond the end of its row, one beyond the end of its column, LPS mm, shape ``(3, 3)``.

    NaN where the frame does not say where it lies.
    """
    if frame.position_lps_mm is None or frame.orientation_lps is None or frame.pixel_spacing_mm is None:
        return np.full((3, 3), np.nan)
    between_rows, between_columns = frame.pixel_spacing_mm
    origin, orientation = np.array(frame.position_lps_mm), np.array(frame.orientation_lps)
    along_row = orientation[:3] * between_columns * header.columns
    down_column = orientation[3:] * between_rows * header.rows
    return np.array([origin, origin + along_row, origin + down_column])


def _references(dataset: Dataset, header: SegHeader) -> dict[str, tuple[str, ...]]:
    series: list[str] = []
    studies: list[str] = []
    instances = [found for frame in header.frames for found, _ in frame.sources]
    other = list(items(dataset, "StudiesContainingOtherReferencedInstancesSequence"))
    for holder in (dataset, *other):
        studies.append(uid(holder, "StudyInstanceUID"))
        for referenced in items(holder, "ReferencedSeriesSequence"):
            series.append(uid(referenced, "SeriesInstanceUID"))
            instances += [
                uid(item, "ReferencedSOPInstanceUID")
                for keyword in ("ReferencedInstanceSequence", "ReferencedSOPSequence")
                for item in items(referenced, keyword)
            ]
    instances += [
        uid(item, "ReferencedSOPInstanceUID")
        for keyword in ("ReferencedImageSequence", "SourceImageSequence")
        for item in items(dataset, keyword)
    ]
    return {
        "referenced_series": once(series),
        "referenced_studies": once(studies),
        "referenced_instances": once(instances),
    }
