"""The MR Image module (PS3.3 C.8.3.1) of a derived image."""

from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage

from clara_stages.dicom_writer.image_series.attributes import Attributes

SOP_CLASS_UID = MRImageStorage

IMAGE_TYPE = ("DERIVED", "SECONDARY", "OTHER")
"""Value 3 is one of the Defined Terms of C.8.3.1.1.1."""

UNKNOWN_SEQUENCE = "RM"
"""Research Mode: the only Defined Term of Scanning Sequence that claims no technique."""

_PULSES = {"SPIN": ("SE",), "GRADIENT": ("GR",), "BOTH": ("SE", "GR")}
"""Echo Pulse Sequence (0018,9008) of an Enhanced image -> Scanning Sequence."""

_TYPE_3 = (
    *("AngioFlag", "NumberOfAverages", "ImagingFrequency", "ImagedNucleus", "EchoNumbers", "MagneticFieldStrength"),
    *("NumberOfPhaseEncodingSteps", "PercentSampling", "PercentPhaseFieldOfView", "PixelBandwidth"),
    *("ReceiveCoilName", "TransmitCoilName", "InPlanePhaseEncodingDirection", "FlipAngle", "SAR", "dBdt"),
    *("SequenceName", "DiffusionBValue"),
)


def set_module(result: Dataset, attributes: Attributes) -> None:
    """Give an image what the module has besides its pixels."""
    _set_sequence(result, attributes)
    attributes.take_or_empty(result, ("ScanOptions", "MRAcquisitionType", "EchoTime", "EchoTrainLength"))
    _set_conditional(result, attributes)
    attributes.take(result, _TYPE_3)
    _translate(result)


def _set_sequence(result: Dataset, attributes: Attributes) -> None:
    """Scanning Sequence and Sequence Variant, Type 1; of an Enhanced source from its MR Pulse Sequence module."""
    attributes.take(result, ("ScanningSequence", "SequenceVariant"))
    if "ScanningSequence" not in result:
        found = list(_PULSES.get(attributes.text("EchoPulseSequence"), ()))
        found += ["IR"] * (attributes.text("InversionRecovery") == "YES")
        found += ["EP"] * (attributes.text("EchoPlanarPulseSequence") == "YES")
        if not found:
            attributes.note_missing("ScanningSequence")
        result.ScanningSequence = found or [UNKNOWN_SEQUENCE]
    if "SequenceVariant" not in result:
        variants = {
            "SK": attributes.text("SegmentedKSpaceTraversal") not in ("", "SINGLE", "FULL"),
            "MTC": attributes.text("MagnetizationTransfer") not in ("", "NONE"),
            "SS": attributes.text("SteadyStatePulseSequence") not in ("", "NONE"),
            "SP": attributes.text("Spoiling") not in ("", "NONE"),
            "OSP": attributes.text("OversamplingPhase") not in ("", "NONE"),
        }
        if not attributes.text("EchoPulseSequence"):
            attributes.note_missing("SequenceVariant")
        result.SequenceVariant = [term for term, holds in variants.items() if holds] or ["NONE"]


def _translate(result: Dataset) -> None:
    """Terms of Enhanced images that classic ones have another word for, or none."""
    if result.get("InPlanePhaseEncodingDirection") == "COLUMN":
        result.InPlanePhaseEncodingDirection = "COL"
    if result.get("InPlanePhaseEncodingDirection") not in ("ROW", "COL"):
        result.pop("InPlanePhaseEncodingDirection", None)
    if result.MRAcquisitionType not in ("2D", "3D"):
        result.MRAcquisitionType = None


def _set_conditional(result: Dataset, attributes: Attributes) -> None:
    """Type 2C: Repetition Time but of unsegmented echo planar images, Inversion Time of inversion recovery."""
    sequence = set(_values(result.ScanningSequence))
    if not (sequence == {"EP"} and "SK" not in _values(result.SequenceVariant)):
        attributes.take_or_empty(result, ("RepetitionTime",))
    if "IR" in sequence:
        attributes.take_or_empty(result, ("InversionTime",))


def _values(found: object) -> list[str]:
    return [found] if isinstance(found, str) else [str(value) for value in found]  # type: ignore[attr-defined]
