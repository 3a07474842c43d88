"""What a real header has besides identity and geometry, so that validators find nothing in the sources of tests."""

from collections.abc import Mapping
from typing import Any

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence


def item(**values: Any) -> DicomSequence:
    """A sequence of one item."""
    made = Dataset()
    give(made, values)
    return DicomSequence([made])


def give(dataset: Dataset, values: Mapping[str, Any]) -> None:
    """Set attributes by keyword."""
    for keyword, value in values.items():
        setattr(dataset, keyword, value)


def code(value: str, meaning: str) -> DicomSequence:
    """A sequence of one SNOMED CT code."""
    return item(CodeValue=value, CodingSchemeDesignator="SCT", CodeMeaning=meaning)


def complete_classic(dataset: Dataset, modality: str) -> None:
    """Give a classic CT, MR or PET image the attributes that scanners write."""
    dataset.SeriesDate, dataset.SeriesTime = "20260102", "080000"
    dataset.PatientWeight = 70
    give(dataset, _CLASSIC.get(modality, {}))
    if modality == "PT":
        _complete_pet(dataset)


_CLASSIC: dict[str, dict[str, Any]] = {
    "CT": {
        "WindowCenter": 40, "WindowWidth": 400, "ConvolutionKernel": "B30f", "ScanOptions": "HELIX",
        "XRayTubeCurrent": 200, "ExposureTime": 500, "Exposure": 100, "FilterType": "BODY",
        "ReconstructionDiameter": 500, "LossyImageCompression": "00",
    },
    "MR": {
        "WindowCenter": 1000, "WindowWidth": 2000, "MagneticFieldStrength": 1.5, "ImagedNucleus": "1H",
        "ImagingFrequency": 63.6, "NumberOfAverages": 1, "FlipAngle": 90, "PixelBandwidth": 130,
        "PercentPhaseFieldOfView": 100, "ReceiveCoilName": "BODY",
    },
}  # fmt: skip


def _complete_pet(dataset: Dataset) -> None:
    give(
        dataset,
        {
            "SeriesType": ["STATIC", "IMAGE"], "CountsSource": "EMISSION", "NumberOfSlices": 14, "ImageIndex": 1,
            "CorrectedImage": ["DECY", "ATTN", "SCAT", "DTIM", "RAN", "NORM"], "RandomsCorrectionMethod": "DLYD",
            "AttenuationCorrectionMethod": "CT", "ScatterCorrectionMethod": "Model-based", "CollimatorType": "NONE",
            "ReconstructionMethod": "OSEM", "FrameReferenceTime": 1000, "ActualFrameDuration": 120000,
            "DecayFactor": 1.01, "DoseCalibrationFactor": 1, "ImageType": ["ORIGINAL", "PRIMARY"],
            "PatientOrientationCodeSequence": code("102538003", "recumbent"),
            "PatientGantryRelationshipCodeSequence": code("102540008", "headfirst"),
        },
    )  # fmt: skip
    del dataset.PatientPosition  # the codes say it (PS3.3 C.7.3.1)
    dataset.ImageIndex = dataset.InstanceNumber
    dataset.PatientOrientationCodeSequence[0].PatientOrientationModifierCodeSequence = code("40199007", "supine")
    dataset.RadiopharmaceuticalInformationSequence = _fdg()


def complete_enhanced(dataset: Dataset, modality: str) -> None:
    """Give an Enhanced CT or MR image the modules and macros that scanners write; its planes are there already."""
    give(
        dataset,
        {
            "DeviceSerialNumber": "1", "SoftwareVersions": "1", "PixelPresentation": "MONOCHROME",
            "VolumetricProperties": "VOLUME", "VolumeBasedCalculationTechnique": "NONE",
            "PresentationLUTShape": "IDENTITY", "BurnedInAnnotation": "NO", "ContentQualification": "RESEARCH",
            "LossyImageCompression": "00", "AcquisitionDateTime": "20260102080000", "AcquisitionDuration": 10.0,
            "AcquisitionContextSequence": [],
        },
    )  # fmt: skip
    for keyword in ("AcquisitionDate", "AcquisitionTime"):
        delattr(dataset, keyword)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    shared.FrameAnatomySequence = item(FrameLaterality="U", AnatomicRegionSequence=code("818981001", "Abdomen"))
    shared.FrameVOILUTSequence = item(WindowCenter=40, WindowWidth=400)
    for group in dataset.PerFrameFunctionalGroupsSequence:
        content = group.FrameContentSequence[0]
        content.FrameReferenceDateTime = content.FrameAcquisitionDateTime
        content.FrameAcquisitionDuration = 500.0
    if modality == "CT":
        _complete_enhanced_ct(dataset, shared)
    elif modality == "MR":
        _complete_enhanced_mr(dataset, shared)
    else:
        _complete_enhanced_pet(dataset)


