"""A derived CT, MR or PET series: one single-frame image for each plane of the volume, in the volume's own grid."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.valuerep import format_number_as_ds

from clara_stages.dicom_writer.header.series_attributes import complete_header
from clara_stages.dicom_writer.image_series import ct, mr, pet
from clara_stages.dicom_writer.image_series.attributes import Attributes
from clara_stages.dicom_writer.image_series.derivation import set_derivation, set_source_images
from clara_stages.dicom_writer.image_series.planes import Planes, planes_of
from clara_stages.dicom_writer.image_series.stored_values import REPORTED_PART, Storage, choose_storage, planes
from clara_stages.dicom_writer.inputs.planes import ImageHeader
from clara_stages.dicom_writer.inputs.source_stack import Floats
from clara_stages.dicom_writer.inputs.volume import Volume
from clara_stages.dicom_writer.job import Job
from clara_stages.kit import BadInputError


@dataclass(frozen=True, kw_only=True)
class ImageKind:
    """What tells the images of one modality from others.

    Attributes:
        sop_class_uid: Of the classic image.
        image_type: Image Type (0008,0008).
        set_module: Gives an image the attributes of its modality.
    """

    sop_class_uid: str
    image_type: tuple[str, ...]
    set_module: Callable[[Dataset, Attributes], None]


KINDS = {
    "CT": ImageKind(sop_class_uid=ct.SOP_CLASS_UID, image_type=ct.IMAGE_TYPE, set_module=ct.set_module),
    "MR": ImageKind(sop_class_uid=mr.SOP_CLASS_UID, image_type=mr.IMAGE_TYPE, set_module=mr.set_module),
    "PT": ImageKind(sop_class_uid=pet.SOP_CLASS_UID, image_type=pet.IMAGE_TYPE, set_module=pet.set_module),
}
"""Modality -> the classic image that is written."""

_GENERAL = (
    *("BodyPartExamined", "ProtocolName", "AcquisitionDate", "AcquisitionTime", "AcquisitionDateTime"),
    *("AnatomicRegionSequence", "BurnedInAnnotation", "RecognizableVisualFeatures"),
    *("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod", "QualityControlImage"),
    *("ContrastBolusAgent", "ContrastBolusRoute"),
)
"""Of General Series, General Image and Contrast/Bolus. Identity that is burnt in, and what lossy compression did to the
pixels, stay in a derived image."""

_DATE_TIME = re.compile(r"(\d{8})(\d{2,6}(?:\.\d{1,6})?)")
"""DT as DA and TM (PS3.5 6.2), without an offset from UTC."""

_ROUNDING_DECIMALS = 9
"""A nanometre in a position: float32 noise such as -1e-17 is not written."""


def build(job: Job) -> Iterator[tuple[str, Dataset]]:
    """The images ``image_0001.dcm`` ..., in order of k.

    Stored values are signed 16 bits: as they are where they are whole numbers that fit, else with one slope and
    intercept for the series.

    Raises:
        BadInputError: The modality is none of CT, MR and PT, the images have no place in the patient, a voxel is not
            finite, or the source lacks what the modality's modules need.
    """
    volume = job.require_volume("image")
    modality = volume.document.modality
    if modality not in KINDS:
        raise BadInputError(
            f"output 'image' cannot be written for modality {modality!r}, expected {', '.join(KINDS)}",
            remedy="take 'image' out of outputs",
        )
    grid = planes_of(volume, job.source)
    storage = choose_storage(volume.values, may_shift=modality != "PT")
    missing: dict[str, None] = {}
    error = 0.0
    for k, values in enumerate(planes(volume.values)):
        stored = storage.encode(values)
        if not storage.is_exact:
            error = max(error, float(np.abs(storage.decode(stored) - values).max()))
        header = ImageHeader(*_nearest(job, grid, k))
        result = _image(job, grid, k, Attributes(header, missing))
        _set_pixels(result, stored)
        _set_scale(result, volume, storage)
        complete_header(result, job, "image", series_description=_description(job))
        yield f"image_{k + 1:04d}.dcm", result
    _warn(job, missing, error, storage)


def _nearest(job: Job, grid: Planes, k: int) -> tuple[Dataset, int | None]:
    image = job.source.slices[grid.sources[k][0]]
    return image.instance, image.frame


def _image(job: Job, grid: Planes, k: int, attributes: Attributes) -> Dataset:
    """Everything of one image but its pixels and what all results have."""
    volume = job.require_volume("image")
    modality = volume.document.modality
    kind = KINDS[modality]
    result = Dataset()
    result.SOPClassUID = kind.sop_class_uid
    result.SOPInstanceUID = job.uid(f"image instance {k + 1}")
    result.Modality = modality
    result.ImageType = list(kind.image_type)
    result.InstanceNumber = k + 1
    attributes.take(result, _GENERAL)
    attributes.take_also_empty(result, ("Laterality",))
    _set_acquisition_time(result, attributes)
    _set_place(result, job, grid, k, attributes)
    kind.set_module(result, attributes)
    if modality == "PT":
        pet.set_unit(result, volume.unit)
        result.NumberOfSlices = len(grid.sources)
        result.ImageIndex = k + 1
    _set_window(result, volume, attributes)
    set_derivation(result, volume, job.source)
    shown = [job.source.slices[index] for index in grid.sources[k]]
    set_source_images(result, shown, is_resampled=volume.document.origin_index is not None)
    return result


def _set_acquisition_time(result: Dataset, attributes: Attributes) -> None:
    """Acquisition Date and Time of an Enhanced source, which has them in one value, for each frame."""
    text = attributes.text("FrameAcquisitionDateTime") or attributes.text("AcquisitionDateTime")
    found = _DATE_TIME.match(text)
    if "AcquisitionDate" not in result and found:
        result.AcquisitionDate, result.AcquisitionTime = found.groups()


def _set_place(result: Dataset, job: Job, grid: Planes, k: int, attributes: Attributes) -> None:
    """Frame of Reference, Image Plane (PS3.3 C.7.4.1, C.7.6.2), and Patient Position of General Series."""
    result.FrameOfReferenceUID = job.source.frame_of_reference_uid
    result.PositionReferenceIndicator = attributes.text("PositionReferenceIndicator") or None
    if not attributes.find("PatientOrientationCodeSequence"):  # it would say the same (PS3.3 C.7.3.1)
        attributes.take_or_empty(result, ("PatientPosition",))
    result.ImagePositionPatient = _decimals(grid.positions_lps_mm[k])
    result.ImageOrientationPatient = _decimals(grid.orientation_lps)
    result.PixelSpacing = _decimals(np.array([grid.row_spacing_mm, grid.column_spacing_mm]))
    if len(grid.sources) > 1:
        result.SliceThickness = format_number_as_ds(grid.gap_mm)
    else:  # the third axis of a single plane is nominal
        attributes.take_or_empty(result, ("SliceThickness",))
    if result.Modality == "MR" and len(grid.sources) > 1:
        result.SpacingBetweenSlices = format_number_as_ds(grid.gap_mm)


def _set_pixels(result: Dataset, stored: np.ndarray) -> None:
    """Image Pixel (PS3.3 C.7.6.3): monochrome, 16 bits signed, little endian."""
    result.SamplesPerPixel = 1
    result.PhotometricInterpretation = "MONOCHROME2"
    result.Rows, result.Columns = stored.shape
    result.BitsAllocated = result.BitsStored = 16
    result.HighBit = 15
    result.PixelRepresentation = 1
    result.add_new("PixelData", "OW", np.ascontiguousarray(stored, dtype="<i2").tobytes())


def _set_scale(result: Dataset, volume: Volume, storage: Storage) -> None:
    """Slope and intercept: Type 1 in CT and PET; an MR image has none unless its values need one."""
    if result.Modality == "MR" and storage.is_exact:
        return
    result.RescaleSlope = format_number_as_ds(storage.slope)
    result.RescaleIntercept = format_number_as_ds(storage.intercept)
    if result.Modality != "PT":
        result.RescaleType = "HU" if volume.unit == "HU" else "US"


def _set_window(result: Dataset, volume: Volume, attributes: Attributes) -> None:
    """The source's window, where the values are still in the unit that it is in."""
    if volume.document.unit_basis or None in (attributes.find("WindowCenter"), attributes.find("WindowWidth")):
        return
    attributes.take(result, ("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation", "VOILUTFunction"))


def _description(job: Job) -> str:
    found = str(job.source.first.get("SeriesDescription") or "").strip()
    return f"Derived {found}" if found else "Derived images"


def _warn(job: Job, missing: dict[str, None], error: float, storage: Storage) -> None:
    if missing:
        job.warn(f"the source lacks {', '.join(missing)}: written empty, or as the term that claims least")
    if error > REPORTED_PART * (storage.high - storage.low):
        job.warn(f"the derived images store values in steps of {storage.slope:.4g}: errors are up to {error:.4g}")


def _decimals(values: Floats) -> list[str]:
    return [format_number_as_ds(round(float(value), _ROUNDING_DECIMALS) + 0.0) for value in values]
