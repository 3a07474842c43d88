"""The decoders themselves. Only the processes made for it run them: a C decoder may crash on hostile data."""

from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt

from clara_stages.dicom_reader.pixels.codestream import END_OF_IMAGE

Values = npt.NDArray[Any]
Decode = Callable[[bytes, str, tuple[int, int]], Values]

_FILLER = b"\x55" * 64
"""Entropy-coded data of no meaning, unlike the zeros that libjpeg makes up where data is missing."""


_FUNCTIONS = {
    "jpegls": "jpegls_decode",  # CharLS
    "j2k": "jpeg2k_decode",  # OpenJPEG
}
"""Those that need nothing but the codestream. OpenJPEG also decodes HTJ2K: OpenJPH, made for it, is twice as fast, but
on damaged data it hangs, crashes and gives other values without an error, where OpenJPEG stops with one."""


class MissingDataError(ValueError):
    """A codestream ends, with its end marker, before its image does."""


def load_decoder(codec: str) -> Decode:
    """The decoder of a codec: from codestream, word type and shape to values ``[row, column]``.

    Its library is loaded here and not when it is first used.
    """
    if codec == "rle":
        return _decode_rle
    if codec == "jpeg":
        _ = imagecodecs.jpeg8_decode
        return _decode_jpeg
    decode: Callable[[bytes], Values] = getattr(imagecodecs, _FUNCTIONS[codec])
    return lambda codestream, _words, _shape: decode(codestream)


def _decode_jpeg(codestream: bytes, _words: str, _shape: tuple[int, int]) -> Values:
    """Lossy and lossless JPEG of 2 to 16 bits, by libjpeg-turbo 3.

    Where data is missing libjpeg makes up the rest and only warns, which does not reach us. So decode again with other
    data behind the codestream: an image that changes is one that was not all there.
    """
    values = imagecodecs.jpeg8_decode(codestream)
    data = codestream.removesuffix(END_OF_IMAGE).rstrip(b"\xff")  # fill bytes may come before a marker
    behind = data + _FILLER + END_OF_IMAGE
    if not np.array_equal(values, imagecodecs.jpeg8_decode(behind)):
        raise MissingDataError
    return values


def _decode_rle(codestream: bytes, words: str, shape: tuple[int, int]) -> Values:
    """Segments of bytes, the most significant first, as words (PS3.5 annex G)."""
    decoded = imagecodecs.dicomrle_decode(codestream, words)
    return np.frombuffer(decoded, words)[: shape[0] * shape[1]].reshape(shape)
