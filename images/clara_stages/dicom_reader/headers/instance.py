"""One DICOM file as plain values: identity, plane, pixel format and rescale; no pixels yet."""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.dataset import FileDataset
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from clara_stages.dicom_reader.geometry.plane import Plane
from clara_stages.dicom_reader.headers.files import StudyFile
from clara_stages.dicom_reader.pixels.format import PixelFormat
from clara_stages.dicom_reader.values.rescale import Rescale
from clara_stages.kit.contract.facts import SERIES_KEYWORDS, STUDY_KEYWORDS, build_series_facts, header_values

_PREAMBLE_BYTES = 128
"""A DICOM file is 128 free bytes, then DICM (PS3.10 7.1)."""

_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00", b"\x00\x08")
"""How a data set begins that was stored without a preamble: file meta, or group 0008 in either byte order."""

_DEFER_BYTES = 4096
"""Larger values stay on the disk while headers are read; none of those we want is."""

_UID = re.compile(r"[0-9.]{1,64}")
"""PS3.5 9.1. Anything else in a UID may be text that a person typed, so it must reach neither log nor path."""

_OVERLAY_BIT_POSITIONS = [group << 16 | 0x0102 for group in range(0x6000, 0x6020, 2)]
"""Overlay Bit Position (60xx,0102): not 0 where an overlay lies in unused bits of the pixels (PS3.5 8.1.2)."""

_PIXEL_ELEMENTS = {0x7FE00008: "float", 0x7FE00009: "float", 0x7FE00010: "integer"}
"""Float Pixel Data, Double Float Pixel Data and Pixel Data: where reading a header ends."""

_KEYWORDS = (
    "SpecificCharacterSet", *SERIES_KEYWORDS, *STUDY_KEYWORDS,
    "ImagePositionPatient", "ImageOrientationPatient",
    "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "PixelPaddingValue", "PixelPaddingRangeLimit", "LossyImageCompression",
    "RescaleSlope", "RescaleIntercept", "RescaleType", "ModalityLUTSequence", "Units",
)  # fmt: skip
_TAGS: list[BaseTag | int] = [*(Tag(keyword) for keyword in _KEYWORDS), *_OVERLAY_BIT_POSITIONS]


_IDENTITY = ("SeriesInstanceUID", "StudyInstanceUID", "SOPInstanceUID", "SOPClassUID", "Modality")
"""What is kept of a broken header; ``header_values`` made texts of these."""

_NO_PLANE = Plane(rows=0, columns=0, position_lps_mm=None, orientation_lps=None, pixel_spacing_mm=None)


class NotAnInstanceError(ValueError):
    """A file is left out; the text says why, without anything that the file says about a person."""


@dataclass(frozen=True, kw_only=True)
class Instance:
    """What the reader needs of one DICOM instance.

    Attributes:
        path: The file.
        label: How messages may name the file.
        header: ``header_values`` of it, for the series facts.
        plane: Where the image lies, as the header says; not checked yet.
        pixels: How the pixels are stored.
        rescale: From stored values to those of the modality.
        fault: What is broken in the header so that plane, pixels and rescale are not known, or "".
    """

    path: Path
    label: str
    study_instance_uid: str
    series_instance_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    header: dict[str, Any]
    plane: Plane
    pixels: PixelFormat
    rescale: Rescale
    fault: str = ""

    @property
    def modality(self) -> str:
        """Modality (0008,0060), or ""."""
        return str(self.header.get("Modality", ""))


def read_instance(file: StudyFile) -> Instance:
    """Read the header of one file; pixel data stays on the disk.

    Raises:
        NotAnInstanceError: The file is no DICOM, cannot be read, or does not say which instance it is.
    """
    if file.refusal:
        raise NotAnInstanceError(file.refusal)
    try:
        _require_dicom(file.path)
        return _read_header(file)
    except NotAnInstanceError:
        raise
    except OSError as error:
        raise NotAnInstanceError(f"cannot be opened ({type(error).__name__})") from None
    except Exception as error:  # whatever a broken file does to the parser, it is one file left out
        raise NotAnInstanceError(f"broken or truncated DICOM ({type(error).__name__})") from None


def _read_header(file: StudyFile) -> Instance:
    pixel_elements: list[str] = []

    def stop_at_pixels(tag: int, _vr: str | None, _length: int) -> bool:
        if tag in _PIXEL_ELEMENTS:
            pixel_elements.append(_PIXEL_ELEMENTS[tag])
        return tag in _PIXEL_ELEMENTS

    with file.path.open("rb") as stream:
        dataset = read_partial(stream, stop_at_pixels, defer_size=_DEFER_BYTES, force=True, specific_tags=_TAGS)
    return _instance(file, dataset, pixel_elements[-1] if pixel_elements else "")


def _require_dicom(path: Path) -> None:
    with path.open("rb") as stream:
        start = stream.read(_PREAMBLE_BYTES + 4)
    if not start:
        raise NotAnInstanceError("empty file")
    if start[_PREAMBLE_BYTES:] != b"DICM" and start[:2] not in _FIRST_GROUPS:
        raise NotAnInstanceError("no DICOM")


