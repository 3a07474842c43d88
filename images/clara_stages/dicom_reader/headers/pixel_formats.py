"""How the pixels of an object are stored, as its header says."""

from clara_stages.dicom_reader.headers.attributes import UNIT_CODE
from clara_stages.dicom_reader.headers.elements import Encoding
from clara_stages.dicom_reader.headers.header import Header
from clara_stages.dicom_reader.headers.private_elements import has_philips_scale
from clara_stages.dicom_reader.headers.scan import Scan
from clara_stages.dicom_reader.headers.tags import OVERLAY_BIT_POSITIONS, PIXEL_ELEMENTS
from clara_stages.dicom_reader.pixels.format import PixelFormat
from clara_stages.dicom_reader.sop_classes import SLICE_CLASSES
from clara_stages.dicom_reader.transfer_syntaxes import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    NATIVE,
)
from clara_stages.dicom_reader.values.rescale import RealWorld, Rescale


def find_transfer_syntax(named: str, encoding: Encoding) -> str:
    """The transfer syntax of an object.

    Args:
        named: By its file meta, or "".
        encoding: Found in its data set. It counts where the named syntax is uncompressed, for there the file meta is
            sometimes wrong, and where none is named.
    """
    if named and (named not in NATIVE or named == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN):
        return named
    if encoding.implicit:
        return IMPLICIT_VR_LITTLE_ENDIAN
    return EXPLICIT_VR_LITTLE_ENDIAN if encoding.little else EXPLICIT_VR_BIG_ENDIAN


def read_pixel_format(header: Header, scan: Scan, transfer_syntax_uid: str) -> PixelFormat:
    """The Image Pixel module (PS3.3 C.7.6.3) and where the pixel data is.

    Raises:
        ValueError: An attribute that must be a number is none.
    """
    bits_stored = header.integer("BitsStored")
    padding, limit = header.number("PixelPaddingValue"), header.number("PixelPaddingRangeLimit")
    is_deflated = transfer_syntax_uid == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
    return PixelFormat(
        transfer_syntax_uid=transfer_syntax_uid,
        pixel_element=PIXEL_ELEMENTS.get(scan.pixel_tag, ""),
        frames=header.integer("NumberOfFrames", default=1),
        samples_per_pixel=header.integer("SamplesPerPixel", default=1),
        photometric_interpretation=_photometric_interpretation(header),
        bits_allocated=header.integer("BitsAllocated"),
        bits_stored=bits_stored,
        high_bit=header.integer("HighBit", default=bits_stored - 1),
        signed=_is_signed(header),
        padding=None if padding is None else int(padding),
        padding_limit=None if limit is None else int(limit),
        lossy=header.text("LossyImageCompression") == "01",
        overlay_in_pixels=any(header.integer(tag) for tag in OVERLAY_BIT_POSITIONS if tag in header),
        value_offset=0 if is_deflated else scan.pixel_offset,
        value_length=scan.pixel_length,
    )


def _photometric_interpretation(header: Header) -> str:
    """That of the header; where it has none, slices of one sample are grey: CT, MR and PT are nothing else."""
    named = header.text("PhotometricInterpretation")
    is_grey = header.text("SOPClassUID") in SLICE_CLASSES and header.integer("SamplesPerPixel", default=1) == 1
    return named or ("MONOCHROME2" if is_grey else "")


def _is_signed(header: Header) -> bool:
    """Pixel Representation (0028,0103), 0 or 1.

    Raises:
        ValueError: It is another number: the values cannot be known.
    """
    representation = header.integer("PixelRepresentation")
    if representation not in (0, 1):
        raise ValueError("Pixel Representation is neither 0 nor 1")
    return representation == 1


def read_rescale(header: Header) -> Rescale:
    """From stored values to those of the modality.

    Args:
        header: Of a classic object, or of a frame with its functional groups.

    Raises:
        BrokenElementError: A sequence is broken.
    """
    return Rescale(
        slope=header.number("RescaleSlope"),
        intercept=header.number("RescaleIntercept"),
        rescale_type=header.text("RescaleType"),
        units=header.text("Units"),
        has_lookup_table=header.first("ModalityLUTSequence") is not None,
        real_world=next(filter(None, map(_real_world, header.items("RealWorldValueMappingSequence"))), None),
        has_vendor_scale=has_philips_scale(header),
    )


def _real_world(mapping: Header) -> RealWorld | None:
    """A linear mapping with a unit; one by a table, or without a code, is none."""
    slope, intercept = mapping.number("RealWorldValueSlope"), mapping.number("RealWorldValueIntercept")
    code = mapping.first("MeasurementUnitsCodeSequence")
    unit = code.text("CodeValue") if code else ""
    if slope is None or intercept is None or not UNIT_CODE.fullmatch(unit):
        return None
    return RealWorld(slope=slope, intercept=intercept, unit=unit)
