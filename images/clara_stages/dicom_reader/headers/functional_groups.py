"""Frames of Enhanced and Legacy Converted objects: what each says of itself in its functional groups."""

from clara_stages.dicom_reader.headers.elements import Element
from clara_stages.dicom_reader.headers.header import Header
from clara_stages.dicom_reader.headers.tags import MACRO_SEQUENCES

_SHARED, _PER_FRAME = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"

_CONVERTED = ("UnassignedSharedConvertedAttributesSequence", "UnassignedPerFrameConvertedAttributesSequence")
"""Attributes of the classic images that had no functional group (PS3.3 C.7.6.16.2.25)."""

_PER_OBJECT = frozenset(
    {
        "SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID",
        "FrameOfReferenceUID", "Modality", "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "BitsAllocated",
        "BitsStored", "HighBit", "PixelRepresentation", "PhotometricInterpretation",
    }
)  # fmt: skip
"""What a functional group may repeat of another object (its references do) and what belongs to all frames."""


class FunctionalGroupsError(ValueError):
    """The functional groups do not fit the object; the text says how."""


def has_functional_groups(header: Header) -> bool:
    """Whether an object describes its frames in functional groups, whatever its SOP class."""
    return _SHARED in header or _PER_FRAME in header


def frame_headers(header: Header, frames: int) -> list[Header]:
    """The header of each frame: its functional groups, over the shared ones, over the top level.

    Some scanners keep position, orientation and spacing at the top level of an Enhanced object; they count where no
    functional group gives them.

    Args:
        header: The whole object.
        frames: Number of Frames.

    Raises:
        FunctionalGroupsError: There are groups for another number of frames.
        BrokenElementError: A sequence is broken.
    """
    shared_item = header.first(_SHARED)
    shared = {} if shared_item is None else _flatten(shared_item)
    base = {**header.elements, **shared}
    for keyword in (_SHARED, _PER_FRAME):
        base.pop(keyword, None)
    if _PER_FRAME not in header:
        return [Header(base, header.encoding)] * frames
    headers = [Header({**base, **_flatten(item)}, header.encoding) for item in header.items(_PER_FRAME, frames + 1)]
    if len(headers) != frames:
        found = f"more than {frames}" if len(headers) > frames else str(len(headers))
        raise FunctionalGroupsError(f"functional groups of {found} frames, but Number of Frames {frames}")
    return headers


def _flatten(groups: Header) -> dict[str | int, Element]:
    """The elements of all functional groups of an item together; what a conversion left over gives way to the rest."""
    converted: dict[str | int, Element] = {}
    elements: dict[str | int, Element] = {}
    for keyword in MACRO_SEQUENCES:
        if keyword in groups:
            item = groups.first(keyword)
            if item is not None:
                (converted if keyword in _CONVERTED else elements).update(item.elements)
    diffusion = Header(elements, groups.encoding).first("DiffusionGradientDirectionSequence")
    if diffusion is not None:
        elements.update(diffusion.elements)
    if "RealWorldValueMappingSequence" in groups:
        elements["RealWorldValueMappingSequence"] = groups.elements["RealWorldValueMappingSequence"]
    merged = {**converted, **elements}
    return {key: value for key, value in merged.items() if key not in _PER_OBJECT}
