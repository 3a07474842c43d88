"""What an instance is, by its SOP class: slices of volumes, single images, or an object that is no image."""

from enum import StrEnum

from pydicom import uid


class ObjectKind(StrEnum):
    """What the reader can do with the instances of a SOP class."""

    SLICES = "slices"
    """Images with a place in the patient that may make a volume."""
    IMAGE = "image"
    """Two-dimensional images: projections, single images, cine."""
    SLIDE = "slide"
    """Pathology; not read here."""
    OBJECT = "object"
    """No image: SEG, RTSTRUCT, SR, presentation states and so on."""


SLICE_CLASSES: dict[str, str] = {
    uid.CTImageStorage: "CT",
    uid.EnhancedCTImageStorage: "CT",
    uid.LegacyConvertedEnhancedCTImageStorage: "CT",
    uid.MRImageStorage: "MR",
    uid.EnhancedMRImageStorage: "MR",
    uid.LegacyConvertedEnhancedMRImageStorage: "MR",
    uid.PositronEmissionTomographyImageStorage: "PT",
    uid.EnhancedPETImageStorage: "PT",
    uid.LegacyConvertedEnhancedPETImageStorage: "PT",
}
"""SOP classes whose frames are slices of a volume -> their modality."""

IMAGE_CLASSES: frozenset[str] = frozenset(
    {
        uid.NuclearMedicineImageStorage,
        uid.XRayAngiographicImageStorage,
        uid.EnhancedXAImageStorage,
        uid.XRayRadiofluoroscopicImageStorage,
        uid.EnhancedXRFImageStorage,
        uid.DigitalMammographyXRayImageStorageForPresentation,
        uid.DigitalMammographyXRayImageStorageForProcessing,
        uid.DigitalXRayImageStorageForPresentation,
        uid.DigitalXRayImageStorageForProcessing,
        uid.DigitalIntraOralXRayImageStorageForPresentation,
        uid.DigitalIntraOralXRayImageStorageForProcessing,
        uid.ComputedRadiographyImageStorage,
        uid.UltrasoundImageStorage,
        uid.UltrasoundMultiFrameImageStorage,
        uid.SecondaryCaptureImageStorage,
        uid.MultiFrameSingleBitSecondaryCaptureImageStorage,
        uid.MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
        uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
        uid.MultiFrameTrueColorSecondaryCaptureImageStorage,
        uid.EnhancedMRColorImageStorage,
        uid.BreastTomosynthesisImageStorage,
        uid.XRay3DAngiographicImageStorage,
        uid.XRay3DCraniofacialImageStorage,
        uid.RTImageStorage,
        "1.2.840.10008.5.1.4.1.1.3",  # Ultrasound Multi-frame, retired
        "1.2.840.10008.5.1.4.1.1.5",  # Nuclear Medicine, retired
        "1.2.840.10008.5.1.4.1.1.6",  # Ultrasound, retired
        "1.2.840.10008.5.1.4.1.1.12.3",  # X-Ray Angiographic Bi-Plane, retired
    }
)
"""SOP classes of two-dimensional images and cine; those retired (PS3.6 annex A) are in old archives."""

SLIDE_CLASSES: frozenset[str] = frozenset({uid.VLWholeSlideMicroscopyImageStorage})


def object_kind(sop_class_uid: str) -> ObjectKind:
    """What the reader can do with instances of a SOP class; an unknown class is an object."""
    if sop_class_uid in SLICE_CLASSES:
        return ObjectKind.SLICES
    if sop_class_uid in IMAGE_CLASSES:
        return ObjectKind.IMAGE
    return ObjectKind.SLIDE if sop_class_uid in SLIDE_CLASSES else ObjectKind.OBJECT


def class_name(sop_class_uid: str) -> str:
    """The Standard's name of a SOP class, or its UID."""
    return uid.UID(sop_class_uid).name
