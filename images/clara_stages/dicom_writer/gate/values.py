"""Whether values obey their value representation and multiplicity (PS3.5 6.2, PS3.6), seen in the bytes of the file."""

import re
from collections.abc import Iterator
from functools import cache

from pydicom.charset import decode_bytes
from pydicom.datadict import dictionary_VM, dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.gate.character_sets import DELIMITERS, encodings_of
from clara_stages.dicom_writer.gate.fault import Fault, name_of
from clara_stages.dicom_writer.gate.written_file import Element, elements, items, raw, vr_of

_NUMBER = rb" *[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)? *"
_MONTH_DAY = rb"(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_TIME = rb"(?:[01][0-9]|2[0-3])(?:[0-5][0-9](?:(?:[0-5][0-9]|60)(?:\.[0-9]{1,6})?)?)?"

_PATTERNS = {
    "AE": rb"(?! *$)[ -\[\]-~]{1,16}",
    "AS": rb"[0-9]{3}[DWMY]",
    "CS": rb"[A-Z0-9_ ]{1,16}",
    "DA": rb"[0-9]{4}" + _MONTH_DAY,
    "DS": rb"(?=[^\\]{1,16}(?:\\|$))" + _NUMBER,
    "DT": rb"[0-9]{4}(?:(?:0[1-9]|1[0-2])(?:(?:0[1-9]|[12][0-9]|3[01])(?:" + _TIME + rb")?)?)?(?:[+-][0-9]{4})?",
    "IS": rb"(?=[^\\]{1,12}(?:\\|$)) *[+-]?[0-9]+ *",
    "TM": _TIME,
    "UI": rb"(?=[^\\]{1,64}(?:\\|$))(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*",
}
"""What one value looks like; padding behind it is taken off before."""

_WHOLE = {vr: re.compile(rb"(?:%s)?(?:\\(?:%s)?)*" % (one, one)) for vr, one in _PATTERNS.items()}
"""Several values; one of several may be empty."""

_PLAIN_NUMBERS = re.compile(rb"-?[0-9]++(?:\.[0-9]++)?+(?:\\-?[0-9]++(?:\.[0-9]++)?+)*+")
"""Numbers as nearly all are written. Contours have millions, and the whole rule takes 25 times as long."""

_CHARACTERS = {"SH": 16, "LO": 64, "ST": 1024, "LT": 10240, "PN": 64}
"""Longest value in characters; of PN, of one component group."""

_DECIMAL_STRING_CHARACTERS = 16
"""Longest value of VR DS (PS3.5 6.2)."""

_ONE_VALUE = frozenset({"LT", "ST", "UT", "UR", "OB", "OW", "OF", "OD", "OL", "OV", "UN", "SQ"})
"""A backslash does not divide these."""

_BYTES = {"US": 2, "SS": 2, "UL": 4, "SL": 4, "FL": 4, "FD": 8, "AT": 4, "SV": 8, "UV": 8}

_CONTROL = re.compile(r"[\x00-\x09\x0b\x0e-\x1a\x1c-\x1f\x7f]")
"""Control characters that no text may have (PS3.5 6.1.3: TAB, LF, FF, CR and ESC are allowed in some)."""

_ENUMERATED: dict[str, set[str] | set[int]] = {
    "PatientSex": {"M", "F", "O"},
    "PatientIdentityRemoved": {"YES", "NO"},
    "LossyImageCompression": {"00", "01"},
    "BurnedInAnnotation": {"YES", "NO"},
    "RecognizableVisualFeatures": {"YES", "NO"},
    "SegmentationType": {"BINARY", "FRACTIONAL", "LABELMAP"},
    "SegmentationFractionalType": {"PROBABILITY", "OCCUPANCY"},
    "SegmentAlgorithmType": {"AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"},
    "SegmentsOverlap": {"YES", "UNDEFINED", "NO"},
    "ContourGeometricType": {"POINT", "OPEN_PLANAR", "OPEN_NONPLANAR", "CLOSED_PLANAR", "CLOSEDPLANAR_XOR"},
    "ApprovalStatus": {"APPROVED", "UNAPPROVED", "REJECTED"},
    "CompletionFlag": {"PARTIAL", "COMPLETE"},
    "VerificationFlag": {"UNVERIFIED", "VERIFIED"},
    "PreliminaryFlag": {"PRELIMINARY", "FINAL"},
    "ContinuityOfContent": {"SEPARATE", "CONTINUOUS"},
    "PixelRepresentation": {0, 1},
    "PlanarConfiguration": {0, 1},
    "PresentationLUTShape": {"IDENTITY", "INVERSE"},
    "Laterality": {"L", "R"},
    "GraphicType": {"POINT", "MULTIPOINT", "POLYLINE", "POLYGON", "CIRCLE", "ELLIPSE", "ELLIPSOID"},
}
"""Enumerated Values (PS3.3), which the module tables do not hold, of attributes that results have. ROI Generation
Algorithm and RT ROI Interpreted Type have Defined Terms: others are allowed."""


def value_faults(dataset: Dataset, path: tuple[str, ...] = (), encodings: list[str] | None = None) -> Iterator[Fault]:
    """Values that break a rule, at every depth; empty ones break none here."""
    encodings = encodings_of(dataset, encodings)
    for element in elements(dataset):
        if element.tag.is_private or element.tag.group == 2:
            continue
        keyword = name_of(int(element.tag))
        nested = items(dataset, element.tag) if vr_of(element) == "SQ" else ()
        for item in nested:
            yield from value_faults(item, (*path, keyword), encodings)
        for name, detail in () if nested else element_faults(element, encodings):
            yield Fault(name=name, path=(*path, keyword), detail=detail)


