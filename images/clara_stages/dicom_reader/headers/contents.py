"""What an object says about its image: pixel format, and plane, rescale and attributes of each frame."""

from dataclasses import dataclass, field
from typing import Any

from clara_stages.dicom_reader.geometry.plane import Plane
from clara_stages.dicom_reader.headers.attributes import read_attributes
from clara_stages.dicom_reader.headers.data_set import DataSet
from clara_stages.dicom_reader.headers.frame import Attributes, Frame
from clara_stages.dicom_reader.headers.functional_groups import (
    FunctionalGroupsError,
    frame_headers,
    has_functional_groups,
)
from clara_stages.dicom_reader.headers.header import Header
from clara_stages.dicom_reader.headers.instance import NO_PLANE, Instance
from clara_stages.dicom_reader.headers.pixel_formats import find_transfer_syntax, read_pixel_format, read_rescale
from clara_stages.dicom_reader.headers.planes import detector_headers, imager_pixel_spacing, read_plane
from clara_stages.dicom_reader.headers.recovery import find_pixel_data
from clara_stages.dicom_reader.headers.scan import Scan
from clara_stages.dicom_reader.headers.series_values import read_series_values
from clara_stages.dicom_reader.headers.stream import PlainFile
from clara_stages.dicom_reader.headers.tags import PIXEL_ELEMENTS
from clara_stages.dicom_reader.limits import Limits
from clara_stages.dicom_reader.pixels.format import PixelFormat
from clara_stages.dicom_reader.sop_classes import SLICE_CLASSES, ObjectKind
from clara_stages.dicom_reader.values.pet_header import PetHeader
from clara_stages.dicom_reader.values.rescale import Rescale
from clara_stages.kit.contract.facts import header_values

_IDENTITY = ("SeriesInstanceUID", "StudyInstanceUID", "SOPInstanceUID", "SOPClassUID", "Modality")
"""What is kept of a broken header."""

_OF_FIRST_FRAME = ("SliceThickness", "PixelSpacing")
"""Series facts that an Enhanced object says in its functional groups."""


_UNSIGNED_BITS = 8
"""Up to this many bits no scanner writes signed slices."""


class _FaultError(ValueError):
    """What is wrong with an image, as the end of "the image is ..."."""


@dataclass(slots=True)
class _FrameContents:
    """A frame without its instance."""

    plane: Plane = NO_PLANE
    rescale: Rescale = field(default_factory=Rescale)
    attributes: Attributes = field(default_factory=Attributes)
    imager_pixel_spacing_mm: tuple[float, float] | None = None


@dataclass(slots=True)
class Contents:
    """What an object says beside its identity; the fields are those of ``Instance``."""

    values: dict[str, Any]
    pixels: PixelFormat
    plane: Plane = NO_PLANE
    rescale: Rescale = field(default_factory=Rescale)
    pet: PetHeader | None = None
    fault: str = ""
    frames: list[_FrameContents] = field(default_factory=list)
    is_multi_frame: bool = False

    def frames_of(self, instance: Instance) -> tuple[Frame, ...]:
        """The frames, as those of an instance."""
        return tuple(
            Frame(
                instance=instance,
                number=number if self.is_multi_frame else None,
                plane=frame.plane,
                rescale=frame.rescale,
                attributes=frame.attributes,
                imager_pixel_spacing_mm=frame.imager_pixel_spacing_mm,
            )
            for number, frame in enumerate(self.frames, 1)
        )


def read_contents(header: Header, data_set: DataSet, kind: ObjectKind, source: PlainFile, limits: Limits) -> Contents:
    """What an object says about its image; a fault where that is broken, never an error."""
    scan = data_set.scan
    syntax = find_transfer_syntax(data_set.named_syntax, data_set.encoding)
    pixel_element = PIXEL_ELEMENTS.get(scan.pixel_tag, "")
    contents = Contents(values={}, pixels=PixelFormat(transfer_syntax_uid=syntax, pixel_element=pixel_element))
    try:
        contents.values = read_series_values(header)
        if kind is not ObjectKind.OBJECT:
            _require_whole(header, scan, source, is_deflated=data_set.is_deflated)
            contents.pixels = read_pixel_format(header, scan, syntax)
            _require_modest(header, contents.pixels, data_set.size, limits)
            _require_sign(header, contents.pixels, kind)
            _read_image(contents, header)
    except _FaultError as error:
        contents.fault = str(error)
    except FunctionalGroupsError as error:
        contents.fault = f"an object with {error}"
    except Exception as error:  # the instance is known: its series must be refused rather than read without it
        contents.values = header_values(header, _IDENTITY)
        contents.fault = f"a broken header ({type(error).__name__})"
    if contents.fault:
        contents.frames, contents.is_multi_frame = [_FrameContents()], False
        contents.plane, contents.rescale, contents.pet = NO_PLANE, Rescale(), None
    return contents


