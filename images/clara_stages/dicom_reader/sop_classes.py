"""What an instance is, by its SOP class: slices of volumes, single images, or an object that is no image."""

from enum import StrEnum

from clara_stages.dicom_reader.uid_names import uid_name


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
    "1.2.840.10008.5.1.4.1.1.2": "CT",  # CT Image
    "1.2.840.10008.5.1.4.1.1.2.1": "CT",  # Enhanced CT Image
    "1.2.840.10008.5.1.4.1.1.2.2": "CT",  # Legacy Converted Enhanced CT Image
    "1.2.840.10008.5.1.4.1.1.4": "MR",  # MR Image
    "1.2.840.10008.5.1.4.1.1.4.1": "MR",  # Enhanced MR Image
    "1.2.840.10008.5.1.4.1.1.4.4": "MR",  # Legacy Converted Enhanced MR Image
    "1.2.840.10008.5.1.4.1.1.128": "PT",  # Positron Emission Tomography Image
    "1.2.840.10008.5.1.4.1.1.130": "PT",  # Enhanced PET Image
    "1.2.840.10008.5.1.4.1.1.128.1": "PT",  # Legacy Converted Enhanced PET Image
}
"""SOP classes whose frames are slices of a volume -> their modality."""

IMAGE_CLASSES: frozenset[str] = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.20",  # Nuclear Medicine Image
        "1.2.840.10008.5.1.4.1.1.12.1",  # X-Ray Angiographic Image
        "1.2.840.10008.5.1.4.1.1.12.1.1",  # Enhanced XA Image
        "1.2.840.10008.5.1.4.1.1.12.2",  # X-Ray Radiofluoroscopic Image
        "1.2.840.10008.5.1.4.1.1.12.2.1",  # Enhanced XRF Image
        "1.2.840.10008.5.1.4.1.1.1.2",  # Digital Mammography X-Ray Image - For Presentation
        "1.2.840.10008.5.1.4.1.1.1.2.1",  # Digital Mammography X-Ray Image - For Processing
        "1.2.840.10008.5.1.4.1.1.1.1",  # Digital X-Ray Image - For Presentation
        "1.2.840.10008.5.1.4.1.1.1.1.1",  # Digital X-Ray Image - For Processing
        "1.2.840.10008.5.1.4.1.1.1.3",  # Digital Intra-Oral X-Ray Image - For Presentation
        "1.2.840.10008.5.1.4.1.1.1.3.1",  # Digital Intra-Oral X-Ray Image - For Processing
        "1.2.840.10008.5.1.4.1.1.1",  # Computed Radiography Image
        "1.2.840.10008.5.1.4.1.1.6.1",  # Ultrasound Image
        "1.2.840.10008.5.1.4.1.1.3.1",  # Ultrasound Multi-frame Image
        "1.2.840.10008.5.1.4.1.1.7",  # Secondary Capture Image
        "1.2.840.10008.5.1.4.1.1.7.1",  # Multi-frame Single Bit Secondary Capture Image
        "1.2.840.10008.5.1.4.1.1.7.2",  # Multi-frame Grayscale Byte Secondary Capture Image
        "1.2.840.10008.5.1.4.1.1.7.3",  # Multi-frame Grayscale Word Secondary Capture Image
        "1.2.840.10008.5.1.4.1.1.7.4",  # Multi-frame True Color Secondary Capture Image
        "1.2.840.10008.5.1.4.1.1.4.3",  # Enhanced MR Color Image
        "1.2.840.10008.5.1.4.1.1.13.1.3",  # Breast Tomosynthesis Image
        "1.2.840.10008.5.1.4.1.1.13.1.1",  # X-Ray 3D Angiographic Image
        "1.2.840.10008.5.1.4.1.1.13.1.2",  # X-Ray 3D Craniofacial Image
        "1.2.840.10008.5.1.4.1.1.481.1",  # RT Image
        "1.2.840.10008.5.1.4.1.1.3",  # Ultrasound Multi-frame, retired
        "1.2.840.10008.5.1.4.1.1.5",  # Nuclear Medicine, retired
        "1.2.840.10008.5.1.4.1.1.6",  # Ultrasound, retired
        "1.2.840.10008.5.1.4.1.1.12.3",  # X-Ray Angiographic Bi-Plane, retired
    }
)
"""SOP classes of two-dimensional images and cine; those retired (PS3.6 annex A) are in old archives."""

SLIDE_CLASSES: frozenset[str] = frozenset({"1.2.840.10008.5.1.4.1.1.77.1.6"})
"""VL Whole Slide Microscopy Image."""

MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"
"""Of a DICOMDIR."""


def object_kind(sop_class_uid: str) -> ObjectKind:
    """What the reader can do with instances of a SOP class; an unknown class is an object."""
    if sop_class_uid in SLICE_CLASSES:
        return ObjectKind.SLICES
    if sop_class_uid in IMAGE_CLASSES:
        return ObjectKind.IMAGE
    return ObjectKind.SLIDE if sop_class_uid in SLIDE_CLASSES else ObjectKind.OBJECT


def class_name(sop_class_uid: str) -> str:
    """The Standard's name of a SOP class, or its UID."""
    return uid_name(sop_class_uid)
