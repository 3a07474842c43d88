"""Text in the character set that a data set names (PS3.5 6.1, PS3.3 C.12.1.1.2)."""

_PLAIN = {b"ISO_IR 100": "latin-1", b"ISO_IR 192": "utf-8"}
"""Western Europe and Unicode alone, which nearly all say that say any; each byte has its meaning without escapes."""

_ESCAPE = b"\x1b"


def decode_text(raw: bytes, character_sets: bytes) -> str:
    """Text without its padding; where it cannot be decoded each byte is a Latin-1 character.

    Args:
        raw: The value of an element that Specific Character Set applies to.
        character_sets: The value of Specific Character Set (0008,0005).
    """
    plain = _PLAIN.get(character_sets.strip(b" \0"))
    if plain is not None and _ESCAPE not in raw:
        try:
            return raw.decode(plain)
        except UnicodeDecodeError:
            pass
    from clara_stages.dicom_reader.headers.iso_2022 import decode_with_escapes  # pydicom's tables, slow to load

    return decode_with_escapes(raw, character_sets)
