"""How the header of an image says that its pixels are stored, and whether this stage can read that."""

from dataclasses import dataclass

from clara_stages.dicom_reader.transfer_syntaxes import CODECS, NATIVE
from clara_stages.dicom_reader.uid_names import uid_name

_MONOCHROME = ("MONOCHROME1", "MONOCHROME2")
"""MONOCHROME1 is shown inverted, but its values after rescale mean the same (PS3.3 C.7.6.3.1.2): both are read as
they are."""

_COLOURS = (
    *_MONOCHROME, "PALETTE COLOR", "RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "HSV", "ARGB", "CMYK",
    "YBR_PARTIAL_422", "YBR_PARTIAL_420",
)  # fmt: skip
"""What a message may repeat: other text in that place may be anything."""

_BITS_ALLOCATED = (8, 16, 32)
"""Whole words. PS3.5 8.1.1 also allows 1, and its older editions any number, packed across bytes: no image that makes
a volume is stored so."""


class PixelError(ValueError):
    """The pixels of an image cannot be trusted; the text says why, without a name of the image."""


@dataclass(frozen=True, kw_only=True)
class PixelFormat:
    """How the header says that pixels are stored (Image Pixel module, PS3.3 C.7.6.3).

    Attributes:
        pixel_element: ``integer``, ``float``, or "" where the object has no pixel data.
        padding: Pixel Padding Value as the header writes it, signed or not, or None.
        padding_limit: Pixel Padding Range Limit, likewise.
        lossy: Whether the pixels were once compressed with loss (PS3.3 C.7.6.1.1.5).
        overlay_in_pixels: Whether an overlay lies in bits that the pixels do not use.
        value_offset: Where the value of the pixel data begins in the file, in bytes; 0 where that is not known, and
            always for a deflated file.
        value_length: Its length as the file says, 0xFFFFFFFF where that is undefined (encapsulated).
    """

    transfer_syntax_uid: str
    pixel_element: str = "integer"
    frames: int = 1
    samples_per_pixel: int = 1
    photometric_interpretation: str = "MONOCHROME2"
    bits_allocated: int = 16
    bits_stored: int = 16
    high_bit: int = 15
    signed: bool = True
    padding: int | None = None
    padding_limit: int | None = None
    lossy: bool = False
    overlay_in_pixels: bool = False
    value_offset: int = 0
    value_length: int = 0

    def find_other_kind(self) -> str:
        """Why an image of this format is none that a volume could be made of, or ""."""
        if not self.pixel_element:
            return "an object with no pixel data"
        if self.samples_per_pixel != 1 or self.photometric_interpretation not in _MONOCHROME:
            colours = self.photometric_interpretation
            return (
                f"a colour image ({colours if colours in _COLOURS else 'of no known kind'}, {self.samples_per_pixel} "
                "samples a pixel); a volume has one value a voxel"
            )
        if self.pixel_element != "integer":
            return f"an object with {self.pixel_element} pixel data"
        return ""

    def find_damage(self) -> str:
        """Why an image of this format cannot be read, or ""."""
        if self.bits_allocated not in _BITS_ALLOCATED:
            return f"{self.bits_allocated} bits allocated; read are 8, 16 and 32"
        if not 1 <= self.bits_stored <= self.bits_allocated or self.high_bit != self.bits_stored - 1:
            return (
                f"{self.bits_stored} bits stored of {self.bits_allocated} with high bit {self.high_bit}; expected is "
                "the high bit one below the bits stored (PS3.5 8.1.1)"
            )
        if self.transfer_syntax_uid not in CODECS and self.transfer_syntax_uid not in NATIVE:
            return (
                f"pixels in transfer syntax {syntax_name(self.transfer_syntax_uid)}, which this stage does not decode"
            )
        return ""

    def padding_range(self) -> tuple[int, int] | None:
        """Lowest and highest stored value that mark padding, or None (PS3.3 C.7.5.1.1.2)."""
        if self.padding is None:
            return None
        ends = [self._as_stored(self.padding)]
        if self.padding_limit is not None:
            ends.append(self._as_stored(self.padding_limit))
        return min(ends), max(ends)

    def _as_stored(self, value: int) -> int:
        """A value written as US or SS, read as the pixels are: -2000 is often written 63536."""
        value %= 1 << self.bits_allocated
        return value - (1 << self.bits_allocated) if self.signed and value >> (self.bits_allocated - 1) else value


def syntax_name(transfer_syntax_uid: str) -> str:
    """The Standard's name of a transfer syntax and its UID."""
    name = uid_name(transfer_syntax_uid)
    return "without a known name" if name == transfer_syntax_uid else f"{name} ({transfer_syntax_uid})"
