"""What is wrong with a stack, as data: the reader decides later whether it refuses or repairs."""

from dataclasses import dataclass
from enum import StrEnum


class FindingKind(StrEnum):
    """What was found."""

    NO_PLANE = "no_plane"
    """Position, orientation or pixel spacing missing, or no sane numbers."""
    BAD_ORIENTATION = "bad_orientation"
    """Directions that are no unit vectors or not at a right angle."""
    ORIENTATIONS = "orientations"
    """More than one orientation."""
    FRAMES_OF_REFERENCE = "frames_of_reference"
    """More than one, or some images with one and some without."""
    SIZES = "sizes"
    """More than one number of rows or columns."""
    PIXEL_SPACINGS = "pixel_spacings"
    """More than one pixel spacing, or one that is no size of a pixel."""
    ONE_PLACE = "one_place"
    """One image, or all at one position."""
    SEVERAL_VOLUMES = "several_volumes"
    """The same number of images, two or more, at each position."""
    REPEATED = "repeated"
    """Some positions have more images than others."""
    MISSING = "missing"
    """A gap that wants slices."""
    VARIABLE_SPACING = "variable_spacing"
    """Regions of different spacing, irregular gaps, or gaps that drift."""
    TILT = "tilt"
    """Each slice lies beside the one before it, all by the same angle."""
    OFF_PLACE = "off_place"
    """Few slices lie beside the line of the others."""
    IRREGULAR_SHEAR = "irregular_shear"
    """Many slices lie beside any line, or the stack leans more than a gantry can."""


NO_STACK_KINDS = frozenset({FindingKind.ONE_PLACE, FindingKind.ORIENTATIONS, FindingKind.SEVERAL_VOLUMES})
"""With one of these the images were not meant as a stack; with the others they make a damaged one."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that keeps planes from being an even, straight stack.

    Slices are counted from 1 along the normal (row x column), not by file or Instance Number.

    Attributes:
        kind: What it is.
        message: With numbers; a sentence without capital and full stop.
        remedy: What a person can do.
    """

    kind: FindingKind
    message: str
    remedy: str


def counted(count: int, noun: str) -> str:
    """A number and its noun: ``1 image``, ``2 images``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def shown_mm(length_mm: float) -> str:
    """A length as messages give it: ``2.50 mm``, and three digits where that would be nearly nothing."""
    return f"{length_mm:.2f} mm" if length_mm >= 0.1 or length_mm == 0 else f"{length_mm:.3g} mm"
