"""What vendors say about diffusion and coils in private elements, each found by the creator of its block."""

import re

from clara_stages.dicom_reader.headers.header import Header

_SIEMENS = "SIEMENS MR HEADER"
_GE_PARAMETERS = "GEMS_PARM_01"
_PHILIPS = "Philips Imaging DD 001"
_PHILIPS_MR = "Philips MR Imaging DD 001"
_UIH = "Image Private Header"

_GE_B_VALUE_MODULUS = 100_000
"""GE adds 10^9, and sometimes multiples of 10^5, to b-values of multi-b-value series: 1000000400 is 400 s/mm2."""

_SEQUENCE_B_VALUE = re.compile(r"(?:^|[^A-Za-z0-9])b(\d{1,5})(?:t|#\d+)?$")
"""Siemens writes the b-value of an image at the end of its Sequence Name: ``*ep_b400t``, ``*ep_b1000#12``. The name
of the whole protocol (``ep_b50_800``) gives a range and no value."""

_MOST_B_VALUE = 100_000.0
"""s/mm2; ten times what the strongest gradients reach."""

Direction = tuple[float, float, float]


def private_value_key(header: Header, group: int, creator: str, element: int) -> int | None:
    """The tag of a private element, in the block that its creator reserved (PS3.5 7.8.1), or None.

    Only present elements are looked at: a header has few of a group, and 240 blocks are possible.
    """
    for key in header.elements:
        if isinstance(key, int) and key >> 16 == group and key & 0xFF == element and key & 0xFF00:
            reserved = group << 16 | (key >> 8 & 0xFF)
            if header.text(reserved) == creator:
                return key
    return None


def private_number(header: Header, group: int, creator: str, element: int, vr: str) -> float | None:
    """One private number; ``vr`` because the file may say OB or UN."""
    key = private_value_key(header, group, creator, element)
    return None if key is None else header.number(key, vr)


def find_b_value(header: Header) -> float | None:
    """The diffusion b-value in s/mm2: the standard attribute, a vendor's, or that of the sequence's name."""
    found = header.number("DiffusionBValue")
    if found is None:
        found = _private_b_value(header)
    if found is None and header.text("DiffusionDirectionality") == "NONE":
        return 0.0  # PS3.3 C.8.13.5.9: the b-value may be absent where there is no diffusion weighting
    if found is None:
        named = _SEQUENCE_B_VALUE.search(header.text("SequenceName"))
        found = float(named[1]) if named else None
    return found if found is not None and 0 <= found <= _MOST_B_VALUE else None


def _private_b_value(header: Header) -> float | None:
    siemens = private_number(header, 0x0019, _SIEMENS, 0x0C, "IS")
    if siemens is not None:
        return siemens
    key = private_value_key(header, 0x0043, _GE_PARAMETERS, 0x39)
    ge = None if key is None else header.numbers(key, vr="IS")
    if ge is not None:
        return ge[0] % _GE_B_VALUE_MODULUS
    philips = private_number(header, 0x2001, _PHILIPS, 0x03, "FL")
    if philips is not None:
        return philips
    return private_number(header, 0x0065, _UIH, 0x09, "FD")


def find_diffusion_direction(header: Header) -> Direction | None:
    """The diffusion gradient's direction in LPS, or None; GE writes it in the axes of the image and is not read."""
    standard = header.numbers("DiffusionGradientOrientation", 3)
    if standard is not None:
        return standard[0], standard[1], standard[2]
    for group, creator, element in ((0x0019, _SIEMENS, 0x0E), (0x0065, _UIH, 0x37)):
        key = private_value_key(header, group, creator, element)
        found = None if key is None else header.numbers(key, 3, "FD")
        if found is not None:
            return found[0], found[1], found[2]
    philips = [private_number(header, 0x2005, _PHILIPS_MR, element, "FL") for element in (0xB0, 0xB1, 0xB2)]
    right, anterior, feet = philips
    if right is None or anterior is None or feet is None or (right, anterior, feet) == (0, 0, 0):
        return None
    return right, anterior, feet


def find_ge_component(header: Header) -> str:
    """``MAGNITUDE``, ``PHASE``, ``REAL`` or ``IMAGINARY`` by GE's raw data type (0043,xx2F), or ""."""
    found = private_number(header, 0x0043, _GE_PARAMETERS, 0x2F, "SS")
    names = {0.0: "MAGNITUDE", 1.0: "PHASE", 2.0: "REAL", 3.0: "IMAGINARY"}
    return "" if found is None else names.get(found, "")


def find_siemens_coil(header: Header) -> str:
    """Siemens' list of active coil elements (0051,xx0F): one element where single coils are stored."""
    key = private_value_key(header, 0x0051, _SIEMENS, 0x0F)
    return "" if key is None else header.text(key)


def is_mosaic(header: Header) -> bool:
    """Whether Siemens' (0019,xx0A) or UIH's (0065,xx50) number of tiles says that one image shows several slices."""
    tiles = private_number(header, 0x0019, _SIEMENS, 0x0A, "US")
    if tiles is None:
        tiles = private_number(header, 0x0065, _UIH, 0x50, "DS")
    return tiles is not None and tiles > 1


def has_philips_scale(header: Header) -> bool:
    """Whether Philips' private scale slope (2005,xx0E) is there."""
    return private_value_key(header, 0x2005, _PHILIPS_MR, 0x0E) is not None