def element_faults(element: Element, encodings: list[str]) -> Iterator[tuple[str, str]]:
    """(finding name, what is wrong) of one element that is no sequence."""
    vrs, least, most, step = _dictionary(int(element.tag))
    vr = vr_of(element)
    if len(vr) > len("US"):  # the dictionary leaves a choice (OB or OW), and the file states none
        return
    if vrs and vr not in vrs:
        yield "wrong_vr", f"has VR {vr}, expected {' or '.join(vrs)}"
        return
    value = _bytes(element, vr)
    if value is None or not value.strip(b" \0" if vr not in _BYTES else b""):
        return
    count = _count(value, vr)
    if least and not (least <= count and (most is None or count <= most) and (count - least) % step == 0):
        yield "wrong_vm", f"has {count} values, expected {_expected(least, most, step)}"
    if vr in _PATTERNS:
        if not _obeys(vr, value.rstrip(b"\0" if vr == "UI" else b" ")):
            yield "invalid_value", f"has a value that is no valid {vr}"
    elif vr in _CHARACTERS:
        detail = _text_fault(value, vr, encodings)
        if detail:
            yield "invalid_value", detail
    keyword = name_of(int(element.tag))
    if keyword in _ENUMERATED and _single(value, vr) not in _ENUMERATED[keyword]:
        yield "enumerated_value", f"is none of {', '.join(sorted(map(str, _ENUMERATED[keyword])))}"


def is_valid(dataset: Dataset, keyword: str) -> bool:
    """Whether an attribute, with all that is in it, breaks no rule; an absent one breaks none."""
    element = raw(dataset, tag_for_keyword(keyword) or 0)
    if element is None:
        return True
    only = Dataset()
    only[element.tag] = element
    return not any(value_faults(only, (), encodings_of(dataset, None)))


def _obeys(vr: str, value: bytes) -> bool:
    if vr == "DS" and _PLAIN_NUMBERS.fullmatch(value):
        return max(map(len, value.split(b"\\"))) <= _DECIMAL_STRING_CHARACTERS
    return _WHOLE[vr].fullmatch(value) is not None


def _text_fault(value: bytes, vr: str, encodings: list[str]) -> str:
    text = value.decode("ascii") if value.isascii() and b"\x1b" not in value else _decoded(value, encodings)
    texts = [text] if vr in _ONE_VALUE else text.split("\\")
    if vr == "PN":
        groups = [group for name in texts for group in name.split("=")]
        if any(len(name.split("=")) > 3 for name in texts) or any(group.count("^") > 4 for group in groups):
            return "has a name with too many parts (PS3.5 6.2.1)"
        texts = groups
    longest = max(len(item.rstrip(" \0")) for item in texts)
    if longest > _CHARACTERS[vr]:
        return f"has {longest} characters, VR {vr} holds {_CHARACTERS[vr]}"
    if any(_CONTROL.search(item.rstrip("\0")) or (vr not in ("ST", "LT") and "\n" in item) for item in texts):
        return f"has a control character that VR {vr} forbids"
    return ""


def _decoded(value: bytes, encodings: list[str]) -> str:
    try:
        return decode_bytes(value, encodings, DELIMITERS)
    except (LookupError, UnicodeError):
        return value.decode("latin-1")


def _bytes(element: Element, vr: str) -> bytes | None:
    """The value as bytes; None of a long one that stays on the disk."""
    if not isinstance(element, DataElement):
        return element.value if isinstance(element.value, bytes) else None
    if element.is_empty or vr in _BYTES or vr in _ONE_VALUE - {"LT", "ST", "UT", "UR"}:
        return None
    values = element.value if element.VM > 1 else [element.value]
    texts = [str(getattr(value, "original_string", None) or value) for value in values]
    return "\\".join(texts).encode("utf-8", "replace")


def _count(value: bytes, vr: str) -> int:
    if vr in _BYTES:
        return len(value) // _BYTES[vr]
    return 1 if vr in _ONE_VALUE else value.count(b"\\") + 1


def _single(value: bytes, vr: str) -> object:
    if vr == "US":
        return int.from_bytes(value[:2], "little")
    return value.decode("ascii", "replace").strip(" \0")


def _expected(least: int, most: int | None, step: int) -> str:
    if least == most:
        return str(least)
    return f"{least} to {most or 'any'}" + (f" in steps of {step}" if step > 1 else "")


@cache
def _dictionary(tag: int) -> tuple[tuple[str, ...], int, int | None, int]:
    """The VRs that an attribute may have and its multiplicity: least (0 where nobody says), most, step (PS3.6 6)."""
    try:
        vrs, vm = tuple(dictionary_VR(tag).split(" or ")), dictionary_VM(tag)
    except KeyError:
        return (), 0, None, 1
    least, _, most = vm.partition("-")
    if vm.startswith("1-n") or not least.isdigit():
        return vrs, 1, None, 1
    if not most:
        return vrs, int(least), int(least), 1
    if most.endswith("n"):
        return vrs, int(least), None, int(most[:-1] or 1)
    return vrs, int(least), int(most), 1
