"""Codes and colours of segments, as a label table needs them: from the object, or from the little it says."""

import math
from collections.abc import Iterable
from typing import Any

from pydicom.dataset import Dataset

from clara_stages.dicom_reader.annotations.annotation import Code

ANATOMICAL_STRUCTURE: Code = {"scheme": "SCT", "value": "123037004", "meaning": "Anatomical Structure"}
SPATIAL_CONCEPT: Code = {"scheme": "SCT", "value": "309825002", "meaning": "Spatial and Relational Concept"}
"""Segmented Property Category of a region that somebody drew and did not code (CID 7150)."""

REGION_OF_INTEREST: Code = {"scheme": "NCIt", "value": "C85402", "meaning": "Imaging Region of Interest"}

ROI_TYPES: dict[str, Code] = {
    "GTV": {"scheme": "SCT", "value": "228791009", "meaning": "Gross tumor volume"},
    "CTV": {"scheme": "SCT", "value": "228792002", "meaning": "Clinical target volume"},
    "PTV": {"scheme": "SCT", "value": "228793007", "meaning": "Planning target volume"},
    "ORGAN": {"scheme": "DCM", "value": "130060", "meaning": "Organ At Risk"},
    "EXTERNAL": {"scheme": "DCM", "value": "130047", "meaning": "External Body Structure"},
}
"""RT ROI Interpreted Type (3006,00A4) -> a code for it."""

MANUAL_PROCESSING: Code = {"scheme": "DCM", "value": "123109", "meaning": "Manual Processing"}
UNKNOWN_FAMILY: Code = {"scheme": "99CLARA", "value": "UNKNOWN_FAMILY", "meaning": "Unknown algorithm family"}
"""The object does not say what kind of program made it; private designators begin with 99 (PS3.16 8.2)."""

_LATERALITY = frozenset({"7771000", "24028007", "51440002", "G-A100", "G-A101", "G-A102"})
"""Left, right, both (CID 244), as SNOMED CT codes and as the older SNOMED RT ones."""

_BACKGROUND = frozenset({"125040"})
"""DCM code of the background of a label map (PS3.3 C.8.20.4)."""

_LONGEST_MEANING = 64


def read_code(items: Any) -> Code | None:
    """The first code of a code sequence, or None where it has none that is complete."""
    for item in items or ():
        value = next(
            (text for key in ("CodeValue", "LongCodeValue", "URNCodeValue") if (text := _text(item, key))),
            "",
        )
        scheme = _text(item, "CodingSchemeDesignator") or ("URN" if item.get("URNCodeValue") else "")
        meaning = _text(item, "CodeMeaning")
        if value and scheme:
            return {"scheme": scheme, "value": value, "meaning": (meaning or value)[:_LONGEST_MEANING]}
    return None


def find_laterality(type_items: Any) -> Code | None:
    """The laterality among the modifiers of a property type."""
    for item in type_items or ():
        for modifier in item.get("SegmentedPropertyTypeModifierCodeSequence") or ():
            code = read_code([modifier])
            if code is not None and code["value"] in _LATERALITY:
                return code
    return None


def is_background(code: Code | None) -> bool:
    """Whether a property type says "background"."""
    return code is not None and code["scheme"] == "DCM" and code["value"] in _BACKGROUND


def rgb_of_cielab(values: Iterable[Any] | None) -> tuple[int, int, int] | None:
    """Recommended Display CIELab Value to 8-bit sRGB, or None where it is none.

    DICOM stores L* 0..100 as 0..65535 and a*, b* -128..127 as 0..65535 (PS3.3 C.10.7.1.1). The white is D65: the
    Standard means D50, but dcmqi and highdicom, who wrote nearly all SEGs there are, convert with D65.
    """
    try:
        stored = [float(value) for value in values or ()]
    except (TypeError, ValueError):
        return None
    if len(stored) != 3 or not all(0 <= value <= 65535 for value in stored):
        return None
    lightness = stored[0] * 100 / 65535
    a, b = (value * 255 / 65535 - 128 for value in stored[1:])
    fy = (lightness + 16) / 116
    x, y, z = (white * _inverse_lab(f) for white, f in zip(_WHITE_D65, (fy + a / 500, fy, fy - b / 200), strict=True))
    red, green, blue = (_gamma(rx * x + ry * y + rz * z) for rx, ry, rz in _SRGB_FROM_XYZ_D65)
    return red, green, blue


_WHITE_D65 = (0.95047, 1.0, 1.08883)
_SRGB_FROM_XYZ_D65 = (
    (3.2404542, -1.5371385, -0.4985314),
    (-0.9692660, 1.8760108, 0.0415560),
    (0.0556434, -0.2040259, 1.0572252),
)
"""CIE XYZ to linear sRGB (IEC 61966-2-1)."""


def _inverse_lab(value: float) -> float:
    return value**3 if value > 6 / 29 else 3 * (6 / 29) ** 2 * (value - 4 / 29)


def _gamma(linear: float) -> int:
    clipped = min(max(linear, 0.0), 1.0)
    encoded = 12.92 * clipped if clipped <= 0.0031308 else 1.055 * math.pow(clipped, 1 / 2.4) - 0.055
    return round(encoded * 255)


def _text(item: Dataset, keyword: str) -> str:
    value = item.get(keyword)
    return "" if value is None else str(value).strip().strip("\0")
