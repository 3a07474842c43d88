"""Whether every frame of a segmentation has the functional groups that it needs (PS3.3 A.51.5, C.7.6.16)."""

from collections.abc import Iterator

from pydicom.dataset import Dataset

from clara_stages.dicom_writer.gate.fault import Fault
from clara_stages.dicom_writer.gate.written_file import items
from clara_stages.dicom_writer.sop_classes import LABEL_MAP_SEGMENTATION_STORAGE, SEGMENTATIONS

_SHARED = "SharedFunctionalGroupsSequence"
_PER_FRAME = "PerFrameFunctionalGroupsSequence"

_MACROS = ("PixelMeasuresSequence", "PlaneOrientationSequence", "PlanePositionSequence", "FrameContentSequence")
"""Of a segmentation in a patient's frame of reference."""

_IDENTIFICATION = "SegmentIdentificationSequence"
"""Not of label maps: their pixels say which segment they belong to."""


def functional_group_faults(dataset: Dataset, sop_class_uid: str) -> Iterator[Fault]:
    """Frames that are not described, described twice, or without a group."""
    if sop_class_uid not in SEGMENTATIONS:
        return
    frames = items(dataset, _PER_FRAME)
    stated = int(dataset.get("NumberOfFrames") or 0)
    if len(frames) != stated:
        detail = f"describes {len(frames)} frames, Number of Frames is {stated}"
        yield Fault(name="functional_group", path=(_PER_FRAME,), detail=detail)
    shared = items(dataset, _SHARED)
    for keyword in (*_MACROS, _IDENTIFICATION):
        if any(len(items(group, keyword)) > 1 for group in (*shared, *frames)):
            yield Fault(name="functional_group", path=(_PER_FRAME, keyword), detail="has two items for one frame")
    if len(shared) > 1:
        yield Fault(name="functional_group", path=(_SHARED,), detail=f"has {len(shared)} items, expected one")
    in_all = {keyword for item in shared for keyword in (*_MACROS, _IDENTIFICATION) if items(item, keyword)}
    wanted = (*_MACROS, *(() if sop_class_uid == LABEL_MAP_SEGMENTATION_STORAGE else (_IDENTIFICATION,)))
    for keyword in wanted:
        stating = sum(1 for frame in frames if items(frame, keyword))
        if keyword in in_all and stating:
            detail = f"stands in the shared groups and in {stating} frames, expected in one of both"
        elif keyword not in in_all and stating < len(frames):
            detail = f"is missing in {len(frames) - stating} of {len(frames)} frames"
        else:
            continue
        yield Fault(name="functional_group", path=(_PER_FRAME, keyword), detail=detail)
