"""CT images of any transfer syntax, number of frames and fragmentation, and reading them back."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from pydicom import encaps, uid
from pydicom.dataset import FileDataset

from clara_stages.dicom_reader.headers.files import StudyFile
from clara_stages.dicom_reader.headers.frame import Frame
from clara_stages.dicom_reader.headers.read import read_file
from clara_stages.dicom_reader.limits import Limits
from clara_stages.dicom_reader.pixels.format import PixelError
from clara_stages.dicom_reader.pixels.stored_values import Stored, read_frames
from tests.support.series import write_ct_series

Encode = Callable[[np.ndarray], bytes | bytearray]


def _bits(stored: np.ndarray) -> np.ndarray:
    """The values as the unsigned numbers that JPEG and JPEG-LS encode."""
    return np.ascontiguousarray(stored).view(f"u{stored.dtype.itemsize}")


def encode_rle(stored: np.ndarray) -> bytes:
    """One RLE frame of words of 8, 16 or 32 bits: a segment for each byte, literal runs only (PS3.5 annex G)."""
    words = np.ascontiguousarray(stored.astype(stored.dtype.newbyteorder(">"))).view(np.uint8)
    planes = words.reshape(-1, stored.dtype.itemsize).T
    segments = []
    for plane in planes:
        runs = [plane[at : at + 128].tobytes() for at in range(0, plane.size, 128)]
        segment = b"".join(bytes([len(run) - 1]) + run for run in runs)
        segments.append(segment + b"\0" * (len(segment) % 2))
    offsets = [64 + sum(map(len, segments[:k])) for k in range(len(segments))]
    return struct.pack("<16I", len(segments), *offsets, *[0] * (15 - len(segments))) + b"".join(segments)


def encode_lossless_jpeg(stored: np.ndarray) -> bytes | bytearray:
    """JPEG process 14, selection value 1."""
    values = _bits(stored)
    return imagecodecs.jpeg8_encode(values, lossless=True, predictor=1, bitspersample=values.dtype.itemsize * 8)


def encode_j2k(stored: np.ndarray) -> bytes | bytearray:
    """Reversible JPEG 2000, with the sign of the array."""
    return imagecodecs.jpeg2k_encode(stored, codecformat="j2k", reversible=True)


LOSSLESS: dict[str, Encode] = {
    uid.RLELossless: encode_rle,
    uid.JPEGLossless: encode_lossless_jpeg,
    uid.JPEGLosslessSV1: encode_lossless_jpeg,
    uid.JPEGLSLossless: lambda stored: imagecodecs.jpegls_encode(_bits(stored)),
    uid.JPEG2000Lossless: encode_j2k,
    uid.HTJ2KLossless: lambda stored: imagecodecs.htj2k_encode(stored, reversible=True),
    uid.HTJ2KLosslessRPCL: lambda stored: imagecodecs.htj2k_encode(stored, reversible=True),
}
"""Transfer syntax -> an encoder of it; none of them is the writer's own."""

NATIVE_SYNTAXES = (
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
)


def stack_of(frames: int, *, rows: int = 20, columns: int = 24, dtype: Any = np.int16) -> np.ndarray:
    """Values ``[frame, row, column]`` that tell every frame from every other."""
    frame, row, column = np.indices((frames, rows, columns))
    values = (frame * 911 + row * 31 + column * 7) % 2001 - (700 if np.dtype(dtype).kind == "i" else 0)
    return values.astype(dtype)


def write_image(folder: Path, stack: np.ndarray, syntax: str, **options: Any) -> Path:
    """One CT instance with the frames of ``stack``, encoded as ``syntax`` says.

    Args:
        folder: Where to.
        stack: Values ``[frame, row, column]``.
        syntax: Transfer syntax.
        options: ``change`` is called with the finished data set; ``encode`` replaces the encoder; ``encapsulate``
            makes the value of Pixel Data of the encoded frames.
    """

    def finish(_k: int, dataset: FileDataset) -> None:
        bits = stack.dtype.itemsize * 8
        dataset.Rows, dataset.Columns = stack.shape[1:]
        dataset.BitsAllocated = dataset.BitsStored = bits
        dataset.HighBit, dataset.PixelRepresentation = bits - 1, int(stack.dtype.kind == "i")
        if len(stack) > 1:
            dataset.NumberOfFrames = len(stack)
        dataset.file_meta.TransferSyntaxUID = uid.UID(syntax)
        dataset.set_original_encoding(syntax == uid.ImplicitVRLittleEndian, syntax != uid.ExplicitVRBigEndian)
        encode = options.get("encode") or LOSSLESS.get(syntax)
        if encode is None:
            order = ">" if syntax == uid.ExplicitVRBigEndian else "<"
            data = stack.astype(stack.dtype.newbyteorder(order)).tobytes()
            dataset.PixelData = data + b"\0" * (len(data) % 2)
        else:
            encapsulate = options.get("encapsulate") or encaps.encapsulate
            dataset.PixelData = encapsulate([bytes(encode(frame)) for frame in stack])
            dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
        if options.get("change"):
            options["change"](dataset)

    return write_ct_series(folder, shape=(4, 4, 1), series=options.get("name", "image"), change=finish)[0]


def item(data: bytes) -> bytes:
    """One item of encapsulated pixel data, padded to an even length."""
    data += b"\0" * (len(data) % 2)
    return b"\xfe\xff\x00\xe0" + struct.pack("<I", len(data)) + data


def in_fragments(frames: Sequence[bytes], pieces: int, table: str) -> bytes:
    """Each frame in so many fragments; ``table`` is ``none``, ``true`` or ``lying``."""
    offsets, items = [], b""
    for frame in frames:
        offsets.append(len(items))
        step = -(-len(frame) // pieces // 2) * 2
        items += b"".join(item(frame[at : at + step]) for at in range(0, len(frame), step))
    if table == "lying":
        offsets = [offset + 2 for offset in offsets]
    return item(b"" if table == "none" else struct.pack(f"<{len(offsets)}I", *offsets)) + items


def frames_of(path: Path, limits: Limits | None = None) -> list[Frame]:
    """The frames of a file by its header, one for each that Number of Frames says."""
    instance, found = read_file(StudyFile(path=path, label="it"), limits or Limits())
    if instance.pixels.frames == 1:
        return list(found)[:1]
    return [replace(found[0], number=k + 1) for k in range(instance.pixels.frames)]


def read_image(path: Path, limits: Limits | None = None) -> list[Stored | PixelError]:
    """The stored values of each frame of a file, or why it has none."""
    limits = limits or Limits()
    return list(read_frames(frames_of(path, limits), limits, workers=1))


def read_one(path: Path) -> Stored:
    """The stored values of a file's only frame. Raises what ``read_frames`` says of it."""
    (values,) = read_image(path)
    if isinstance(values, PixelError):
        raise values
    return values