def _require_whole(header: Header, scan: Scan, source: PlainFile, *, is_deflated: bool) -> None:
    """Find the pixel data behind an element that is broken and not needed.

    Raises:
        _FaultError: The header breaks before all that is needed was read, or says two things.
    """
    if scan.repeated_tag is not None:
        raise _FaultError(f"an image whose header has {_place(scan.repeated_tag)} twice with different values")
    if scan.broken_tag is None:
        return
    if is_deflated or not find_pixel_data(header, scan, source):
        raise _FaultError(f"an image with a broken or truncated header (at {_place(scan.broken_tag)})")


def _place(tag: int) -> str:
    return f"({tag >> 16:04x},{tag & 0xFFFF:04x})"


def _require_modest(header: Header, pixels: PixelFormat, file_bytes: int, limits: Limits) -> None:
    """Refuse sizes that only a broken or hostile header claims, before anything is made for each frame.

    Raises:
        _FaultError: With the number that is out of bounds.
    """
    rows, columns = header.integer("Rows"), header.integer("Columns")
    if rows * columns > limits.max_frame_pixels:
        raise _FaultError(f"an image of {rows} x {columns} pixels; at most {limits.max_frame_pixels} are read")
    if pixels.frames < 1 or pixels.frames > limits.max_frames:
        raise _FaultError(f"an object of {pixels.frames} frames; read are 1 to {limits.max_frames}")
    if pixels.frames > file_bytes:
        raise _FaultError(f"an object of {pixels.frames} frames in a truncated file of {file_bytes} bytes")


def _require_sign(header: Header, pixels: PixelFormat, kind: ObjectKind) -> None:
    """Refuse slices of which nothing says whether values are signed: each guess may turn air into bone.

    Two-dimensional images, and those of 8 bits, are taken as unsigned.

    Raises:
        _FaultError: Pixel Representation (0028,0103) is absent or empty.
    """
    if kind is not ObjectKind.SLICES or pixels.pixel_element != "integer" or pixels.bits_allocated <= _UNSIGNED_BITS:
        return
    if header.integer("PixelRepresentation", default=-1) == -1:
        raise _FaultError("an image without Pixel Representation: whether its values are signed is not known")


def _read_image(contents: Contents, header: Header) -> None:
    """Fill in the instance's own plane and rescale, and the frames."""
    contents.plane, contents.rescale = read_plane(header), read_rescale(header)
    contents.pet = _read_pet(header)
    frames = contents.pixels.frames
    if not contents.pixels.pixel_element:
        contents.frames = [_FrameContents()]
        return
    headers = [header] * frames
    if has_functional_groups(header):
        headers = frame_headers(header, frames)
        first = header_values(headers[0], _OF_FIRST_FRAME)
        contents.values = first | contents.values
        contents.is_multi_frame = True
    elif "DetectorInformationSequence" in header:
        headers = detector_headers(header, frames) or headers
    contents.is_multi_frame |= frames > 1
    known: dict[int, _FrameContents] = {}  # frames of a cine share one header, and so what is made of it
    for item in headers:
        if id(item) not in known:
            is_own = item is header
            known[id(item)] = _FrameContents(
                plane=contents.plane if is_own else read_plane(item),
                rescale=contents.rescale if is_own else read_rescale(item),
                attributes=read_attributes(item),
                imager_pixel_spacing_mm=imager_pixel_spacing(item),
            )
        contents.frames.append(known[id(item)])


def _read_pet(header: Header) -> PetHeader | None:
    if SLICE_CLASSES.get(header.text("SOPClassUID")) != "PT":
        return None
    from clara_stages.dicom_reader.headers.pet import read_pet  # pydicom, slow to load: only for PET

    return read_pet(header)
