"""Attributes that an object must have under a condition, where what is written decides it (PS3.3, Type 1C and 2C).

Only the conditions of what this stage writes, and only those that the object itself answers.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import (
    CTImageStorage,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
    RTStructureSetStorage,
    SecondaryCaptureImageStorage,
)

from clara_stages.dicom_writer.gate.fault import Fault, name_of
from clara_stages.dicom_writer.gate.presence import is_empty
from clara_stages.dicom_writer.gate.written_file import elements, items, raw, vr_of
from clara_stages.dicom_writer.sop_classes import SEGMENTATIONS

_SINGLE_FRAME = frozenset({str(CTImageStorage), str(MRImageStorage), str(PositronEmissionTomographyImageStorage)})


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One attribute that is wanted where something else says so.

    Attributes:
        keyword: Of the attribute.
        when: Whether it is wanted, asked of the data set or item that has it.
        clause: Of PS3.3, and the condition in words.
        within: The sequences around it.
        may_be_empty: Type 2C.
        sop_classes: The objects that it holds for; empty for all.
    """

    keyword: str
    when: Callable[[Dataset], bool]
    clause: str
    within: tuple[str, ...] = ()
    may_be_empty: bool = False
    sop_classes: frozenset[str] = frozenset()


def _always(_: Dataset) -> bool:
    return True


def _lossy(dataset: Dataset) -> bool:
    return str(dataset.get("LossyImageCompression")) == "01"


_ROI_SEQUENCES = ("StructureSetROISequence", "ROIContourSequence", "RTROIObservationsSequence")

CONDITIONS = (
    Condition(
        keyword="PixelData",
        when=lambda dataset: "Rows" in dataset and "FloatPixelData" not in dataset,
        clause="C.7.6.3: an image has pixels",
    ),
    Condition(
        keyword="PlanarConfiguration",
        when=lambda dataset: int(dataset.get("SamplesPerPixel") or 1) > 1,
        clause="C.7.6.3.1.3: colour says how its samples lie",
    ),
    Condition(keyword="LossyImageCompressionRatio", when=_lossy, clause="C.7.6.1.1.5: the image was lossy once"),
    Condition(keyword="LossyImageCompressionMethod", when=_lossy, clause="C.7.6.1.1.5: the image was lossy once"),
    Condition(
        keyword="DeidentificationMethod",
        when=lambda dataset: (
            dataset.get("PatientIdentityRemoved") == "YES" and not dataset.get("DeidentificationMethodCodeSequence")
        ),
        clause="C.7.1.1: Patient Identity Removed is YES",
    ),
    Condition(
        keyword="SegmentAlgorithmName",
        when=lambda item: item.get("SegmentAlgorithmType") in ("AUTOMATIC", "SEMIAUTOMATIC"),
        clause="C.8.20.2: an algorithm made the segment",
        within=("SegmentSequence",),
        sop_classes=SEGMENTATIONS,
    ),
    Condition(keyword="DimensionIndexSequence", when=_always, clause="C.8.20.3.1", sop_classes=SEGMENTATIONS),
    Condition(keyword="PerFrameFunctionalGroupsSequence", when=_always, clause="C.7.6.16", sop_classes=SEGMENTATIONS),
    *(
        Condition(
            keyword=keyword,
            when=lambda dataset: dataset.get("SegmentationType") == "FRACTIONAL",
            clause="C.8.20.2: Segmentation Type is FRACTIONAL",
            sop_classes=SEGMENTATIONS,
        )
        for keyword in ("SegmentationFractionalType", "MaximumFractionalValue")
    ),
    *(
        Condition(
            keyword=keyword,
            when=_always,
            clause="C.8.8.5, C.8.8.6, C.8.8.8: there are ROIs",
            sop_classes=frozenset({str(RTStructureSetStorage)}),
        )
        for keyword in _ROI_SEQUENCES
    ),
    Condition(
        keyword="PatientPosition",
        when=lambda dataset: "PatientOrientationCodeSequence" not in dataset,
        clause="C.7.3.1",
        may_be_empty=True,
        sop_classes=_SINGLE_FRAME,
    ),
    Condition(
        keyword="PatientOrientation",
        when=lambda dataset: "ImageOrientationPatient" not in dataset,
        clause="C.7.6.1: the image states no Image Orientation (Patient)",
        may_be_empty=True,
        sop_classes=frozenset({str(SecondaryCaptureImageStorage)}),
    ),
)


def condition_faults(dataset: Dataset, sop_class_uid: str) -> Iterator[Fault]:
    """What is missing of ``CONDITIONS``, and codes that are none."""
    for condition in CONDITIONS:
        if condition.sop_classes and sop_class_uid not in condition.sop_classes:
            continue
        for item in _items(dataset, condition.within):
            element = raw(item, tag_for_keyword(condition.keyword) or 0)
            missing = element is None or (not condition.may_be_empty and is_empty(element))
            if missing and condition.when(item):
                path = (*condition.within, condition.keyword)
                detail = f"is missing or empty, wanted by PS3.3 {condition.clause}"
                yield Fault(name="missing_conditional", path=path, detail=detail)
    yield from _code_faults(dataset, ())


def _items(dataset: Dataset, within: Sequence[str]) -> list[Dataset]:
    found = [dataset]
    for keyword in within:
        found = [item for outer in found for item in items(outer, keyword)]
    return found


def _code_faults(dataset: Dataset, path: tuple[str, ...]) -> Iterator[Fault]:
    """Every code has one value, and a scheme where it is a Code Value (PS3.3 table 8.8-1)."""
    for element in elements(dataset):
        for item in items(dataset, element.tag) if vr_of(element) == "SQ" else ():
            inner = (*path, name_of(int(element.tag)))
            yield from _code_faults(item, inner)
            if "CodeMeaning" not in item:
                continue
            values = [name for name in ("CodeValue", "LongCodeValue", "URNCodeValue") if name in item]
            if len(values) != 1:
                detail = f"is a code with {len(values)} values, expected one (PS3.3 table 8.8-1)"
                yield Fault(name="incomplete_code", path=inner, detail=detail)
            elif values != ["URNCodeValue"] and is_empty(raw(item, 0x00080102)):
                detail = "is a code without Coding Scheme Designator (PS3.3 table 8.8-1)"
                yield Fault(name="incomplete_code", path=inner, detail=detail)
