"""From the words that hold stored values to the values: unused bits, signs, and proof that the header is right."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_reader.pixels.format import PixelError, PixelFormat

Stored = npt.NDArray[np.integer[Any]]
"""Stored values ``[row, column]`` of one frame, in the smallest integer type that is sure to hold them."""


def word_type(pixels: PixelFormat) -> np.dtype[Any]:
    """The integer type of the words of native pixel data, in this machine's byte order."""
    return np.dtype(f"{'i' if pixels.signed else 'u'}{pixels.bits_allocated // 8}")


def interpret_words(words: Stored, pixels: PixelFormat) -> Stored:
    """Values of the bits stored alone, sign-extended where they are signed (PS3.5 8.1.1); may change ``words``.

    Raises:
        PixelError: Other bits are used and no overlay explains it: the header is wrong about the bits.
    """
    bits, unused = pixels.bits_stored, pixels.bits_allocated - pixels.bits_stored
    if not unused or not words.size:
        return words
    beyond = 1 << bits
    lowest, highest = (-(beyond >> 1), (beyond >> 1) - 1) if pixels.signed else (0, beyond - 1)
    least, most = int(words.min()), int(words.max())
    if lowest <= least and most <= highest:
        return words
    if (least < lowest or most >= beyond) and not pixels.overlay_in_pixels:
        raise PixelError(
            f"stored values run from {least} to {most}, which is more than the {bits} bits stored that the header says"
        )
    words <<= unused  # the highest stored bit becomes the word's sign, and the shift back repeats it
    words >>= unused
    return words


def interpret_decoded(decoded: Stored, pixels: PixelFormat, precision: int) -> Stored:
    """Stored values of what a decoder made of a codestream with values of ``precision`` bits.

    JPEG and JPEG-LS know no sign, so that their values are the bits of a number (PS3.5 8.2.1, 8.2.3); JPEG 2000 does.

    Raises:
        PixelError: Codestream and header do not agree about what the bits mean.
    """
    if decoded.dtype.kind == "i":
        return _require_range(decoded, pixels)
    if not pixels.signed:
        width = decoded.dtype.itemsize * 8  # the decoder's words are no wider than the codestream's values need
        return interpret_words(
            decoded, replace(pixels, bits_allocated=width, bits_stored=min(pixels.bits_stored, width))
        )
    if precision in (pixels.bits_stored, pixels.bits_allocated):
        unsigned = np.dtype(f"u{pixels.bits_allocated // 8}")
        return interpret_words(decoded.astype(unsigned, copy=False).view(word_type(pixels)), pixels)
    most = int(decoded.max(initial=0))
    if most >> (min(precision, pixels.bits_stored) - 1):
        raise PixelError(
            f"compressed values have {precision} bits and the header says {pixels.bits_stored} signed: the sign of "
            f"{most} is unknown"
        )
    return decoded.astype(word_type(pixels))


def _require_range(decoded: Stored, pixels: PixelFormat) -> Stored:
    half = 1 << (pixels.bits_stored - 1)
    lowest, highest = (-half, half - 1) if pixels.signed else (0, 2 * half - 1)
    least, most = int(decoded.min(initial=0)), int(decoded.max(initial=0))
    if least < lowest or most > highest:
        raise PixelError(
            f"compressed values run from {least} to {most}, the header says {pixels.bits_stored} bits "
            f"{'signed' if pixels.signed else 'unsigned'}"
        )
    return decoded.astype(word_type(pixels), copy=False)
