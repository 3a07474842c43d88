"""The PET facts of a data set: what its elements say, and nothing guessed."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from pydicom.dataset import Dataset

from clara_stages.dicom_reader.sop_classes import SLICE_CLASSES
from clara_stages.dicom_reader.values.elements import (
    as_number,
    as_text,
    element_items,
    element_number,
    element_text,
    element_value,
    private_value,
)
from clara_stages.dicom_reader.values.pet_header import (
    GE_SCAN_START,
    PHILIPS_ACTIVITY_FACTOR,
    PHILIPS_SUV_FACTOR,
    PetHeader,
)

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 DICOM dates and times are local and have no zone (PS3.5 6.2)

_DATE = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})")
_TIME = re.compile(r"(\d{2}):?(?:(\d{2}):?(?:(\d{2})(\.\d{1,6})?)?)?")
_DATETIME = re.compile(r"(\d{8})(\d{2,6}(?:\.\d{1,6})?)([+-]\d{4})?")
_ZONE = re.compile(r"([+-])(\d{2})(\d{2})")
_CODE = re.compile(r"[A-Z0-9 _-]{1,16}")
"""A CS value (PS3.5 6.2); other text in its place may be anything and is read as ``?``."""


def read_pet_header(dataset: Dataset) -> PetHeader | None:
    """The PET facts of a data set that was read with at least ``PET_TAGS``, or None where it is no PET image.

    A value that is absent, of another type or no finite number is None; nothing is guessed here.
    """
    if SLICE_CLASSES.get(element_text(dataset, "SOPClassUID")) != "PT":
        return None
    facts = _first_with(dataset, "Units")
    keyword = "RadiopharmaceuticalInformationSequence"
    agents = [*element_items(dataset, keyword)] or [*element_items(facts, keyword)]
    agent = agents[0] if agents else Dataset()
    zone = _zone_s(element_text(dataset, "TimezoneOffsetFromUTC"))
    injection, injection_zone = _instant_and_zone(element_text(agent, "RadiopharmaceuticalStartDateTime"))
    return PetHeader(
        units=_code(facts, "Units"),
        suv_type=_code(facts, "SUVType"),
        series_type=next(iter(_codes(facts, "SeriesType")), ""),
        corrections=_corrections(dataset, facts),
        decay_correction=_code(facts, "DecayCorrection"),
        decay_reference_s=_moved(*_instant_and_zone(element_text(dataset, "DecayCorrectionDateTime")), zone),
        series_start_s=_instant(dataset, "SeriesDate", "SeriesTime"),
        acquisition_start_s=_acquisition_start(dataset),
        frame_reference_time_ms=element_number(dataset, "FrameReferenceTime"),
        frame_duration_ms=element_number(dataset, "ActualFrameDuration"),
        ge_scan_start_s=_instant_and_zone(as_text(private_value(dataset, *GE_SCAN_START)))[0],
        philips_suv_factor=as_number(private_value(dataset, *PHILIPS_SUV_FACTOR)),
        philips_activity_factor=as_number(private_value(dataset, *PHILIPS_ACTIVITY_FACTOR)),
        weight_kg=element_number(dataset, "PatientWeight"),
        agents=len(agents),
        dose=element_number(agent, "RadionuclideTotalDose"),
        half_life_s=element_number(agent, "RadionuclideHalfLife"),
        injection_s=_moved(injection, injection_zone, zone),
        injection_zone_unknown=injection is not None and injection_zone is not None and zone is None,
        injection_time_of_day_s=_time_of_day_s(element_text(agent, "RadiopharmaceuticalStartTime")),
    )


def _first_with(dataset: Dataset, keyword: str) -> Dataset:
    """The data set that holds a PET attribute: a Legacy Converted object keeps them as converted attributes.

    PS3.3 C.7.6.16.2.25.1 (shared by all frames).
    """
    if keyword in dataset:
        return dataset
    for shared in element_items(dataset, "SharedFunctionalGroupsSequence"):
        for converted in element_items(shared, "UnassignedSharedConvertedAttributesSequence"):
            if keyword in converted:
                return converted
    return dataset


def _corrections(dataset: Dataset, facts: Dataset) -> tuple[str, ...]:
    classic = _codes(facts, "CorrectedImage")
    enhanced = [
        name
        for name, keyword in (("ATTN", "AttenuationCorrected"), ("DECY", "DecayCorrected"))
        if element_text(dataset, keyword) == "YES"
    ]
    return tuple(dict.fromkeys([*classic, *enhanced]))


def _acquisition_start(dataset: Dataset) -> float | None:
    """When the acquisition began; of a multi-frame object when that of its earliest frame did."""
    frames = [start for start in _frame_starts(dataset) if start is not None]
    if frames:
        return min(frames)
    start = _instant(dataset, "AcquisitionDate", "AcquisitionTime")
    return start if start is not None else _instant_and_zone(element_text(dataset, "AcquisitionDateTime"))[0]


def _frame_starts(dataset: Dataset) -> Iterator[float | None]:
    for groups in element_items(dataset, "PerFrameFunctionalGroupsSequence"):
        for content in element_items(groups, "FrameContentSequence"):
            yield _instant_and_zone(element_text(content, "FrameAcquisitionDateTime"))[0]


def _instant(dataset: Dataset, date_keyword: str, time_keyword: str) -> float | None:
    day, time = _day_s(element_text(dataset, date_keyword)), _time_of_day_s(element_text(dataset, time_keyword))
    return None if day is None or time is None else day + time


def _instant_and_zone(text: str) -> tuple[float | None, float | None]:
    """Local seconds since 1970 of a DT value that says at least the hour, and its offset from UTC in seconds."""
    found = _DATETIME.fullmatch(text)
    if found is None:
        return None, None
    day, time = _day_s(found[1]), _time_of_day_s(found[2])
    return (None if day is None or time is None else day + time), _zone_s(found[3] or "")


def _moved(instant: float | None, zone: float | None, to_zone: float | None) -> float | None:
    """A local instant in another zone; as it is where a zone is not known."""
    return instant if instant is None or zone is None or to_zone is None else instant + to_zone - zone


def _day_s(text: str) -> float | None:
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    try:
        day = datetime(int(found[1]), int(found[2]), int(found[3]))  # noqa: DTZ001 local, like _EPOCH
    except ValueError:
        return None
    return (day - _EPOCH).total_seconds()


def _time_of_day_s(text: str) -> float | None:
    """Seconds since midnight of a TM value, or None where it is no time."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    hours, minutes, seconds = int(found[1]), int(found[2] or 0), float((found[3] or "0") + (found[4] or ""))
    if hours > 23 or minutes > 59 or seconds >= 61:  # 60 is a leap second (PS3.5 6.2)
        return None
    return timedelta(hours=hours, minutes=minutes, seconds=seconds).total_seconds()


def _zone_s(text: str) -> float | None:
    found = _ZONE.fullmatch(text)
    if found is None:
        return None
    size = timedelta(hours=int(found[2]), minutes=int(found[3])).total_seconds()
    return -size if found[1] == "-" else size


def _code(dataset: Dataset, keyword: str) -> str:
    return next(iter(_codes(dataset, keyword)), "")


def _codes(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    value = element_value(dataset, keyword)
    items = [value] if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__") else value
    texts = [as_text(item) for item in items]
    return tuple(text if _CODE.fullmatch(text) else "?" for text in texts if text)
