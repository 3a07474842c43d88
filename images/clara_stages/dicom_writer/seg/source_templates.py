"""The source slices as highdicom needs them: reduced, so that no fault of the source reaches or stops the result."""

from collections.abc import Callable

from pydicom.dataset import Dataset
from pydicom.uid import UID, CTImageStorage

from clara_stages.dicom_writer.header.decimal_strings import decimal_strings
from clara_stages.dicom_writer.inputs.planes import ImageHeader
from clara_stages.dicom_writer.inputs.source_stack import SourceStack

_LOSSY = ("LossyImageCompressionRatio", "LossyImageCompressionMethod")


def stand_in_uid(index: int) -> UID:
    """The SOP Instance UID that the template of a slice has, until the reference to the real image replaces it."""
    return UID(f"2.25.{index + 1}")


def source_templates(source: SourceStack, warn: Callable[[str], None]) -> list[Dataset]:
    """One single-frame image of one pixel for each source slice, at its position.

    Frames of a multi-frame source become images as well, so that every geometry takes one way through highdicom.
    Patient and study are empty: ``complete_header`` fills them in.

    Args:
        source: The slices.
        warn: Called where the slice thickness has to be derived.
    """
    shared = _shared_attributes(source, slice_thickness_mm(source, warn))
    templates = []
    for index, item in enumerate(source.slices):
        template = Dataset()
        template.update(shared)
        template.SOPInstanceUID = stand_in_uid(index)
        template.ImagePositionPatient = decimal_strings(item.position_lps_mm)
        templates.append(template)
    return templates


def _shared_attributes(source: SourceStack, thickness_mm: float) -> Dataset:
    shared = Dataset()
    shared.SOPClassUID = CTImageStorage  # any class of single-frame images: only real references are written
    shared.StudyInstanceUID = source.first.get("StudyInstanceUID", "")
    shared.SeriesInstanceUID = source.first.get("SeriesInstanceUID", "")
    shared.FrameOfReferenceUID = source.frame_of_reference_uid
    shared.PositionReferenceIndicator = source.first.get("PositionReferenceIndicator")
    shared.Modality = source.first.get("Modality") or "OT"
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"):
        setattr(shared, keyword, "")
    shared.StudyDate = shared.StudyTime = None
    shared.Rows = shared.Columns = 1
    shared.ImageOrientationPatient = decimal_strings([*source.row_direction, *source.column_direction])
    shared.PixelSpacing = decimal_strings([source.row_spacing_mm, source.column_spacing_mm])
    shared.SliceThickness = decimal_strings([thickness_mm])[0]
    # A segmentation of an image that was compressed with loss has been, too, for ever (PS3.3 C.7.6.1.1.5).
    lossy = next((item for item in source.instances if item.get("LossyImageCompression") == "01"), None)
    shared.LossyImageCompression = "00" if lossy is None else "01"
    for keyword in _LOSSY:
        if lossy is not None and lossy.get(keyword):
            shared[keyword] = lossy[keyword]
    return shared


def slice_thickness_mm(source: SourceStack, warn: Callable[[str], None]) -> float:
    """Slice Thickness, or the distance between slices where the source does not say.

    Pixel Measures wants it (PS3.3 C.7.6.16.2.1, Type 1C); a single slice without one gets its pixel spacing.
    """
    first = source.slices[0]
    stated_mm = ImageHeader(first.instance, first.frame).numbers("SliceThickness", 1)
    if stated_mm is not None and stated_mm[0] > 0:
        return float(stated_mm[0])
    gap_mm = source.slice_gap_mm()
    if gap_mm:
        warn(f"the source states no SliceThickness: {gap_mm:.3f} mm written, the distance between slices")
        return gap_mm
    nominal_mm = source.row_spacing_mm
    warn(
        f"the source is a single image and states no SliceThickness: the segmentation has {nominal_mm:.3f} mm, the "
        "pixel spacing, because it must have one; no volume may be computed with it"
    )
    return nominal_mm