_PRESENTATION = {
    "PixelPresentation": "MONOCHROME",
    "VolumetricProperties": "VOLUME",
    "VolumeBasedCalculationTechnique": "NONE",
}


def _complete_enhanced_ct(dataset: Dataset, shared: Dataset) -> None:
    groups = {
        "CTAcquisitionTypeSequence": {
            "AcquisitionType": "SPIRAL", "ConstantVolumeFlag": "NO", "FluoroscopyFlag": "NO",
        },
        "CTAcquisitionDetailsSequence": {
            "RotationDirection": "CW", "RevolutionTime": 0.5, "SingleCollimationWidth": 0.6,
            "TotalCollimationWidth": 38.4, "TableHeight": 150.0, "GantryDetectorTilt": 0.0,
            "DataCollectionDiameter": 500.0,
        },
        "CTTableDynamicsSequence": {"TableSpeed": 20.0, "TableFeedPerRotation": 10.0, "SpiralPitchFactor": 0.5},
        "CTPositionSequence": {
            "TablePosition": 0.0, "ReconstructionTargetCenterPatient": [0.0, 0.0, 0.0],
            "DataCollectionCenterPatient": [0.0, 0.0, 0.0],
        },
        "CTGeometrySequence": {"DistanceSourceToDetector": 1000.0, "DistanceSourceToDataCollectionCenter": 500.0},
        "CTReconstructionSequence": {
            "ReconstructionAlgorithm": "FILTER_BACK_PROJ", "ConvolutionKernel": "B30f",
            "ConvolutionKernelGroup": "BODY", "ReconstructionDiameter": 500.0,
            "ReconstructionPixelSpacing": [2.25, 2.0], "ReconstructionAngle": 360.0,
            "ImageFilter": "NONE",
        },
        "CTExposureSequence": {
            "ExposureTimeInms": 500.0, "XRayTubeCurrentInmA": 200.0, "ExposureInmAs": 100.0,
            "ExposureModulationType": "NONE",
        },
        "CTXRayDetailsSequence": {"KVP": 120.0, "FocalSpots": 1.2, "FilterType": "NONE", "FilterMaterial": "ALUMINUM"},
        "IrradiationEventIdentificationSequence": {"IrradiationEventUID": "2.25.3"},
    }  # fmt: skip
    give(shared, {keyword: item(**values) for keyword, values in groups.items()})
    dataset.MultienergyCTAcquisition = "NO"
    for group in dataset.PerFrameFunctionalGroupsSequence:
        give(group.CTImageFrameTypeSequence[0], _PRESENTATION)


