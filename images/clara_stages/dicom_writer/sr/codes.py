"""The codes of a measurement report (PS3.16)."""

from highdicom.sr import CodedConcept
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code as StandardCode

from clara_stages.dicom_writer.header.text import long_string
from clara_stages.dicom_writer.inputs.label_table import Code

VOLUME = StandardCode("118565006", "SCT", "Volume")
LONG_AXIS = StandardCode("103339001", "SCT", "Long Axis")
"""CID 7470: the largest diameter in the plane of the source images."""

DIAMETER_3D = StandardCode("L0JK", "IBSI", "Maximum 3D Diameter of a Mesh")
"""CID 7470: the largest diameter in space."""

MILLILITRE = StandardCode("ml", "UCUM", "milliliter")
MILLIMETRE = StandardCode("mm", "UCUM", "millimeter")

MEAN = StandardCode("373098007", "SCT", "Mean")
STANDARD_DEVIATION = StandardCode("386136009", "SCT", "Standard Deviation")
MINIMUM = StandardCode("255605001", "SCT", "Minimum")
MAXIMUM = StandardCode("56851009", "SCT", "Maximum")
"""CID 7464."""

COMMENT = StandardCode("121106", "DCM", "Comment")

_QUANTITIES = {
    "HU": StandardCode("112031", "DCM", "Attenuation Coefficient"),
    "{SUVbw}g/ml": StandardCode("126401", "DCM", "SUVbw"),
    "Bq/ml": StandardCode("110821", "DCM", "Nuclear Medicine Tomographic Activity"),
}
"""Unit of ``series.json`` -> what it measures (CID 218)."""

_MR_SIGNAL_INTENSITY = StandardCode("110852", "DCM", "MR signal intensity")

_VOXEL_VALUE = StandardCode("VOXELVALUE", "99CLARA", "Voxel value")
"""CID 218 has no code for values of which nothing is known; it may be extended."""

_PROCEDURES = {
    "CT": StandardCode("25045-6", "LN", "CT unspecified body region"),
    "MR": StandardCode("25056-3", "LN", "MRI unspecified body region"),
    "PT": StandardCode("44136-0", "LN", "PET unspecified body region"),
    "NM": StandardCode("49118-3", "LN", "NM unspecified body region"),
    **dict.fromkeys(("CR", "DX", "RF", "XA"), StandardCode("43468-8", "LN", "XR unspecified body region")),
}
"""Modality -> CID 100."""

_IMAGING_PROCEDURE = StandardCode("363679005", "SCT", "Imaging procedure")


def concept(code: Code) -> CodedConcept:
    """A code of the label table as a coded concept."""
    return CodedConcept(value=code.value, scheme_designator=code.scheme, meaning=long_string(code.meaning))


def quantity(unit: str, modality: str) -> StandardCode:
    """What voxel values in a unit measure."""
    if unit == "1" and modality == "MR":
        return _MR_SIGNAL_INTENSITY
    return _QUANTITIES.get(unit, _VOXEL_VALUE)


def procedure(modality: str) -> StandardCode:
    """The procedure that made images of a modality."""
    return _PROCEDURES.get(modality, _IMAGING_PROCEDURE)


def acquisition_modality(modality: str) -> StandardCode | None:
    """The modality as a code of CID 29, or None where it is not one of them."""
    group = codes.cid29
    return next((code for name in group.dir() if (code := getattr(group, name)).value == modality), None)
