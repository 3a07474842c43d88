"""From Bq/ml to SUV by body weight, as the vendor-neutral pseudo-code of QIBA has it; any doubt ends in its reason."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from clara_stages.dicom_reader.values.pet_header import PetHeader
from clara_stages.dicom_reader.values.scan_start import UnknownTimeError, find_decay_interval

WEIGHT_KG = (0.4, 400.0)
"""From the smallest newborn to the limit of any table; outside, the unit is wrong, or it is no person."""

DOSE_BQ = (1e6, 2e10)
"""Least: newborns get 10 MBq; a dose in MBq or kBq in place of Bq is below. Most: ten times the largest of O-15."""

HALF_LIFE_S = (60.0, 864_000.0)
"""From below Rb-82 (76 s) to above I-124 (4.2 days)."""

_AGREED = {
    "corrections": "Corrected Image (0028,0051)",
    "decay_correction": "Decay Correction (0054,1102)",
    "decay_reference_s": "Decay Correction DateTime (0018,9701)",
    "weight_kg": "Patient's Weight (0010,1030)",
    "agents": "Radiopharmaceutical Information Sequence (0054,0016)",
    "dose": "Radionuclide Total Dose (0018,1074)",
    "half_life_s": "Radionuclide Half Life (0018,1075)",
    "injection_s": "Radiopharmaceutical Start DateTime (0018,1078)",
    "injection_time_of_day_s": "Radiopharmaceutical Start Time (0018,1072)",
    "series_start_s": "Series Date and Time",
    "philips_suv_factor": "Philips' SUV factor (7053,xx00)",
    "philips_activity_factor": "Philips' activity factor (7053,xx09)",
}
"""What is one fact of a series; images that differ in it were not made by one reconstruction."""

_SECONDS_PER_MINUTE = 60


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """A factor, and how it came about; neither weight nor dose is quoted."""

    factor: float
    basis: str


class NoSuvError(ValueError):
    """Why there is no SUV, as the end of a sentence, without anything that tells of the person."""


def require_agreement(headers: Sequence[PetHeader]) -> None:
    """Raises NoSuvError where the images of one series do not tell the same of it."""
    for attribute, name in _AGREED.items():
        values = {getattr(header, attribute) for header in headers}
        if len(values) > 1:
            raise NoSuvError(f"{len(headers)} images have {len(values)} different values of {name}")


def require_corrections(header: PetHeader) -> None:
    """Raises NoSuvError where values were not corrected for attenuation and decay."""
    missing = [name for name in ("ATTN", "DECY") if name not in header.corrections]
    if missing:
        raise NoSuvError(f"Corrected Image (0028,0051) does not say {' and '.join(missing)}")


def suv_of_activity(headers: Sequence[PetHeader]) -> Conversion:
    """The factor from Bq/ml to SUV by body weight, g/ml.

    SUV = activity x weight / dose, with the dose decayed to the instant that the activity is corrected to: the start
    of the scan (Decay Correction START, or the reference of an Enhanced object) or the injection (ADMIN).

    Args:
        headers: Of each image, at least one.

    Raises:
        NoSuvError: A fact is absent, out of any range, differs between images, or contradicts another.
    """
    require_agreement(headers)
    header = headers[0]
    require_corrections(header)
    weight_kg, dose_bq = _weight_kg(header), _dose_bq(header)
    if header.decay_correction == "ADMIN":
        factor = weight_kg * 1000 / dose_bq
        return Conversion(factor=factor, basis=_basis("dose as injected, values decay-corrected to then", factor))
    if header.decay_correction != "START" and header.decay_reference_s is None:
        found = header.decay_correction if header.decay_correction in ("NONE", "") else "no code"
        raise NoSuvError(f"Decay Correction (0054,1102) is {found or 'absent'}, expected START or ADMIN")
    half_life_s = _half_life_s(header)
    try:
        interval = find_decay_interval(headers, half_life_s)
    except UnknownTimeError as error:
        raise NoSuvError(str(error)) from None
    factor = weight_kg * 1000 / (dose_bq * math.pow(2, -interval.seconds / half_life_s))
    minutes = interval.seconds / _SECONDS_PER_MINUTE
    return Conversion(
        factor=factor, basis=_basis(f"dose decay-corrected over {minutes:.1f} min ({interval.scan_start_from})", factor)
    )


def _basis(how: str, factor: float) -> str:
    return f"SUV by body weight from Bq/ml: {how}, factor {factor:.3g}"


def _weight_kg(header: PetHeader) -> float:
    weight_kg = header.weight_kg
    if not weight_kg:
        raise NoSuvError("Patient's Weight (0010,1030) is absent or 0")
    if not WEIGHT_KG[0] <= weight_kg <= WEIGHT_KG[1]:
        raise NoSuvError(f"Patient's Weight (0010,1030) is outside {WEIGHT_KG[0]:g} to {WEIGHT_KG[1]:g} kg")
    return weight_kg


def _dose_bq(header: PetHeader) -> float:
    if header.agents != 1:
        raise NoSuvError(f"{header.agents} radiopharmaceuticals are named, expected 1")
    if not header.dose:
        raise NoSuvError("Radionuclide Total Dose (0018,1074) is absent or 0")
    if header.dose < DOSE_BQ[0]:
        raise NoSuvError(
            f"Radionuclide Total Dose (0018,1074) is below {DOSE_BQ[0]:g} Bq: it may be in MBq in place of Bq"
        )
    if header.dose > DOSE_BQ[1]:
        raise NoSuvError(f"Radionuclide Total Dose (0018,1074) is above {DOSE_BQ[1]:g} Bq")
    return header.dose


def _half_life_s(header: PetHeader) -> float:
    half_life_s = header.half_life_s
    if not half_life_s:
        raise NoSuvError("Radionuclide Half Life (0018,1075) is absent or 0")
    if not HALF_LIFE_S[0] <= half_life_s <= HALF_LIFE_S[1]:
        raise NoSuvError(
            f"Radionuclide Half Life (0018,1075) is {half_life_s:g} s, outside {HALF_LIFE_S[0]:g} to {HALF_LIFE_S[1]:g}"
        )
    return half_life_s
