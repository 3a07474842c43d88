"""Texts that fit a value representation."""

import re

LONG_STRING_CHARACTERS = 64
"""Longest value of VR LO (PS3.5 6.2)."""

_NO_CODE_STRING = "RESULT"

_SHORT_TEXT_CHARACTERS = 1024
"""Longest value of VR ST (PS3.5 6.2)."""

_CUT = "..."

_UNSEEN = "\\x00-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069\\ufeff\\ud800-\\udfff"
"""Control characters, separators of lines, marks that turn the direction of writing, halves of characters."""

_UNSEEN_IN_TEXT = _UNSEEN.replace("\\x00-\\x1f", "\\x00-\\x09\\x0b\\x0c\\x0e-\\x1f")
"""The same without line ends."""

_CODE_STRING_CHARACTERS = 16
"""Longest value of VR CS (PS3.5 6.2)."""


def readable(text: str) -> str:
    """The text without what nobody can see or write; line ends stay."""
    return re.sub(rf"[{_UNSEEN_IN_TEXT}]", " ", text).strip()


def long_string(text: str) -> str:
    """The text as one LO value: one line without a backslash; a longer one is cut after a word and ends in dots."""
    line = " ".join(re.sub(rf"[\\{_UNSEEN}]", " ", text).split())
    if len(line) <= LONG_STRING_CHARACTERS:
        return line
    head = line[: LONG_STRING_CHARACTERS - len(_CUT) + 1]
    cut = head.rfind(" ")
    return (head[:cut].rstrip(" ,;:-") if cut > 0 else head[:-1]) + _CUT


def code_string(text: str) -> str:
    """The text as one CS value: capitals, digits, blank and underscore between them, first a letter, at most 16.

    Never empty, because labels are Type 1: a text without a Latin letter becomes ``RESULT``.
    """
    capitals = re.sub(r"[^A-Z0-9_ ]", "_", text.strip().upper()).lstrip("0123456789_ ")
    return capitals[:_CODE_STRING_CHARACTERS].rstrip("_ ") or _NO_CODE_STRING


def short_text(text: str) -> str:
    """The text as one ST value: lines are kept, other control characters are not; a longer one is cut."""
    return readable(text)[:_SHORT_TEXT_CHARACTERS]
