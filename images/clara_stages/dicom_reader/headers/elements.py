"""The heads of elements in the bytes of a data set: tag, VR and length."""

import struct
from dataclasses import dataclass

UNDEFINED = 0xFFFFFFFF
"""The length of what ends with a delimiter (PS3.5 7.5)."""

CUT_OFF = 1 << 40
"""The length of an element whose length is cut off: beyond every end."""

_SHORT = frozenset(
    (b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS",
     b"ST", b"TM", b"UI", b"UL", b"US")
)  # fmt: skip
"""VRs with a length of 16 bits (PS3.5 7.1.2)."""

_LONG = frozenset(
    (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
)  # fmt: skip
"""VRs with a length of 32 bits after two free bytes."""

KNOWN_VRS = _SHORT | _LONG

LARGEST_VALUE = 64 * 1024
"""Bytes of a wanted value that is no sequence; Dimension Index Values of 16,384 dimensions are below it."""

Element = tuple[bytes, bytes]
"""VR (``b""`` where the data set does not say it) and value."""


class BrokenElementError(ValueError):
    """The structure of a data set makes no sense."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How elements are written."""

    implicit: bool
    little: bool


IMPLICIT_LITTLE = Encoding(implicit=True, little=True)


_STRUCTS = {
    little: (struct.Struct(f"{order}HH2sH").unpack_from, struct.Struct(f"{order}L").unpack_from)
    for little, order in ((True, "<"), (False, ">"))
}


def read_head(data: bytes, at: int, encoding: Encoding) -> tuple[int, bytes, int, int]:
    """Tag, VR, length and start of the value of the element at ``at``, of which at least 8 bytes are there.

    Where two bytes cannot be a VR the element has none, as delimiters have none: some writers mix both encodings.
    A plain tuple, because this is called for each element of each file.
    """
    unpack, unpack_length = _STRUCTS[encoding.little]
    group, number, vr, length = unpack(data, at)
    if not encoding.implicit:
        if vr in _SHORT:
            return group << 16 | number, vr, length, at + 8
        if vr in _LONG:
            cut_off = at + 12 > len(data)
            return group << 16 | number, vr, CUT_OFF if cut_off else unpack_length(data, at + 8)[0], at + 12
        if vr.isalpha() and vr.isupper():  # of a later edition of the Standard, or invalid
            return group << 16 | number, vr, length, at + 8
    return group << 16 | number, b"", unpack_length(data, at + 4)[0], at + 8
