"""Per-frame functional groups: each frame of each segment at its place, with its reference to the source image."""

from collections.abc import Sequence

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from clara_stages.dicom_writer.header.references import image_reference
from clara_stages.dicom_writer.inputs.source_stack import SourceStack
from clara_stages.dicom_writer.seg.source_templates import stand_in_uid

Place = tuple[int | None, int]
"""Segment number (None in a LABELMAP) and index of the source slice of one frame."""

_DIMENSION_INDEX_VALUES = Tag("DimensionIndexValues")
_FRAME_CONTENT = Tag("FrameContentSequence")
_SEGMENT_IDENTIFICATION = Tag("SegmentIdentificationSequence")


def set_frame_groups(result: Dataset, places: Sequence[Place], source: SourceStack) -> None:
    """Make one item of Per-Frame Functional Groups for each frame, with a reference to the real source image.

    Dimension indices rise with the segment number and along row direction x column direction.

    Args:
        result: Has one frame, of any segment, for each slice in ``places``, referring to the slice's template.
        places: Of every frame, in their order in Pixel Data.
        source: The slices.
    """
    of_slice = _groups_of_slices(result, source)
    for index, group in of_slice.items():
        group.DerivationImageSequence[0].SourceImageSequence[0].update(image_reference(source.slices[index]))
    ranks = {index: rank for rank, index in enumerate(sorted(of_slice), start=1)}
    identifications = {}
    if all("SegmentIdentificationSequence" in group for group in of_slice.values()):  # else it is shared
        identifications = {number: _segment_identification(number) for number in {number for number, _ in places}}
    result.PerFrameFunctionalGroupsSequence = [
        _group(of_slice[index], _index_values(number, ranks[index]), identifications.get(number))
        for number, index in places
    ]
    result.NumberOfFrames = len(places)


def _groups_of_slices(result: Dataset, source: SourceStack) -> dict[int, Dataset]:
    index_of = {stand_in_uid(index): index for index in range(len(source.slices))}
    return {
        index_of[group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID]: group
        for group in result.PerFrameFunctionalGroupsSequence
    }


def _index_values(number: int | None, rank: int) -> list[int]:
    """Segments are numbered from 1 without a gap: a segment's number is its place along the first dimension."""
    return [rank] if number is None else [number, rank]


def _segment_identification(number: int | None) -> DataElement:
    item = Dataset()
    item.ReferencedSegmentNumber = number
    return DataElement(_SEGMENT_IDENTIFICATION, "SQ", [item])


def _group(of_slice: Dataset, index_values: list[int], identification: DataElement | None) -> Dataset:
    """The groups of one frame: those of its slice, with its own dimension index and segment."""
    content = Dataset()
    content.add(DataElement(_DIMENSION_INDEX_VALUES, "UL", index_values))
    group = Dataset()
    group.update(of_slice)
    group.add(DataElement(_FRAME_CONTENT, "SQ", [content]))
    if identification is not None:
        group.add(identification)
    return group
