"""What segments are called in pictures and reports."""

from clara_stages.dicom_writer.header.text import long_string
from clara_stages.dicom_writer.inputs.label_table import Code, Label
from clara_stages.dicom_writer.rendering.fonts import is_legible, legible

Colour = tuple[int, int, int]

_DARKEST = 90
"""Lowest value of the brightest channel: a darker outline is not seen on a dark image."""


def shown_name(label: Label) -> str:
    """Name and side of a segment, as the font can show them.

    A name in a script that the font lacks gives way to the coded meaning, and that to what can be shown of the name
    beside the segment number.
    """
    name = next((text for text in (label.name, label.type.meaning) if is_legible(text)), None)
    if name is None:
        name = f"segment {label.segment_number} {legible(label.name)}"
    return legible(long_string(_with_side(name, label.laterality)))


def shown_colour(label: Label) -> Colour:
    """The colour of a segment, lightened where it would not be seen on a dark image."""
    red, green, blue = label.colour_rgb
    missing = max(0, _DARKEST - max(red, green, blue))
    return red + missing, green + missing, blue + missing


def shown_unit(unit: str) -> str:
    """A unit of ``series.json`` for people: "" of pure numbers, and without UCUM's braces."""
    return "" if unit == "1" else legible(unit.replace("{", "").replace("}", " "))


def _with_side(name: str, side: Code | None) -> str:
    """The name alone where it says the side already."""
    if side is None or side.meaning.casefold() in name.casefold().split():
        return name
    return f"{name} ({side.meaning.lower()})"