def _complete_enhanced_mr(dataset: Dataset, shared: Dataset) -> None:
    for keyword in ("SequenceVariant", "ScanOptions", "RepetitionTime", "EchoTrainLength"):
        delattr(dataset, keyword)
    give(
        dataset,
        {
            "MagneticFieldStrength": 1.5, "ResonantNucleus": "1H", "KSpaceFiltering": "NONE",
            "ApplicableSafetyStandardAgency": "IEC", "ComplexImageComponent": "MAGNITUDE", "AcquisitionContrast": "T2",
            "PulseSequenceName": "SE", "MRAcquisitionType": "2D", "EchoPulseSequence": "SPIN",
            "MultipleSpinEcho": "NO", "MultiPlanarExcitation": "NO", "PhaseContrast": "NO",
            "TimeOfFlightContrast": "NO", "SteadyStatePulseSequence": "NONE", "EchoPlanarPulseSequence": "NO",
            "SaturationRecovery": "NO", "SpectrallySelectedSuppression": "NONE", "OversamplingPhase": "NONE",
            "GeometryOfKSpaceTraversal": "RECTILINEAR", "RectilinearPhaseEncodeReordering": "LINEAR",
            "SegmentedKSpaceTraversal": "SINGLE", "NumberOfKSpaceTrajectories": 1,
        },
    )  # fmt: skip
    shared.MRTimingAndRelatedParametersSequence = item(
        RepetitionTime=2000, FlipAngle=90, EchoTrainLength=1, RFEchoTrainLength=1, GradientEchoTrainLength=0,
        GradientOutputType="DB_DT", GradientOutput=1.0,
        SpecificAbsorptionRateSequence=item(
            SpecificAbsorptionRateDefinition="IEC_WHOLE_BODY", SpecificAbsorptionRateValue=0.5
        ),
        OperatingModeSequence=item(OperatingModeType="STATIC FIELD", OperatingMode="IEC_NORMAL"),
    )  # fmt: skip
    shared.MRAveragesSequence = item(NumberOfAverages=1)
    shared.MRReceiveCoilSequence = item(
        ReceiveCoilName="BODY", ReceiveCoilManufacturerName="ACME", ReceiveCoilType="BODY", QuadratureReceiveCoil="NO"
    )
    shared.MRTransmitCoilSequence = item(
        TransmitCoilName="BODY", TransmitCoilManufacturerName="ACME", TransmitCoilType="BODY"
    )
    shared.MRFOVGeometrySequence = item(
        InPlanePhaseEncodingDirection="COLUMN", MRAcquisitionFrequencyEncodingSteps=40,
        MRAcquisitionPhaseEncodingStepsInPlane=36, PercentSampling=100, PercentPhaseFieldOfView=100,
    )  # fmt: skip
    shared.MRModifierSequence = item(
        InversionRecovery="NO", FlowCompensation="NONE", Spoiling="NONE", T2Preparation="NO",
        SpectrallySelectedExcitation="NONE", SpatialPresaturation="NONE", PartialFourier="NO",
        ParallelAcquisition="NO",
    )  # fmt: skip
    shared.MRImagingModifierSequence = item(
        MagnetizationTransfer="NONE", BloodSignalNulling="NO", Tagging="NONE", TransmitterFrequency=63.6,
        PixelBandwidth=130.0,
    )  # fmt: skip
    for group in dataset.PerFrameFunctionalGroupsSequence:
        give(group.MRImageFrameTypeSequence[0], _PRESENTATION | {"AcquisitionContrast": "T2"})


def _complete_enhanced_pet(dataset: Dataset) -> None:
    """What tells how values were corrected and what was injected; not all macros of the object."""
    for keyword in ("Units", "DecayCorrection"):
        delattr(dataset, keyword)
    corrected = ("Decay", "Attenuation", "Scatter", "DeadTime", "Randoms", "CountLossNormalization")
    give(dataset, {f"{name}Corrected": "YES" for name in corrected})
    give(
        dataset,
        {
            "CountsSource": "EMISSION", "DetectorNormalizationCorrection": "YES", "SensitivityCalibrated": "YES",
            "GantryMotionCorrected": "NO", "PatientMotionCorrected": "NO", "NonUniformRadialSamplingCorrected": "NO",
            "DecayCorrectionDateTime": "20260102080000", "CollimatorType": "NONE",
            "PatientOrientationCodeSequence": code("102538003", "recumbent"),
            "PatientGantryRelationshipCodeSequence": code("102540008", "headfirst"),
            "RadiopharmaceuticalInformationSequence": _fdg(),
        },
    )  # fmt: skip
    unit = item(CodeValue="Bq/ml", CodingSchemeDesignator="UCUM", CodeMeaning="Becquerels/milliliter")
    for group in dataset.PerFrameFunctionalGroupsSequence:
        group.PETFrameCorrectionFactorsSequence = item(DecayFactor=1.01, ScatterFractionFactor=0.3, DeadTimeFactor=1.02)
        group.RealWorldValueMappingSequence = item(
            RealWorldValueFirstValueMapped=0, RealWorldValueLastValueMapped=4095, RealWorldValueSlope=1.0,
            RealWorldValueIntercept=0.0, LUTExplanation="activity", LUTLabel="BQML", MeasurementUnitsCodeSequence=unit,
        )  # fmt: skip


def _fdg() -> DicomSequence:
    return item(
        RadionuclideCodeSequence=code("77004003", "^18^Fluorine"),
        RadiopharmaceuticalStartTime="070000", RadiopharmaceuticalStartDateTime="20260102070000",
        RadionuclideTotalDose=350e6, RadionuclideHalfLife=6586.2, RadionuclidePositronFraction=0.97,
        Radiopharmaceutical="FDG",
    )  # fmt: skip
