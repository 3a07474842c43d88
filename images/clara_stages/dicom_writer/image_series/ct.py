"""The CT Image module (PS3.3 C.8.2.1) of a derived image."""

from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage

from clara_stages.dicom_writer.image_series.attributes import Attributes

SOP_CLASS_UID = CTImageStorage

IMAGE_TYPE = ("DERIVED", "SECONDARY", "AXIAL")
"""Value 3 is AXIAL or LOCALIZER (C.8.2.1.1.1)."""

_TYPE_3 = (
    *("ScanOptions", "DataCollectionDiameter", "ReconstructionDiameter", "DistanceSourceToDetector"),
    *("DistanceSourceToPatient", "TableHeight", "RotationDirection", "ExposureTime", "XRayTubeCurrent", "Exposure"),
    *("FilterType", "GeneratorPower", "FocalSpots", "ConvolutionKernel", "RevolutionTime", "SpiralPitchFactor"),
)


def set_module(result: Dataset, attributes: Attributes) -> None:
    """Give an image what the module has besides its pixels and their scale."""
    attributes.take_or_empty(result, ("KVP", "AcquisitionNumber"))
    attributes.take(result, _TYPE_3)
