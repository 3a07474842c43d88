"""The values of a data set, made of its elements when they are asked for."""

import math
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from clara_stages.dicom_reader.headers.character_sets import decode_text
from clara_stages.dicom_reader.headers.elements import IMPLICIT_LITTLE, Element, Encoding
from clara_stages.dicom_reader.headers.sequences import read_items
from clara_stages.dicom_reader.headers.tags import VRS

_BINARY = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
"""VR -> struct format; the sizes are those without alignment."""

_TEXT_IN_CHARACTER_SET = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
"""VRs that Specific Character Set applies to (PS3.5 6.1.2.2)."""

_ASCII_TEXT = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"})

_PADDING = b" \0\t\r\n"


class Header:
    """Values of one data set, or of several laid over each other.

    Text is stripped of padding. What is absent, empty or of another type is "", () or None, unless a method says
    otherwise. Reading a keyword as an attribute gives what pydicom would: that is how ``header_values`` reads it.
    """

    __slots__ = ("elements", "encoding")

    def __init__(self, elements: Mapping[str | int, Element], encoding: Encoding) -> None:
        """Of elements by keyword, private ones by tag."""
        self.elements = elements
        self.encoding = encoding

    def __contains__(self, key: str | int) -> bool:
        return key in self.elements

    def __getattr__(self, keyword: str) -> Any:
        """The value as pydicom would give it: numbers, texts, or a list of several; None where there is none.

        Raises:
            ValueError: It is no value of its VR.
        """
        if keyword not in VRS:
            raise AttributeError(keyword)
        found = self.elements.get(keyword)
        if found is None:
            return None
        vr = self._vr(keyword, found[0])
        values: list[Any]
        if vr in _BINARY:
            values = list(self._unpack(found[1], vr))
        elif vr in ("DS", "IS"):
            as_number = float if vr == "DS" else int
            values = [as_number(part) for part in self.texts(keyword)]
        elif vr == "SQ":
            return None
        else:
            values = list(self.texts(keyword))
        return values if len(values) > 1 else values[0] if values else None

    def text(self, key: str | int) -> str:
        """The value as text, several joined by a backslash as they are written."""
        found = self.elements.get(key)
        if found is None:
            return ""
        vr, raw = found
        raw = raw.strip(_PADDING)
        if raw.isascii() and b"\x1b" not in raw:
            return raw.decode("ascii")
        if self._vr(key, vr) in _TEXT_IN_CHARACTER_SET:
            return decode_text(raw, self.elements.get("SpecificCharacterSet", (b"", b""))[1]).strip()
        return raw.decode("latin-1")

    def texts(self, key: str | int) -> tuple[str, ...]:
        """The values as texts."""
        text = self.text(key)
        return tuple(part.strip() for part in text.split("\\")) if text else ()

    def numbers(self, key: str | int, count: int | None = None, vr: str = "") -> tuple[float, ...] | None:
        """Finite numbers: exactly ``count``, or at least one where it is None.

        Args:
            key: Keyword, or tag of a private element.
            count: How many there must be.
            vr: Of a private element, where the file does not say it.
        """
        found = self.elements.get(key)
        if found is None:
            return None
        of_file = vr or self._vr(key, found[0])
        try:
            if of_file in _BINARY:
                numbers = tuple(map(float, self._unpack(found[1], of_file)))
            else:
                numbers = tuple(float(part.strip(_PADDING)) for part in found[1].split(b"\\"))
        except (ValueError, struct.error):
            return None
        if not numbers or (count is not None and len(numbers) != count):
            return None
        return numbers if all(map(math.isfinite, numbers)) else None

    def number(self, key: str | int, vr: str = "") -> float | None:
        """One finite number."""
        found = self.numbers(key, 1, vr)
        return None if found is None else found[0]

    def integer(self, key: str | int, default: int = 0) -> int:
        """One integer, or ``default`` where the element is absent or empty.

        Raises:
            ValueError: It is something else: what depends on it cannot be known.
        """
        found = self.elements.get(key)
        if found is None:
            return default
        vr = self._vr(key, found[0])
        if not found[1].strip(b"" if vr in _BINARY else _PADDING):  # 32 as a number is a blank and a zero
            return default
        if vr in _BINARY:
            values = self._unpack(found[1], vr)
            if len(values) != 1:
                raise ValueError("not one number")
            return int(values[0])
        return int(found[1].strip(_PADDING))

    def items(self, keyword: str, most: int | None = None) -> Iterator["Header"]:
        """The items of a sequence.

        Raises:
            BrokenElementError: It is none.
        """
        found = self.elements.get(keyword)
        if found is not None:
            encoding = IMPLICIT_LITTLE if found[0] == b"UN" else self.encoding
            for elements in read_items(found[1], encoding, most):
                yield Header(elements, encoding)

    def first(self, keyword: str) -> "Header | None":
        """The first item of a sequence, or None.

        Raises:
            BrokenElementError: It is no sequence.
        """
        return next(self.items(keyword, 1), None)

    def _vr(self, key: str | int, of_file: bytes) -> str:
        """The VR by which to read a value: the file's, unless that says nothing or is no VR that values are made of."""
        vr = of_file.decode("ascii", "replace")
        if vr in _BINARY or vr in _TEXT_IN_CHARACTER_SET or vr in _ASCII_TEXT:
            return vr
        vr = VRS.get(key, "UN")
        if vr == "US or SS":
            pixel_representation = self.elements.get("PixelRepresentation", (b"", b""))[1]
            return "SS" if any(pixel_representation) else "US"
        return vr

    def _unpack(self, raw: bytes, vr: str) -> tuple[Any, ...]:
        code = _BINARY[vr]
        count = len(raw) // struct.calcsize(f"<{code}")
        return struct.unpack_from(f"{'<' if self.encoding.little else '>'}{count}{code}", raw)
