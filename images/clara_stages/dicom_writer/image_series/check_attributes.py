"""Whether a derived image says of its acquisition what the source image says, and drops nothing that warns."""

from collections.abc import Iterator

import numpy as np
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.gate.finding import Finding
from clara_stages.dicom_writer.inputs.planes import ImageHeader
from clara_stages.dicom_writer.inputs.source_stack import SourceStack

_COPIED = (
    *("PatientPosition", "Laterality", "BodyPartExamined", "AcquisitionDate", "AcquisitionTime", "AcquisitionNumber"),
    *("WindowCenter", "WindowWidth", "VOILUTFunction", "ContrastBolusAgent", "ContrastBolusRoute", "ProtocolName"),
    *("KVP", "ExposureTime", "XRayTubeCurrent", "Exposure", "ConvolutionKernel", "FilterType", "ScanOptions"),
    *("EchoTime", "RepetitionTime", "InversionTime", "FlipAngle", "MagneticFieldStrength", "DiffusionBValue"),
    *("DecayCorrection", "DecayFactor", "FrameReferenceTime", "ActualFrameDuration", "CountsSource"),
    *("BurnedInAnnotation", "RecognizableVisualFeatures", "LossyImageCompression"),
)
"""Attributes that a derived image may only have as a source image has them, where that has them by the same name."""

_KEPT = ("PatientPosition", "BurnedInAnnotation", "RecognizableVisualFeatures", "LossyImageCompression")
"""And that it must have where the source says them in a valid way."""

_VALID = {
    "PatientPosition": frozenset(
        {*("HFP", "HFS", "HFDR", "HFDL", "FFP", "FFS", "FFDR", "FFDL"), *("LFP", "LFS", "RFP", "RFS", "AFDR", "AFDL")}
        | {"PFDR", "PFDL"}
    ),
    "BurnedInAnnotation": frozenset({"YES", "NO"}),
    "RecognizableVisualFeatures": frozenset({"YES", "NO"}),
    "LossyImageCompression": frozenset({0.0, 1.0}),
}
"""PS3.3 C.7.3.1.1.2, C.7.6.1."""


def check_attributes(name: str, image: Dataset, source: SourceStack) -> Iterator[Finding]:
    """Compare with the source images that the image names; a plane between two may have the values of either.

    Args:
        name: What findings call the image.
        image: As it was read from the file.
        source: The images.
    """
    headers = _named(image, source)
    for keyword in _COPIED:
        stated = _comparable(image.get(keyword))
        found = [_comparable(header.get(keyword)) for header in headers]
        known = [value for value in found if value is not None]
        if stated is not None and known and stated not in known:
            yield _finding(f"{keyword} of {name} is not that of the source image")
        is_valid = bool(known) and all(value in {(word,) for word in _VALID.get(keyword, ())} for value in known)
        if keyword in _KEPT and stated is None and is_valid and "PatientOrientationCodeSequence" not in image:
            yield _finding(f"{keyword} of the source image is not in {name}")


def _named(image: Dataset, source: SourceStack) -> list[ImageHeader]:
    frames = {
        str(item.ReferencedSOPInstanceUID): np.atleast_1d(item.get("ReferencedFrameNumber") or []).tolist()
        for item in image.SourceImageSequence
    }
    return [
        ImageHeader(item.instance, item.frame)
        for item in source.slices
        if item.sop_instance_uid in frames and (item.frame is None or item.frame in frames[item.sop_instance_uid])
    ]


def _comparable(value: object) -> tuple[object, ...] | None:
    """Numbers by value, texts without padding; None where there is no value."""
    values = np.atleast_1d(np.array(value, dtype=object)).tolist() if value is not None else []
    found = tuple(_one(item) for item in values)
    return found if any(item != "" for item in found) else None


def _one(value: object) -> object:
    text = str(value).strip()
    try:
        return round(float(text), 6)
    except ValueError:
        return text


def _finding(message: str) -> Finding:
    return Finding(name="copied_attribute", output="image", message=message)
