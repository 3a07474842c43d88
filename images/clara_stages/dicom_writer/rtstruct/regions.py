"""What a region of interest is: its name, who drew it, and its meaning in codes (PS3.3 C.8.8.5, C.8.8.8)."""

from collections.abc import Iterable
from itertools import count

from pydicom.dataset import Dataset

from clara_stages.dicom_writer.header.label_codes import algorithm_identification, coded_concept
from clara_stages.dicom_writer.header.text import LONG_STRING_CHARACTERS, long_string
from clara_stages.dicom_writer.inputs.label_table import Algorithm, Label

_DIGEST_CHARACTERS = 12
"""Of the digest in ROI Generation Description, which is LO; the whole one is a parameter of the algorithm."""

_ANATOMICAL_STRUCTURES = {("SCT", "123037004"), ("SRT", "T-D000A")}
"""Segmented Property Category of organs (PS3.16 CID 7150), today and as it was coded before 2019."""

_ALGORITHMIC = {"AUTOMATIC", "SEMIAUTOMATIC"}
"""ROI Generation Algorithm of regions that an algorithm took part in."""


def unique_names(labels: Iterable[Label]) -> dict[int, str]:
    """Segment number -> ROI Name. Planning systems find a region by its name: a repeated one gets its number."""
    names: dict[int, str] = {}
    taken: set[str] = set()
    for label in labels:
        name = wanted = long_string(label.name)
        for attempt in count():
            if name.casefold() not in taken:
                break
            suffix = f" ({label.segment_number})" if attempt == 0 else f" ({label.segment_number}.{attempt})"
            name = wanted[: LONG_STRING_CHARACTERS - len(suffix)].rstrip() + suffix
        taken.add(name.casefold())
        names[label.segment_number] = name
    return names


def structure_set_item(label: Label, name: str, algorithm: Algorithm, frame_of_reference_uid: str) -> Dataset:
    """The item of Structure Set ROI Sequence. Who drew a region stays empty where nobody says so (Type 2)."""
    item = Dataset()
    item.ROINumber = label.segment_number
    item.ReferencedFrameOfReferenceUID = frame_of_reference_uid
    item.ROIName = name
    item.ROIGenerationAlgorithm = label.algorithm_type
    if label.algorithm_type in _ALGORITHMIC:
        item.ROIGenerationDescription = _description(algorithm)
        item.ROIDerivationAlgorithmIdentificationSequence = algorithm_identification(algorithm)
    return item


def _description(algorithm: Algorithm) -> str:
    digest = f" {algorithm.digest[:_DIGEST_CHARACTERS]}" if algorithm.digest else ""
    return long_string(f"{algorithm.name} {algorithm.version}")[: LONG_STRING_CHARACTERS - len(digest)] + digest


def observation_item(label: Label) -> Dataset:
    """The item of RT ROI Observations Sequence: what the region shows. Nobody has interpreted it (Type 2)."""
    item = Dataset()
    item.ObservationNumber = label.segment_number
    item.ReferencedROINumber = label.segment_number
    item.SegmentedPropertyCategoryCodeSequence = [coded_concept(label.category)]
    item.RTROIIdentificationCodeSequence = [coded_concept(label.type)]
    item.RTROIInterpretedType = interpreted_type(label)
    item.ROIInterpreter = None
    side = [coded_concept(label.laterality)] if label.laterality else []
    if label.anatomic_region:
        item.AnatomicRegionSequence = [coded_concept(label.anatomic_region)]
        if side:
            item.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = side
    elif side:
        item.RTROIIdentificationCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = side
    return item


def interpreted_type(label: Label) -> str:
    """RT ROI Interpreted Type: what the label table says, ORGAN for anatomy, else empty.

    A tumour that was found is no gross tumour volume: calling it one is the decision of a physician who plans.
    """
    if label.interpreted_type:
        return label.interpreted_type
    return "ORGAN" if (label.category.scheme, label.category.value) in _ANATOMICAL_STRUCTURES else ""
