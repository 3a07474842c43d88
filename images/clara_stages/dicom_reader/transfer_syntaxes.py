"""UIDs of transfer syntaxes (PS3.6 annex A)."""

IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1.99"
EXPLICIT_VR_BIG_ENDIAN = "1.2.840.10008.1.2.2"

RLE_LOSSLESS = "1.2.840.10008.1.2.5"

NATIVE = (
    IMPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
)
"""Uncompressed pixels."""

CODECS: dict[str, str] = {
    RLE_LOSSLESS: "rle",
    "1.2.840.10008.1.2.4.50": "jpeg",  # baseline, 8 bits
    "1.2.840.10008.1.2.4.51": "jpeg",  # extended, 12 bits
    "1.2.840.10008.1.2.4.53": "jpeg",  # spectral selection, retired
    "1.2.840.10008.1.2.4.55": "jpeg",  # full progression, retired
    "1.2.840.10008.1.2.4.57": "jpeg",  # lossless
    "1.2.840.10008.1.2.4.70": "jpeg",  # lossless, first-order prediction
    "1.2.840.10008.1.2.4.80": "jpegls",  # lossless
    "1.2.840.10008.1.2.4.81": "jpegls",  # near-lossless
    "1.2.840.10008.1.2.4.90": "j2k",  # JPEG 2000, lossless
    "1.2.840.10008.1.2.4.91": "j2k",  # JPEG 2000
    "1.2.840.10008.1.2.4.201": "j2k",  # HTJ2K, lossless
    "1.2.840.10008.1.2.4.202": "j2k",  # HTJ2K, lossless, RPCL
    "1.2.840.10008.1.2.4.203": "j2k",  # HTJ2K
}
"""One decoder for each compressed transfer syntax, and not the first that happens to be installed: decoders of lossy
JPEG differ in the last bit, and equal input must give equal volumes. ``pixels/decoding.py`` says which it is."""
