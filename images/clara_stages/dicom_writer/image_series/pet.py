"""The PET Series, Isotope, Patient Orientation and Image modules (PS3.3 C.8.9, C.8.4.6) of a derived image."""

import datetime

from pydicom.dataset import Dataset
from pydicom.uid import PositronEmissionTomographyImageStorage
from pydicom.valuerep import DT, format_number_as_ds

from clara_stages.dicom_writer.image_series.attributes import Attributes
from clara_stages.kit import BadInputError

SOP_CLASS_UID = PositronEmissionTomographyImageStorage

IMAGE_TYPE = ("DERIVED", "PRIMARY")
"""Value 2 can only be PRIMARY (C.8.9.4.1.1)."""

UNITS = {
    "{SUVbw}g/ml": ("GML", "BW"),
    "{SUVlbm}g/ml": ("GML", "LBM"),
    "{SUVlbm(James128)}g/ml": ("GML", "LBMJAMES128"),
    "{SUVlbm(Janma)}g/ml": ("GML", "LBMJANMA"),
    "{SUVibw}g/ml": ("GML", "IBW"),
    "{SUVbsa}cm2/ml": ("CM2ML", "BSA"),
    "Bq/ml": ("BQML", ""),
    "{counts}": ("CNTS", ""),
    "{counts}/s": ("CPS", ""),
    "%": ("PCNT", ""),
    "1": ("NONE", ""),
}
"""Unit of the volume -> Units (0054,1001) and SUV Type (0054,1006) (C.8.9.1.1.3)."""

_SERIES_TYPE_3 = (
    *("RandomsCorrectionMethod", "AttenuationCorrectionMethod", "ScatterCorrectionMethod", "ReconstructionDiameter"),
    *("ConvolutionKernel", "ReconstructionMethod", "AxialAcceptance", "EnergyWindowRangeSequence"),
)

_IMAGE_TYPE_3 = ("DoseCalibrationFactor", "ScatterFractionFactor", "DeadTimeFactor")

_CORRECTIONS = {
    "DecayCorrected": "DECY", "AttenuationCorrected": "ATTN", "ScatterCorrected": "SCAT", "DeadTimeCorrected": "DTIM",
    "GantryMotionCorrected": "MOTN", "PatientMotionCorrected": "PMOT", "CountLossNormalizationCorrected": "CLN",
    "RandomsCorrected": "RAN", "NonUniformRadialSamplingCorrected": "RADL", "SensitivityCalibrated": "DCAL",
    "DetectorNormalizationCorrection": "NORM",
}  # fmt: skip
"""Flags of an Enhanced PET image (C.8.22.3) -> Corrected Image (0028,0051)."""


def set_module(result: Dataset, attributes: Attributes) -> None:
    """Give an image what the modules have besides its pixels, their scale, their unit and the number of slices.

    Raises:
        BadInputError: The source lacks a Type 1 attribute that nothing stands for.
    """
    attributes.take(result, ("SeriesType", "CountsSource", "DecayCorrection", "FrameReferenceTime"))
    _set_series_type(result, attributes)
    if "DecayCorrection" not in result:
        _set_decay_correction(result, attributes)
    if "FrameReferenceTime" not in result:
        _set_frame_reference_time(result, attributes)
    _require(result, ("CountsSource", "DecayCorrection", "FrameReferenceTime"))
    _set_corrections(result, attributes)
    attributes.take_or_empty(result, ("CollimatorType", "RadiopharmaceuticalInformationSequence"))
    attributes.take_or_empty(result, ("PatientOrientationCodeSequence", "PatientGantryRelationshipCodeSequence"))
    attributes.take_or_empty(result, ("ActualFrameDuration",))
    absent = [keyword for keyword in ("AcquisitionDate", "AcquisitionTime") if keyword not in result]
    attributes.take_or_empty(result, absent)
    attributes.take(result, (*_SERIES_TYPE_3, *_IMAGE_TYPE_3))
    if result.DecayCorrection != "NONE":
        attributes.take(result, ("DecayFactor",))
        _require(result, ("DecayFactor",))


def set_unit(result: Dataset, unit: str) -> None:
    """Units and SUV Type of the values.

    Raises:
        BadInputError: PET images have no word for the unit.
    """
    if unit not in UNITS:
        raise BadInputError(
            f"the volume is in {unit!r}, which PET images cannot state; they can state {', '.join(UNITS)}",
            remedy="take 'image' out of outputs, or write the volume in one of these units",
        )
    result.Units, suv_type = UNITS[unit]
    if suv_type:
        result.SUVType = suv_type


def _set_series_type(result: Dataset, attributes: Attributes) -> None:
    """STATIC whatever the source was: what is written is one time point (C.8.9.1.1.4); Enhanced images have none."""
    found = result.get("SeriesType")
    if found is None and attributes.header.frame is None:
        attributes.note_missing("SeriesType")
    is_reprojection = found is not None and "REPROJECTION" in found
    result.SeriesType = ["STATIC", "REPROJECTION" if is_reprojection else "IMAGE"]


def _set_decay_correction(result: Dataset, attributes: Attributes) -> None:
    """Of an Enhanced source: corrected or not, and to which moment (C.8.22.3)."""
    corrected = attributes.text("DecayCorrected")
    if corrected == "NO":
        result.DecayCorrection = "NONE"
    elif corrected == "YES":
        to = attributes.text("DecayCorrectionDateTime")
        injected = attributes.radiopharmaceutical_start()
        result.DecayCorrection = "ADMIN" if to and to == injected else "START"


def _set_frame_reference_time(result: Dataset, attributes: Attributes) -> None:
    """Of an Enhanced source: milliseconds from the start of its acquisition."""
    start, moment = (_moment(attributes.text(name)) for name in ("AcquisitionDateTime", "FrameReferenceDateTime"))
    if start is not None and moment is not None:
        result.FrameReferenceTime = format_number_as_ds((moment - start).total_seconds() * 1000.0)


def _moment(text: str) -> datetime.datetime | None:
    try:
        return DT(text).replace(tzinfo=None) if text else None
    except ValueError:
        return None


def _set_corrections(result: Dataset, attributes: Attributes) -> None:
    attributes.take(result, ("CorrectedImage",))
    if "CorrectedImage" not in result:
        found = [term for keyword, term in _CORRECTIONS.items() if attributes.text(keyword) == "YES"]
        if not any(attributes.text(keyword) for keyword in _CORRECTIONS):
            attributes.note_missing("CorrectedImage")
        result.CorrectedImage = found


def _require(result: Dataset, keywords: tuple[str, ...]) -> None:
    missing = [keyword for keyword in keywords if keyword not in result]
    if missing:
        raise BadInputError(
            f"the source has no {', '.join(missing)}, which is Type 1 in a PET image, and nothing that stands for it",
            remedy="take 'image' out of outputs, or have the series sent again from the modality",
        )
