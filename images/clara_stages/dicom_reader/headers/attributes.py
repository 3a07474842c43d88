"""What may tell the volumes of a series apart, of a classic image or of one frame of an Enhanced one."""

import datetime
import re
from functools import lru_cache

from clara_stages.dicom_reader.headers.frame import Attributes
from clara_stages.dicom_reader.headers.header import Header
from clara_stages.dicom_reader.headers.private_elements import (
    find_b_value,
    find_diffusion_direction,
    find_ge_component,
    find_siemens_coil,
    is_mosaic,
)

_CODE = re.compile(r"[A-Za-z0-9_\-/. ]{1,64}")
"""What is kept of a text. A person types sentences and names with other characters, or longer ones, elsewhere."""

UNIT_CODE = re.compile(r"[A-Za-z0-9_/%^*.{}()\[\]+' -]{1,64}")
"""A UCUM code, or a Rescale Type."""

MOSAIC = "MOSAIC"
"""Siemens' value of Image Type for an image that shows all slices side by side."""

_COMPONENTS = {
    "M": "MAGNITUDE", "MAGNITUDE": "MAGNITUDE", "M_FFE": "MAGNITUDE", "M_SE": "MAGNITUDE", "M_IR": "MAGNITUDE",
    "P": "PHASE", "PHASE": "PHASE", "PHASE MAP": "PHASE", "VELOCITY MAP": "PHASE",
    "P_FFE": "PHASE", "P_SE": "PHASE", "P_IR": "PHASE",
    "R": "REAL", "REAL": "REAL", "R_FFE": "REAL", "R_SE": "REAL", "R_IR": "REAL",
    "I": "IMAGINARY", "IMAGINARY": "IMAGINARY", "I_FFE": "IMAGINARY", "I_SE": "IMAGINARY", "I_IR": "IMAGINARY",
}  # fmt: skip
"""Values of Image Type from the third on, by Siemens (M, P, R, I) and Philips (PS3.3 C.8.3.1.1.1 leaves them free)."""

_UNSPECIFIED = frozenset({"US", "UNSPECIFIED", "NORMALIZED", "NONE"})
"""Rescale Types that name no quantity (PS3.3 C.11.1.1.2)."""

_DATE = re.compile(r"(\d{4})[.-]?(\d{2})[.-]?(\d{2})")
_TIME = re.compile(r"(\d{2}):?(?:(\d{2}):?(?:(\d{2})(\.\d{1,6})?)?)?")


def read_attributes(header: Header) -> Attributes:
    """The attributes of one image.

    Args:
        header: Of a classic object, or of a frame: its functional groups, over the shared ones, over the top level.
    """
    image_type = _codes(header, "FrameType") or _codes(header, "ImageType")
    is_mr = header.text("Modality") == "MR"
    if is_mr and MOSAIC not in image_type and is_mosaic(header):
        image_type = (*image_type, MOSAIC)
    echo_numbers = header.numbers("EchoNumbers") or ()
    return Attributes(
        image_type=image_type,
        component=_component(header, image_type) if is_mr else "",
        quantity=_quantity(header),
        b_value=find_b_value(header) if is_mr else None,
        diffusion_direction=find_diffusion_direction(header) if is_mr else None,
        echo_number=int(echo_numbers[0]) if len(echo_numbers) == 1 else None,
        echo_time_ms=_either(header, "EffectiveEchoTime", "EchoTime"),
        inversion_time_ms=_inversion_time(header),
        flip_angle_degrees=header.number("FlipAngle"),
        temporal_position=_temporal_position(header),
        time_slot=_time_slot(header),
        frame_reference_time_ms=header.number("FrameReferenceTime"),
        trigger_time_ms=_either(header, "NominalCardiacTriggerDelayTime", "TriggerTime"),
        cardiac_phase_percent=header.number("NominalPercentageOfCardiacPhase"),
        respiratory_phase_percent=header.number("NominalPercentageOfRespiratoryPhase"),
        acquisition_number=_whole(_either(header, "FrameAcquisitionNumber", "AcquisitionNumber")),
        acquisition_time_s=_acquisition_time(header),
        content_time_s=_instant(header.text("ContentDate"), header.text("ContentTime")),
        stack_id=_code(header.text("StackID")),
        stack_position=_whole(header.number("InStackPositionNumber")),
        dimension_index_values=tuple(int(value) for value in header.numbers("DimensionIndexValues") or ()),
        kernel="/".join(_codes(header, "ConvolutionKernel", upper=False)),
        slice_thickness_mm=header.number("SliceThickness"),
        kvp=header.number("KVP"),
        energy_kev=_energy(header),
        contrast_phase=_code(header.text("ContrastBolusAgentPhase")),
        coil=_coil(header) if is_mr else "",
        scanning_sequence=_scanning_sequence(header) if is_mr else "",
    )


