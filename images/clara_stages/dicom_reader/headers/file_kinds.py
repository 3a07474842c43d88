"""What a file that is no DICOM looks like, by its first bytes: the reason for leaving it out."""

PREAMBLE_BYTES = 128
"""A DICOM file is 128 free bytes, then DICM (PS3.10 7.1)."""

NEEDED_BYTES = 352
"""What ``find_other_kind`` looks at: a NIfTI-1 header is 348 bytes and says so at both ends."""

_FIRST_TAGS = (b"\x02\x00", b"\x08\x00", b"\x00\x08")
"""How a data set begins that was stored without a preamble: file meta, or group 0008 in either byte order."""

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (344, b"n+1\0", "a NIfTI file"),
    (344, b"ni1\0", "a NIfTI file (.hdr and .img)"),
    (4, b"n+2\0\r\n\x1a\n", "a NIfTI file"),
    (0, b"NRRD", "an NRRD file"),
    (0, b"ObjectType", "a MetaImage file"),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 codestream"),
    (0, b"GIF8", "a GIF picture"),
    (0, b"BM", "a BMP picture"),
    (0, b"%PDF", "a PDF file"),
    (0, b"PK\x03\x04", "a ZIP archive (or an Office document)"),
    (0, b"7z\xbc\xaf", "a 7z archive"),
    (0, b"Rar!", "a RAR archive"),
    (0, b"BZh", "a bzip2 file"),
    (0, b"\xfd7zXZ", "an xz file"),
    (257, b"ustar", "a tar archive"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (0, b"MATLAB 5.0", "a MATLAB file"),
    (0, b"\x93NUMPY", "a NumPy file"),
    (0, b"SQLite format 3", "an SQLite database"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a program"),
)
"""Offset, bytes, kind."""

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_SLIDE_VENDORS = {"svs": "Aperio SVS", "ndpi": "Hamamatsu NDPI", "scn": "Leica SCN", "bif": "Ventana BIF"}
_GZIP = b"\x1f\x8b"
_TEXT_CONTROLS = frozenset(b"\t\n\r\f")
_SHARE_OF_TEXT = 0.95
"""Printable bytes of what counts as text: text in a national encoding has some others."""


def is_dicom_start(start: bytes) -> bool:
    """Whether the first bytes of a file are those of a DICOM file or of a bare data set."""
    return start[PREAMBLE_BYTES : PREAMBLE_BYTES + 4] == b"DICM" or start[:2] in _FIRST_TAGS


def find_other_kind(start: bytes, name: str) -> str:
    """What a file is that is no DICOM, in plain words: the reason for leaving it out.

    Args:
        start: The first ``NEEDED_BYTES`` bytes, or all there are.
        name: Its file name; only its ending is looked at, and nothing of it is repeated.
    """
    if not start:
        return "an empty file"
    kind = _known_kind(start, name.lower()) or _text_kind(start)
    return f"no DICOM: {kind}" if kind else "no DICOM"


def _known_kind(start: bytes, name: str) -> str:
    if start[:2] == _GZIP:
        return "a NIfTI file (.nii.gz)" if name.endswith(".nii.gz") else "a gzip file"
    if start[:4] in _TIFF:
        vendor = _SLIDE_VENDORS.get(name.rpartition(".")[2])
        return f"a slide ({vendor}/TIFF)" if vendor else "a TIFF file"
    return next((kind for offset, magic, kind in _MAGIC if start.startswith(magic, offset)), "")


def _text_kind(start: bytes) -> str:
    printable = sum((byte >= 0x20 and byte != 0x7F) or byte in _TEXT_CONTROLS for byte in start)
    ascii_bytes = sum(byte < 0x80 for byte in start)
    if 0 in start or printable < _SHARE_OF_TEXT * len(start) or ascii_bytes < len(start) / 2:
        return ""
    first = start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if first in (b"{", b"["):
        return "JSON"
    return "XML or HTML" if first == b"<" else "text"
