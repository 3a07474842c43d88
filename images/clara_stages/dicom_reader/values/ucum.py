"""Units as the reader names them: UCUM codes, and the codes of DICOM that mean them."""

import re
from dataclasses import dataclass

HOUNSFIELD = "HU"
SUV_BODY_WEIGHT = "{SUVbw}g/ml"
ACTIVITY = "Bq/ml"
COUNTS = "{counts}"
NO_UNIT = "1"

PET_UNITS = {
    "CNTS": COUNTS,
    "NONE": NO_UNIT,
    "CM2": "cm2",
    "PCNT": "%",
    "CPS": "{counts}/s",
    "BQML": ACTIVITY,
    "MGMINML": "mg/min/ml",
    "UMOLMINML": "umol/min/ml",
    "MLMING": "ml/min/g",
    "MLG": "ml/g",
    "1CM": "/cm",
    "UMOLML": "umol/ml",
    "PROPCNTS": "{propcounts}",
    "PROPCPS": "{propcounts}/s",
    "MLMINML": "ml/min/ml",
    "MLML": "ml/ml",
    "STDDEV": "{SD}",
}
"""Units (0054,1001) without those of SUV, which the SUV Type tells apart (PS3.3 C.8.9.1.1.3, PS3.16 CID 84)."""

SUV_UNITS = {
    ("GML", ""): SUV_BODY_WEIGHT,  # PS3.3 C.8.9.1: body weight where SUV Type is absent
    ("GML", "BW"): SUV_BODY_WEIGHT,
    ("GML", "LBM"): "{SUVlbm}g/ml",
    ("GML", "LBMJAMES128"): "{SUVlbm(James128)}g/ml",
    ("GML", "LBMJANMA"): "{SUVlbm(Janma)}g/ml",
    ("GML", "IBW"): "{SUVibw}g/ml",
    ("CM2ML", ""): "{SUVbsa}cm2/ml",
    ("CM2ML", "BSA"): "{SUVbsa}cm2/ml",
}
"""Units (0054,1001) and SUV Type (0054,1006) of values that are SUV already."""

RESCALE_TYPES = {
    "HU": HOUNSFIELD,
    "HU_MOD": "HU_MOD",
    "MGML": "mg/ml",
    "Z_EFF": "Z_EFF",
    "ED": "ED",
    "EDW": "EDW",
    "PCT": "%",
    "OD": "OD",
}
"""Rescale Types with a meaning (PS3.3 C.11.1.1.2); those that UCUM has no unit for keep their code."""

_UNSPECIFIED = ("", "US", "NORMALIZED")
"""Rescale Types that say nothing of a unit: none, unspecified, and what Philips writes for MR signal."""

_UNIT_LIKE = re.compile(r"(?=.*[0-9/%])[A-Za-z0-9_/%^*.{}()\[\]+-]{1,24}|ms|s|Hz|rad|deg|ppm|mm|cm|m")
"""What a scanner may call a unit (``10-6mm2/s``, ``um2/s``, ``ms``). Any other text may be anything: it is not kept."""

_SUV_CODE = re.compile(r"(g/ml|cm2/ml)(\{SUV[a-zA-Z0-9()]+\})")
"""The annotation of an SUV after its unit, as later editions of CID 84 have it; here it stands before."""


@dataclass(frozen=True, kw_only=True)
class Unit:
    """What the values of a volume are.

    Attributes:
        name: ``HU``, ``{SUVbw}g/ml``, ``Bq/ml``, ``{counts}``, ``1``, or another code.
        factor: By which values are multiplied after slope and intercept to be in this unit.
        basis: How they came to be in it, where that was more than slope and intercept.
        notes: Sentences for a person: what was not done, and why.
    """

    name: str
    factor: float = 1.0
    basis: str = ""
    notes: tuple[str, ...] = ()


def unit_of_rescale_type(text: str) -> str | None:
    """The unit that a Rescale Type names; ``1`` where it names none, None where it is no code."""
    code = text.replace(" ", "").replace("µ", "u").replace("²", "2")
    if code.upper() in _UNSPECIFIED:
        return NO_UNIT
    if code.upper() in RESCALE_TYPES:
        return RESCALE_TYPES[code.upper()]
    return code if _UNIT_LIKE.fullmatch(code) else None


def unit_of_code(code: str) -> str:
    """A UCUM code of a Real World Value Mapping as this reader writes it."""
    found = _SUV_CODE.fullmatch(code)
    code = found[2] + found[1] if found else code
    return HOUNSFIELD if code in ("[hnsf'U]", "hnsf'U") else code
