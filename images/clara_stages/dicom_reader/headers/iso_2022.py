"""Text with any of the character sets of DICOM, several of them too (PS3.5 6.1.2.5)."""

import warnings
from functools import lru_cache

from pydicom.charset import convert_encodings, decode_bytes

_DELIMITERS = frozenset({0x0A, 0x0C, 0x0D, 0x5C})
"""Where ISO 2022 text falls back to its first character set: line and page ends, and the backslash."""


def decode_with_escapes(raw: bytes, character_sets: bytes) -> str:
    """Text in the character sets of the data set; where that fails each byte is a Latin-1 character."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            text: str = decode_bytes(raw, list(_encodings(character_sets)), set(_DELIMITERS))
            return text
    except Exception:  # pydicom raises whatever the codec does
        return raw.decode("latin-1")


@lru_cache(maxsize=64)
def _encodings(character_sets: bytes) -> tuple[str, ...]:
    """Python's names of the character sets that (0008,0005) gives."""
    names = [name.strip() for name in character_sets.decode("ascii", "replace").strip(" \0").split("\\")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tuple(convert_encodings(names if len(names) > 1 else names[0]))
