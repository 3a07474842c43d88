"""The font of pictures and reports, and texts that it can show."""

import unicodedata
from functools import cache
from importlib.resources import files
from pathlib import Path

from PIL import ImageFont
from reportlab.pdfbase.ttfonts import TTFontFile

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
"""Stands where the font has no glyph: a reader sees that something is missing."""


def font_path(*, bold: bool = False) -> Path:
    """The TrueType file: Roboto (Apache 2.0), which has Latin, Greek and Cyrillic."""
    return Path(str(files("font_roboto"))) / "files" / f"Roboto-{'Bold' if bold else 'Regular'}.ttf"


@cache
def picture_font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """The font for drawing, ``size`` in pixels. The basic layout engine is part of Pillow: same pixels everywhere."""
    return ImageFont.truetype(font_path(bold=bold), size, layout_engine=ImageFont.Layout.BASIC)


def legible(text: str) -> str:
    """The text as the font can show it: one line, composed, with ``REPLACEMENT`` for what has no glyph."""
    glyphs = _code_points()
    line = " ".join(unicodedata.normalize("NFC", text).split())
    return "".join(character if ord(character) in glyphs else REPLACEMENT for character in line)


def is_legible(text: str) -> bool:
    """Whether the font shows the text as it is."""
    return REPLACEMENT not in legible(text)


@cache
def _code_points() -> frozenset[int]:
    """Those that both cuts have a glyph for, control and format characters excepted."""
    regular, bold = (set(TTFontFile(str(font_path(bold=bold))).charToGlyph) for bold in (False, True))
    return frozenset(point for point in regular & bold if unicodedata.category(chr(point))[0] != "C")