def _instance(file: StudyFile, dataset: FileDataset, pixel_element: str) -> Instance:
    header = header_values(dataset)
    fault = ""
    plane, pixels, rescale = _NO_PLANE, PixelFormat(transfer_syntax_uid="", pixel_element=pixel_element), Rescale()
    try:
        build_series_facts([header])  # a value of another type must fail here, on its file, and not on the series
        plane, pixels, rescale = _plane(dataset), _pixel_format(dataset, pixel_element), _rescale(dataset)
    except Exception as error:  # the instance is known: its series must be refused rather than read without it
        header = {key: value for key, value in header.items() if key in _IDENTITY}
        fault = f"a broken header ({type(error).__name__})"
    return Instance(
        path=file.path,
        label=file.label,
        study_instance_uid=_required_uid(dataset, "StudyInstanceUID", "Study Instance UID"),
        series_instance_uid=_required_uid(dataset, "SeriesInstanceUID", "Series Instance UID"),
        sop_class_uid=_required_uid(dataset, "SOPClassUID", "SOP Class UID"),
        sop_instance_uid=_required_uid(dataset, "SOPInstanceUID", "SOP Instance UID"),
        header=header,
        plane=plane,
        pixels=pixels,
        rescale=rescale,
        fault=fault,
    )


def _required_uid(dataset: FileDataset, keyword: str, name: str) -> str:
    text = _text(dataset, keyword)
    if not text:
        raise NotAnInstanceError(f"no {name}")
    if not _UID.fullmatch(text):
        raise NotAnInstanceError(f"its {name} is no UID")
    return text


def _plane(dataset: FileDataset) -> Plane:
    position = _numbers(dataset, "ImagePositionPatient", 3)
    orientation = _numbers(dataset, "ImageOrientationPatient", 6)
    spacing = _numbers(dataset, "PixelSpacing", 2)
    frame_of_reference = _text(dataset, "FrameOfReferenceUID")
    return Plane(
        rows=_integer(dataset, "Rows"),
        columns=_integer(dataset, "Columns"),
        position_lps_mm=None if position is None else (position[0], position[1], position[2]),
        orientation_lps=orientation,
        pixel_spacing_mm=None if spacing is None else (spacing[0], spacing[1]),
        frame_of_reference_uid=frame_of_reference if _UID.fullmatch(frame_of_reference) else "",
    )


def _pixel_format(dataset: FileDataset, pixel_element: str) -> PixelFormat:
    bits_stored = _integer(dataset, "BitsStored")
    padding, limit = _numbers(dataset, "PixelPaddingValue", 1), _numbers(dataset, "PixelPaddingRangeLimit", 1)
    return PixelFormat(
        transfer_syntax_uid=_transfer_syntax(dataset),
        pixel_element=pixel_element,
        frames=_integer(dataset, "NumberOfFrames", default=1),
        samples_per_pixel=_integer(dataset, "SamplesPerPixel", default=1),
        photometric_interpretation=_text(dataset, "PhotometricInterpretation"),
        bits_allocated=_integer(dataset, "BitsAllocated"),
        bits_stored=bits_stored,
        high_bit=_integer(dataset, "HighBit", default=bits_stored - 1),
        signed=_integer(dataset, "PixelRepresentation") == 1,
        padding=None if padding is None else int(padding[0]),
        padding_limit=None if limit is None else int(limit[0]),
        lossy=_text(dataset, "LossyImageCompression") == "01",
        overlay_in_pixels=any(tag in dataset and dataset[tag].value != 0 for tag in _OVERLAY_BIT_POSITIONS),
    )


def _rescale(dataset: FileDataset) -> Rescale:
    slope, intercept = _numbers(dataset, "RescaleSlope", 1), _numbers(dataset, "RescaleIntercept", 1)
    return Rescale(
        slope=None if slope is None else slope[0],
        intercept=None if intercept is None else intercept[0],
        rescale_type=_text(dataset, "RescaleType"),
        units=_text(dataset, "Units"),
        has_lookup_table=bool(dataset.get("ModalityLUTSequence")),
    )


def _transfer_syntax(dataset: FileDataset) -> str:
    """The transfer syntax the file names, or that of the encoding it was found in."""
    named = dataset.file_meta.get("TransferSyntaxUID")
    if named:
        return str(UID(named))
    is_implicit, is_little = dataset.original_encoding
    if is_implicit:
        return str(ImplicitVRLittleEndian)
    return str(ExplicitVRLittleEndian if is_little else ExplicitVRBigEndian)


def _text(dataset: FileDataset, keyword: str) -> str:
    value = dataset.get(keyword)
    return "" if value is None else str(value).strip().strip("\0")


def _integer(dataset: FileDataset, keyword: str, default: int = 0) -> int:
    value = dataset.get(keyword)
    return default if value is None or value == "" else int(value)


def _numbers(dataset: FileDataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """Exactly ``count`` finite numbers, or None: absent, too few and not-a-number are the same to a reader."""
    value = dataset.get(keyword)
    if value is None or value == "":
        return None
    items = value if isinstance(value, (list, tuple)) or hasattr(value, "__len__") else [value]
    try:
        numbers = tuple(float(item) for item in items)
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == count and all(map(math.isfinite, numbers)) else None
