"""Whether two encodings of one UID hold the same image."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

GEOMETRY = (
    "SOPClassUID", "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "BitsStored", "PixelRepresentation",
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "RescaleSlope",
    "RescaleIntercept", "FrameOfReferenceUID", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
    "SegmentSequence",
)  # fmt: skip
"""What an image means besides its pixels. Names and dates may be corrected under the same UID; these may not."""


def same_content(one: Path, other: BinaryIO) -> bool:
    """Whether two files hold the same instance: decoded pixels, geometry, rescale and SOP class.

    Objects without pixels are compared by all their public elements. What cannot be decoded differs.
    """
    try:
        return _same_content(one, other)
    except Exception:  # broken elements raise many kinds; nobody can then say that the two are equal
        return False


def _same_content(one: Path, other: BinaryIO) -> bool:
    first, second = dcmread(one, force=True), dcmread(other, force=True)
    if ("PixelData" in first) != ("PixelData" in second):
        return False
    if "PixelData" not in first:
        return _digest(_public(first)) == _digest(_public(second))
    if _digest(_named(first)) != _digest(_named(second)):
        return False
    same_syntax = first.file_meta.TransferSyntaxUID == second.file_meta.TransferSyntaxUID
    if same_syntax and first.PixelData == second.PixelData:
        return True
    left, right = first.pixel_array, second.pixel_array
    return left.shape == right.shape and bool((left == right).all())


def _named(dataset: Dataset) -> Iterable[DataElement]:
    return [dataset[keyword] for keyword in GEOMETRY if keyword in dataset]


def _public(dataset: Dataset) -> Iterable[DataElement]:
    # Private elements have VR UN in implicit and their own VR in explicit encodings.
    return [element for element in dataset if not element.tag.is_private and element.tag.element != 0]


def _digest(elements: Iterable[DataElement]) -> str:
    total = hashlib.sha256()
    for element in elements:
        total.update(str(element.tag).encode())
        if element.VR == "SQ":
            for item in element.value:
                total.update(f"[{_digest(_public(item))}]".encode())
        else:
            total.update(repr(element.value).encode())
    return total.hexdigest()
