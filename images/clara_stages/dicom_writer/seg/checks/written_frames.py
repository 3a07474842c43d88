"""What a written segmentation says of its frames, as arrays."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

Reference = tuple[str, int | None]
"""SOP Instance UID and 1-based frame number (None of a single-frame image)."""


@dataclass(frozen=True, kw_only=True)
class WrittenFrames:
    """The functional groups of all frames.

    Attributes:
        segment_numbers: Shape ``(frames,)``; 0 where a frame names none, as in a LABELMAP.
        positions_lps_mm: Image Position (Patient), shape ``(frames, 3)``.
        orientations: Image Orientation (Patient), shape ``(frames, 6)``.
        spacings_mm: Pixel Spacing, shape ``(frames, 2)``: between rows, between columns.
        references: The source images that each frame names.
        index_values: Dimension Index Values, one row for each frame.
    """

    segment_numbers: Integers
    positions_lps_mm: Floats
    orientations: Floats
    spacings_mm: Floats
    references: list[tuple[Reference, ...]]
    index_values: list[tuple[int, ...]]

    def __len__(self) -> int:
        return len(self.references)


def read_written_frames(segmentation: Dataset) -> WrittenFrames:
    """The functional groups, shared or per frame.

    Raises:
        AttributeError, KeyError, IndexError, ValueError, TypeError: A functional group is missing or malformed.
    """
    groups = _Groups(segmentation)
    return WrittenFrames(
        segment_numbers=np.array(groups.read("SegmentIdentificationSequence", _segment_number, 0), dtype=np.int64),
        positions_lps_mm=_numbers(groups.read("PlanePositionSequence", lambda item: item[0].ImagePositionPatient), 3),
        orientations=_numbers(groups.read("PlaneOrientationSequence", lambda item: item[0].ImageOrientationPatient), 6),
        spacings_mm=_numbers(groups.read("PixelMeasuresSequence", lambda item: item[0].PixelSpacing), 2),
        references=groups.read("DerivationImageSequence", _references),
        index_values=groups.read("FrameContentSequence", _index_values),
    )


def _segment_number(items: Any) -> int:
    return int(items[0].ReferencedSegmentNumber)


def _references(items: Any) -> tuple[Reference, ...]:
    return tuple(
        (str(image.ReferencedSOPInstanceUID), _frame_number(image))
        for derivation in items
        for image in derivation.get("SourceImageSequence") or []
    )


def _frame_number(image: Dataset) -> int | None:
    number = image.get("ReferencedFrameNumber")
    return None if number is None else int(number)


def _index_values(items: Any) -> tuple[int, ...]:
    return tuple(int(value) for value in np.atleast_1d(items[0].DimensionIndexValues))


def _numbers(values: list[Any], count: int) -> Floats:
    return np.array([[float(number) for number in value] for value in values], dtype=np.float64).reshape(-1, count)


class _Groups:
    """Reads one functional group of every frame.

    Frames of one slice, or of one segment, hold the same bytes: each is decoded once, which is most of the time that
    reading a large segmentation takes.
    """

    def __init__(self, segmentation: Dataset) -> None:
        self._shared = segmentation.SharedFunctionalGroupsSequence[0]
        self._frames = list(segmentation.PerFrameFunctionalGroupsSequence)

    def read(self, keyword: str, parse: Callable[[Any], Any], missing: Any = None) -> list[Any]:
        """``parse`` of the group's items for each frame, or ``missing`` where neither frame nor shared groups have it.

        Raises:
            KeyError: A group is missing and nothing stands for it.
        """
        tag = Tag(keyword)
        decoded: dict[bytes, Any] = {}
        found = []
        for frame in self._frames:
            holder = frame if tag in frame else self._shared
            if tag not in holder and missing is not None:
                found.append(missing)
                continue
            encoded = _encoded(holder, tag)
            if encoded is None:
                found.append(parse(holder[tag].value))
                continue
            if encoded not in decoded:
                decoded[encoded] = parse(holder[tag].value)
            found.append(decoded[encoded])
        return found


def _encoded(holder: Dataset, tag: BaseTag) -> bytes | None:
    """The bytes of an element that nobody has decoded yet."""
    element = holder.get_item(tag)
    return element.value if isinstance(element, RawDataElement) else None
