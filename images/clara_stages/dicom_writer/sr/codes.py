"""The codes of a measurement report (PS3.16)."""

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

VOLUME = Code("118565006", "SCT", "Volume")
LONG_AXIS = Code("103339001", "SCT", "Long Axis")
"""CID 7470: the largest diameter in the plane of the source images."""

DIAMETER_3D = Code("L0JK", "IBSI", "Maximum 3D Diameter of a Mesh")
"""CID 7470: the largest diameter in space."""

MILLILITRE = Code("ml", "UCUM", "milliliter")
MILLIMETRE = Code("mm", "UCUM", "millimeter")

MEAN = Code("373098007", "SCT", "Mean")
STANDARD_DEVIATION = Code("386136009", "SCT", "Standard Deviation")
MINIMUM = Code("255605001", "SCT", "Minimum")
MAXIMUM = Code("56851009", "SCT", "Maximum")
"""CID 7464."""

COMMENT = Code("121106", "DCM", "Comment")
SOURCE = Code("260753009", "SCT", "Source")
PATH = Code("121055", "DCM", "Path")

_QUANTITIES = {
    "HU": Code("112031", "DCM", "Attenuation Coefficient"),
    "{SUVbw}g/ml": Code("126401", "DCM", "SUVbw"),
    "Bq/ml": Code("110821", "DCM", "Nuclear Medicine Tomographic Activity"),
}
"""Unit of ``series.json`` -> what it measures (CID 218)."""

_MR_SIGNAL_INTENSITY = Code("110852", "DCM", "MR signal intensity")

_VOXEL_VALUE = Code("VOXELVALUE", "99CLARA", "Voxel value")
"""CID 218 has no code for values of which nothing is known; it may be extended."""

_PROCEDURES = {
    "CT": Code("25045-6", "LN", "CT unspecified body region"),
    "MR": Code("25056-3", "LN", "MRI unspecified body region"),
    "PT": Code("44136-0", "LN", "PET unspecified body region"),
    "NM": Code("49118-3", "LN", "NM unspecified body region"),
    **dict.fromkeys(("CR", "DX", "RF", "XA"), Code("43468-8", "LN", "XR unspecified body region")),
}
"""Modality -> CID 100."""

_IMAGING_PROCEDURE = Code("363679005", "SCT", "Imaging procedure")


def quantity(unit: str, modality: str) -> Code:
    """What voxel values in a unit measure."""
    if unit == "1" and modality == "MR":
        return _MR_SIGNAL_INTENSITY
    return _QUANTITIES.get(unit, _VOXEL_VALUE)


def procedure(modality: str) -> Code:
    """The procedure that made images of a modality."""
    return _PROCEDURES.get(modality, _IMAGING_PROCEDURE)


def acquisition_modality(modality: str) -> Code | None:
    """The modality as a code of CID 29, or None where it is not one of them."""
    group = codes.cid29
    return next((code for name in group.dir() if (code := getattr(group, name)).value == modality), None)
