"""Pictures of the slices with segments as DICOM Secondary Captures (PS3.3 A.8.1).

highdicom's SCImage wants to know how the patient lies, which projections need not say, and reads the clock: the few
attributes are set here.
"""

from collections.abc import Iterator

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import SecondaryCaptureImageStorage

from clara_stages.dicom_writer.header.code_item import code_item
from clara_stages.dicom_writer.header.decimal_strings import decimal_strings
from clara_stages.dicom_writer.header.references import image_reference
from clara_stages.dicom_writer.header.series_attributes import complete_header
from clara_stages.dicom_writer.header.source_time import date_text, time_text
from clara_stages.dicom_writer.inputs.source_stack import SourceSlice
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.rendering.layout import Layout
from clara_stages.dicom_writer.rendering.orientation import patient_orientation
from clara_stages.dicom_writer.rendering.overlay import Picture
from clara_stages.dicom_writer.rendering.painter import Painter

OUTPUT = "sc"

_DERIVATION = "Source image, windowed, with outlines and light fills of segments and a legend"

_SOURCE_IMAGE = Code("121322", "DCM", "Source image for image processing operation")
"""Purpose of Reference, CID 7202."""


def build(job: Job) -> Iterator[tuple[str, Dataset]]:
    """One picture for each source slice that shows a segment, in the order of the slices; none is held.

    Raises:
        BadInputError: The job has no segments or no volume.
    """
    painter = Painter(job, OUTPUT)
    indices = painter.indices
    if not indices:
        job.warn("no source slice shows a segment: no picture is written")
    for number, index in enumerate(indices, start=1):
        result = _capture(painter.page(index), job, number)
        _set_source(result, job.source.slices[index])
        _set_geometry(result, job, painter.layout)
        complete_header(result, job, OUTPUT, series_description=_description(job))
        yield f"sc_{number:04d}.dcm", result


def _description(job: Job) -> str:
    return f"{job.require_segments(OUTPUT).table.series_description} - pictures"


def _capture(picture: Picture, job: Job, number: int) -> Dataset:
    """SC Equipment, General Image, Image Pixel and SOP Common (PS3.3 C.8.6.1, C.7.6.1, C.7.6.3, C.12.1)."""
    result = Dataset()
    result.SOPClassUID = SecondaryCaptureImageStorage
    result.SOPInstanceUID = job.uid(f"{OUTPUT} instance {number}")
    result.Modality = "OT"  # not the source's: a picture must not be taken for an image that can be measured
    result.ConversionType = "WSD"
    result.InstanceNumber = number
    result.ImageType = ["DERIVED", "SECONDARY", "OVERLAY"]
    result.DateOfSecondaryCapture, result.TimeOfSecondaryCapture = date_text(job.moment), time_text(job.moment)
    result.DerivationDescription = _DERIVATION
    # There is text in the pixels, though none that names the patient: whoever looks for burnt-in text must look here.
    result.BurnedInAnnotation = "YES"
    result.SamplesPerPixel, result.PhotometricInterpretation, result.PlanarConfiguration = 3, "RGB", 0
    result.Rows, result.Columns = picture.shape[:2]
    result.BitsAllocated, result.BitsStored, result.HighBit, result.PixelRepresentation = 8, 8, 7, 0
    pixels = picture.tobytes()
    result.PixelData = pixels + b"\x00" * (len(pixels) % 2)
    return result


def _set_source(result: Dataset, item: SourceSlice) -> None:
    """The image that is shown, and what it hands down: lossy once is lossy for ever (PS3.3 C.7.6.1.1.5)."""
    reference = image_reference(item)
    reference.PurposeOfReferenceCodeSequence = [code_item(_SOURCE_IMAGE)]
    result.SourceImageSequence = [reference]
    lossy = item.instance.get("LossyImageCompression") == "01"
    result.LossyImageCompression = "01" if lossy else "00"
    inherited = ("LossyImageCompressionRatio", "LossyImageCompressionMethod") if lossy else ()
    for keyword in inherited:
        if item.instance.get(keyword):
            result[keyword] = item.instance[keyword]
    # Type 2C of a paired structure (PS3.3 C.7.3.1): empty says that nobody stated the side.
    stated = item.instance.get("Laterality") or item.instance.get("ImageLaterality")
    result.Laterality = stated if stated in ("L", "R") else None
    if item.instance.get("RecognizableVisualFeatures") in ("YES", "NO"):
        result.RecognizableVisualFeatures = item.instance.RecognizableVisualFeatures


def _set_geometry(result: Dataset, job: Job, layout: Layout) -> None:
    """How the patient lies, and how large a pixel is where the source knows it of the patient, not of a detector."""
    source = job.source
    result.PatientOrientation = list(patient_orientation(source) or ()) or None
    if source.has_place:
        height_mm, width_mm = source.rows * source.row_spacing_mm, source.columns * source.column_spacing_mm
        result.PixelSpacing = decimal_strings([height_mm / layout.height, width_mm / layout.width])
