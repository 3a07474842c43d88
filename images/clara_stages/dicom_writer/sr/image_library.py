"""The image library of a report (TID 1600): the images that were measured, described once for all of them."""

from highdicom.sr import (
    CodeContentItem,
    ContainerContentItem,
    ContentSequence,
    ImageContentItem,
    NumContentItem,
    RelationshipTypeValues,
    UIDRefContentItem,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from clara_stages.dicom_writer.inputs.source_stack import SourceStack
from clara_stages.dicom_writer.sr.codes import MILLIMETRE, SOURCE, acquisition_modality
from clara_stages.dicom_writer.sr.number import rounded

_ACQUISITION = RelationshipTypeValues.HAS_ACQ_CONTEXT
_CONTAINS = RelationshipTypeValues.CONTAINS
_PIXELS = Code("{pixels}", "UCUM", "pixels")
_COSINE = Code("{-1:1}", "UCUM", "{-1:1}")


def image_library(source: SourceStack) -> Dataset:
    """One group with the descriptors that all images share and one entry for each instance.

    The template allows descriptors on the group as well as on each entry; of hundreds of slices the latter would make
    the report larger than its segmentation.
    """
    group = ContainerContentItem(name=codes.DCM.ImageLibraryGroup, relationship_type=_CONTAINS)
    group.ContentSequence = ContentSequence([*_descriptors(source), *_entries(source)])
    library: Dataset = ContainerContentItem(name=codes.DCM.ImageLibrary, relationship_type=_CONTAINS)
    library.ContentSequence = ContentSequence([group])
    return library


def _entries(source: SourceStack) -> list[Dataset]:
    return [
        ImageContentItem(
            name=SOURCE,
            referenced_sop_class_uid=instance.SOPClassUID,
            referenced_sop_instance_uid=instance.SOPInstanceUID,
            relationship_type=_CONTAINS,
        )
        for instance in source.instances
    ]


def _descriptors(source: SourceStack) -> list[Dataset]:
    """TID 1602 and, of images with a place in the patient, TID 1604 as far as it is the same of all."""
    modality = acquisition_modality(str(source.first.get("Modality") or ""))
    found: list[Dataset] = []
    if modality:
        found.append(CodeContentItem(name=codes.DCM.Modality, value=modality, relationship_type=_ACQUISITION))
    if source.frame_of_reference_uid:
        uid = source.frame_of_reference_uid
        found.append(UIDRefContentItem(name=codes.DCM.FrameOfReferenceUID, value=uid, relationship_type=_ACQUISITION))
    found += [
        _number(codes.DCM.PixelDataRows, source.rows, _PIXELS),
        _number(codes.DCM.PixelDataColumns, source.columns, _PIXELS),
    ]
    return [*found, *(_place(source) if source.has_place else ())]


def _place(source: SourceStack) -> list[Dataset]:
    cosines = (*source.row_direction, *source.column_direction)
    names = (
        *(codes.DCM.ImageOrientationPatientRowX, codes.DCM.ImageOrientationPatientRowY),
        *(codes.DCM.ImageOrientationPatientRowZ, codes.DCM.ImageOrientationPatientColumnX),
        *(codes.DCM.ImageOrientationPatientColumnY, codes.DCM.ImageOrientationPatientColumnZ),
    )
    return [
        _number(codes.DCM.HorizontalPixelSpacing, source.column_spacing_mm, MILLIMETRE),
        _number(codes.DCM.VerticalPixelSpacing, source.row_spacing_mm, MILLIMETRE),
        *(_number(name, cosine, _COSINE) for name, cosine in zip(names, cosines, strict=True)),
    ]


def _number(name: Code, value: float, unit: Code) -> NumContentItem:
    return NumContentItem(name=name, value=rounded(value), unit=unit, relationship_type=_ACQUISITION)