def _code(text: str) -> str:
    return text if _CODE.fullmatch(text) else ""


def _codes(header: Header, keyword: str, *, upper: bool = True) -> tuple[str, ...]:
    texts = header.texts(keyword)
    return tuple(_code(text.upper() if upper else text) for text in texts)


def _either(header: Header, keyword: str, other: str) -> float | None:
    found = header.number(keyword)
    return header.number(other) if found is None else found


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def _component(header: Header, image_type: tuple[str, ...]) -> str:
    """Frame's or object's Complex Image Component, else by Image Type, else by GE's private element."""
    named = _COMPONENTS.get(header.text("ComplexImageComponent").upper(), "")
    if named:
        return named
    by_type = {_COMPONENTS[value] for value in image_type[2:] if value in _COMPONENTS}
    return by_type.pop() if len(by_type) == 1 else find_ge_component(header)


def _quantity(header: Header) -> str:
    """The code of the unit, where a Real World Value Mapping or Rescale Type gives exactly one."""
    units = set()
    for mapping in header.items("RealWorldValueMappingSequence"):
        code = mapping.first("MeasurementUnitsCodeSequence")
        units.add(code.text("CodeValue") if code else "")
    if len(units) != 1 or units == {""}:
        units = {header.text("RescaleType")}
    unit = units.pop()
    if unit.upper() in _UNSPECIFIED or not UNIT_CODE.fullmatch(unit):
        return ""
    return "HU" if unit == "[hnsf'U]" else unit


def _inversion_time(header: Header) -> float | None:
    found = header.number("InversionTime")
    return header.number("InversionTimes") if found is None else found


def _temporal_position(header: Header) -> int | None:
    """The standard attributes; of dynamic PET the time slice that Image Index stands for (PS3.3 C.8.9.4.1.9)."""
    found = _whole(_either(header, "TemporalPositionIndex", "TemporalPositionIdentifier"))
    if found is None and header.texts("SeriesType")[:1] == ("DYNAMIC",):
        return _image_index_turn(header)
    return found


def _time_slot(header: Header) -> int | None:
    """The gate of gated PET: Image Index counts slices first, then time slots, then R-R intervals."""
    found = _whole(header.number("TimeSlotNumber"))
    if found is None and header.texts("SeriesType")[:1] == ("GATED",):
        return _image_index_turn(header)
    return found


def _image_index_turn(header: Header) -> int | None:
    index, slices = header.number("ImageIndex"), header.number("NumberOfSlices")
    if index is None or slices is None or index < 1 or slices < 1:
        return None
    return int((index - 1) // slices) + 1


def _energy(header: Header) -> float | None:
    found = header.number("MonoenergeticEnergyEquivalent")
    if found is not None:
        return found
    for keyword in ("MultienergyCTCharacteristicsSequence", "MultienergyCTProcessingSequence"):
        item = header.first(keyword)
        if item is not None and "MonoenergeticEnergyEquivalent" in item:
            return item.number("MonoenergeticEnergyEquivalent")
    return None


def _coil(header: Header) -> str:
    """Names of coils separate elements by ``;`` or ``,`` and ranges by ``:``, which a code must not have."""
    return _code(re.sub("[;,:]", "-", find_siemens_coil(header) or header.text("ReceiveCoilName")))


def _scanning_sequence(header: Header) -> str:
    values = [*_codes(header, "ScanningSequence"), *_codes(header, "SequenceVariant")]
    return "/".join(value for value in values or _codes(header, "EchoPulseSequence") if value)


def _acquisition_time(header: Header) -> float | None:
    for keyword in ("FrameAcquisitionDateTime", "AcquisitionDateTime"):
        text = header.text(keyword)
        if text:
            found = _instant(text[:8], re.split("[+-]", text[8:])[0])
            if found is not None:
                return found
    return _instant(header.text("AcquisitionDate"), header.text("AcquisitionTime"))


def _instant(date: str, time: str) -> float | None:
    """Seconds since 1970 of a date and a time of day; None where one of them is missing or is none."""
    if not date or not time:
        return None
    day, found = _day_s(date), _TIME.fullmatch(time)
    if day is None or found is None:
        return None
    return day + int(found[1]) * 3600.0 + int(found[2] or 0) * 60.0 + float((found[3] or "0") + (found[4] or ""))


@lru_cache(maxsize=1024)
def _day_s(text: str) -> float | None:
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    try:
        day = datetime.date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None
    return (day - datetime.date(1970, 1, 1)).days * 86400.0
