"""Stored values are the bits stored, and no other."""

import numpy as np
import pytest

from clara_stages.dicom_reader.pixels.bits import interpret_words
from clara_stages.dicom_reader.pixels.format import PixelError, PixelFormat


def words(stored, bits_stored, *, signed, overlay=False):
    pixels = PixelFormat(
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        bits_stored=bits_stored,
        high_bit=bits_stored - 1,
        signed=signed,
        overlay_in_pixels=overlay,
    )
    return interpret_words(np.array(stored, np.uint16).view(np.int16 if signed else np.uint16), pixels).tolist()


def test_signed_values_are_extended_from_the_bits_stored():
    assert words([0x0FFF, 0xFFFE, 0x07FF, 0x0800], 12, signed=True) == [-1, -2, 2047, -2048]


def test_values_beyond_the_bits_stored_are_refused_with_their_range():
    with pytest.raises(PixelError, match="run from 0 to 5000, which is more than the 12 bits stored"):
        words([0, 5000], 12, signed=False)


def test_signed_values_beyond_the_bits_stored_are_refused():
    with pytest.raises(PixelError, match="run from -2049 to 0"):
        words([0, 0xF7FF], 12, signed=True)


def test_an_overlay_in_unused_bits_is_taken_off():
    assert words([0x0005, 0x8005], 12, signed=False, overlay=True) == [5, 5]
    assert words([0x0FFF, 0x8FFF], 12, signed=True, overlay=True) == [-1, -1]
