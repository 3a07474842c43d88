"""Which elements the reader keeps of a header, and under which name."""

from clara_stages.dicom_reader.headers.dictionary import DICTIONARY
from clara_stages.dicom_reader.values.pet_header import PET_TAGS
from clara_stages.kit.contract.facts import SERIES_KEYWORDS, STUDY_KEYWORDS

_IMAGE = (
    "SpecificCharacterSet", "ImagePositionPatient", "ImageOrientationPatient", "ImagerPixelSpacing",
    "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "PixelPaddingValue", "PixelPaddingRangeLimit", "LossyImageCompression",
    "RescaleSlope", "RescaleIntercept", "RescaleType", "ModalityLUTSequence", "Units",
    "DirectoryRecordSequence",
    "PatientID", "ConcatenationUID", "InConcatenationNumber", "InConcatenationTotalNumber",
)  # fmt: skip

_ATTRIBUTES = (
    "FrameType", "ComplexImageComponent", "DiffusionBValue", "DiffusionDirectionality",
    "DiffusionGradientOrientation", "SequenceName",
    "PulseSequenceName", "EchoNumbers", "EchoTime", "EffectiveEchoTime", "InversionTime", "InversionTimes", "FlipAngle",
    "TemporalPositionIdentifier", "TemporalPositionIndex", "ImageIndex", "NumberOfSlices", "NumberOfTimeSlices",
    "SeriesType", "TimeSlotNumber", "NumberOfTimeSlots", "FrameReferenceTime", "TriggerTime",
    "NominalCardiacTriggerDelayTime",
    "NominalPercentageOfCardiacPhase", "NominalPercentageOfRespiratoryPhase",
    "AcquisitionNumber", "FrameAcquisitionNumber", "AcquisitionDateTime", "AcquisitionDate", "AcquisitionTime",
    "FrameAcquisitionDateTime", "ContentDate", "ContentTime", "StackID", "InStackPositionNumber",
    "DimensionIndexValues", "KVP", "MonoenergeticEnergyEquivalent", "ContrastBolusAgentPhase", "ReceiveCoilName",
    "ScanningSequence", "SequenceVariant", "EchoPulseSequence", "CodeValue", "DetectorVector",
)  # fmt: skip

MACRO_SEQUENCES = (
    "FrameContentSequence", "PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence",
    "PixelValueTransformationSequence",
    "CTImageFrameTypeSequence", "CTXRayDetailsSequence", "CTReconstructionSequence", "ContrastBolusUsageSequence",
    "MRImageFrameTypeSequence", "MREchoSequence", "MRDiffusionSequence", "MRModifierSequence",
    "MRTimingAndRelatedParametersSequence", "MRReceiveCoilSequence", "PETFrameTypeSequence",
    "XAXRFFrameCharacteristicsSequence",
    "CardiacSynchronizationSequence", "RespiratorySynchronizationSequence", "TemporalPositionSequence",
    "MultienergyCTProcessingSequence", "MultienergyCTCharacteristicsSequence",
    "UnassignedSharedConvertedAttributesSequence", "UnassignedPerFrameConvertedAttributesSequence",
)  # fmt: skip
"""Functional groups with something that the reader wants, and those where Legacy Converted objects keep what had no
place (PS3.3 C.7.6.16.2.25)."""

NESTED_SEQUENCES = (
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "DiffusionGradientDirectionSequence",
    "RealWorldValueMappingSequence", "RealWorldValueSlope", "RealWorldValueIntercept", "MeasurementUnitsCodeSequence",
    "DetectorInformationSequence",
)  # fmt: skip

_KEYWORDS = dict.fromkeys(
    (*SERIES_KEYWORDS, *STUDY_KEYWORDS, *_IMAGE, *_ATTRIBUTES, *MACRO_SEQUENCES, *NESTED_SEQUENCES)
)

TRANSFER_SYNTAX_UID, MEDIA_STORAGE_SOP_CLASS_UID = 0x00020010, 0x00020002

OVERLAY_BIT_POSITIONS = tuple(group << 16 | 0x0102 for group in range(0x6000, 0x6020, 2))
"""Overlay Bit Position (60xx,0102): not 0 where an overlay lies in unused bits of the pixels (PS3.5 8.1.2)."""

PIXEL_ELEMENTS = {0x7FE00008: "float", 0x7FE00009: "float", 0x7FE00010: "integer"}
"""Float Pixel Data, Double Float Pixel Data and Pixel Data: where reading a header ends."""

PRIVATE_GROUPS = frozenset({0x0019, 0x0043, 0x0051, 0x0065, 0x2001, 0x2005})
"""Where Siemens, GE, UIH and Philips keep what ``private_elements`` reads."""

WANTED: dict[int, str | int] = {}
"""Tag -> the keyword, or the tag itself where the dictionary has none."""
for _tag in (*PET_TAGS, *OVERLAY_BIT_POSITIONS, TRANSFER_SYNTAX_UID, MEDIA_STORAGE_SOP_CLASS_UID):
    WANTED[_tag] = _tag

VRS: dict[str | int, str] = dict.fromkeys(OVERLAY_BIT_POSITIONS, "US")
"""Keyword -> VR, for elements that do not say it."""
for _keyword in _KEYWORDS:
    _tag, VRS[_keyword] = DICTIONARY[_keyword]
    WANTED[_tag] = _keyword

SEQUENCE_KEYS: frozenset[str | int] = frozenset(key for tag, key in WANTED.items() if VRS.get(key) == "SQ")
