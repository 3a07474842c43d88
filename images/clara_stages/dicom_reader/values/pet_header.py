"""What the header of a PET image says about dose, decay and time: the material of an SUV, as plain values."""

from dataclasses import dataclass

from clara_stages.dicom_reader.headers.dictionary import DICTIONARY
from clara_stages.dicom_reader.values.private_blocks import private_tags

_KEYWORDS = (
    "SOPClassUID", "TimezoneOffsetFromUTC", "PatientWeight",
    "SeriesDate", "SeriesTime", "AcquisitionDate", "AcquisitionTime", "AcquisitionDateTime",
    "Units", "SUVType", "SeriesType", "CorrectedImage", "DecayCorrection", "FrameReferenceTime", "ActualFrameDuration",
    "RadiopharmaceuticalInformationSequence",
    "DecayCorrected", "AttenuationCorrected", "DecayCorrectionDateTime",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
)  # fmt: skip

GE_SCAN_START = (0x0009, "GEMS_PETD_01", 0x0D)
PHILIPS_SUV_FACTOR = (0x7053, "Philips PET Private Group", 0x00)
PHILIPS_ACTIVITY_FACTOR = (0x7053, "Philips PET Private Group", 0x09)
"""Group, private creator and element."""

_PRIVATE = (GE_SCAN_START, PHILIPS_SUV_FACTOR, PHILIPS_ACTIVITY_FACTOR)

PET_TAGS: tuple[int, ...] = tuple(
    dict.fromkeys(
        [
            *(DICTIONARY[keyword][0] for keyword in _KEYWORDS),
            *(tag for group, _, element in _PRIVATE for tag in private_tags(group, element)),
        ]
    )
)
"""Every element that ``pet_elements.py`` looks at, the private creators too: without its creator a private element
belongs to nobody."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class PetHeader:
    """What one PET instance says; None, "" or () where it does not. No repr: weight and dose are a person's.

    Instants are seconds since 1970 in local time without a zone, as DICOM writes them.

    Attributes:
        units: Units (0054,1001).
        suv_type: SUV Type (0054,1006): ``BW``, ``LBM``, ``LBMJANMA``, ``BSA``, ``IBW``.
        series_type: First value of Series Type (0054,1000): ``STATIC``, ``DYNAMIC``, ``GATED``, ``WHOLE BODY``.
        corrections: Corrected Image (0028,0051); of an Enhanced object ``ATTN`` and ``DECY`` where it says YES.
        decay_correction: Decay Correction (0054,1102): ``START``, ``ADMIN``, ``NONE``.
        decay_reference_s: Decay Correction DateTime (0018,9701) of an Enhanced object.
        series_start_s: Series Date and Time.
        acquisition_start_s: Acquisition Date and Time; the earliest of a multi-frame object.
        frame_reference_time_ms: Frame Reference Time (0054,1300): from scan start to the mean activity of the frame.
        frame_duration_ms: Actual Frame Duration (0018,1242).
        ge_scan_start_s: GE's private scan date and time (0009,xx0D).
        philips_suv_factor: Philips' private factor from counts to SUV (7053,xx00).
        philips_activity_factor: Philips' private factor from counts to Bq/ml (7053,xx09).
        weight_kg: Patient's Weight (0010,1030).
        agents: Items of the Radiopharmaceutical Information Sequence; the following are of its first.
        dose: Radionuclide Total Dose (0018,1074) as written: Bq by the Standard, MBq by some.
        half_life_s: Radionuclide Half Life (0018,1075).
        injection_s: Radiopharmaceutical Start DateTime (0018,1078), moved to the zone of the data set where both say
            theirs.
        injection_zone_unknown: Whether ``injection_s`` has a zone and the data set has none.
        injection_time_of_day_s: Radiopharmaceutical Start Time (0018,1072), seconds since midnight.
    """

    units: str = ""
    suv_type: str = ""
    series_type: str = ""
    corrections: tuple[str, ...] = ()
    decay_correction: str = ""
    decay_reference_s: float | None = None
    series_start_s: float | None = None
    acquisition_start_s: float | None = None
    frame_reference_time_ms: float | None = None
    frame_duration_ms: float | None = None
    ge_scan_start_s: float | None = None
    philips_suv_factor: float | None = None
    philips_activity_factor: float | None = None
    weight_kg: float | None = None
    agents: int = 0
    dose: float | None = None
    half_life_s: float | None = None
    injection_s: float | None = None
    injection_zone_unknown: bool = False
    injection_time_of_day_s: float | None = None
