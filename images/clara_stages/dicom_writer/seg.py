"""A label map as a DICOM Segmentation (PS3.3 A.51), type BINARY."""

import datetime
from collections.abc import Callable, Iterable

import highdicom as hd
from highdicom.seg import (
    SegmentAlgorithmTypeValues,
    Segmentation,
    SegmentationTypeValues,
    SegmentDescription,
)
from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.valuerep import DSfloat

from clara_stages.dicom_writer.character_set import set_character_set
from clara_stages.dicom_writer.equipment import MANUFACTURER, MODEL_NAME, contributing_equipment, software_version
from clara_stages.dicom_writer.label_map import LabelMap
from clara_stages.dicom_writer.label_table import Algorithm, Code, Label
from clara_stages.dicom_writer.patient_study import patient_and_study
from clara_stages.dicom_writer.result_context import ResultContext
from clara_stages.dicom_writer.source_series import SourceSeries
from clara_stages.dicom_writer.source_time import UNKNOWN_TIME, date_text, latest_source_time, time_text
from clara_stages.dicom_writer.text import code_string, long_string
from clara_stages.dicom_writer.uids import result_uid

_SERIES_NUMBER_OFFSET = 9000
"""Added to the source's Series Number, so that results sort behind the images and beside their source's sibling."""

_LARGEST_SERIES_NUMBER = 2**31 - 1
"""IS holds 32 bits, signed (PS3.5 6.2)."""

_ACQUISITION_EQUIPMENT = (
    *("Manufacturer", "ManufacturerModelName", "DeviceSerialNumber", "SoftwareVersions"),
    *("InstitutionName", "InstitutionalDepartmentName", "InstitutionAddress", "StationName"),
)
"""What highdicom copies from the source into the item of the acquiring equipment."""

_LOSSY = ("LossyImageCompressionRatio", "LossyImageCompressionMethod")


def build_segmentation(labels: LabelMap, source: SourceSeries, context: ResultContext) -> Segmentation:
    """The segmentation of ``source`` that ``labels`` holds.

    One segment for each label with voxels, one frame for each segment and slice with voxels; every frame refers to
    the source instance of its slice. Equal arguments give equal bytes: UIDs come from the request, dates and times
    from the source.

    Args:
        labels: At least one label, on the grid of ``source`` (``check_same_grid``).
        source: The slices in the order of k.
        context: Request and warnings.
    """
    moment = latest_source_time(source.instances)
    if moment is None:
        context.warn(f"the source states no date: the result's dates are {UNKNOWN_TIME:%Y-%m-%d}")
        moment = UNKNOWN_TIME
    table = labels.table
    algorithm = f"{table.algorithm.name} {table.algorithm.version}"
    uids = {role: result_uid(context.request, f"seg {role}") for role in ("series", "instance", "dimensions")}
    segmentation = Segmentation(
        source_images=_templates(source, context.warn),
        pixel_array=labels.segment_numbers(),
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[_segment(label, table.algorithm) for label in table.labels],
        series_instance_uid=uids["series"],
        series_number=_series_number(source.first),
        sop_instance_uid=uids["instance"],
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MODEL_NAME,
        software_versions=software_version(),
        device_serial_number=long_string(context.request.installation),
        content_description=long_string(table.intended_use),
        content_label=code_string(table.content_label),
        series_description=long_string(table.series_description),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        omit_empty_frames=True,
        contributing_equipment=[
            contributing_equipment(
                algorithm=algorithm,
                installation=context.request.installation,
                description=table.intended_use,
                moment=moment,
            )
        ],
    )
    _set_dates(segmentation, moment)
    _set_dimension_uid(segmentation, uids["dimensions"])
    segmentation.update(patient_and_study(source.first, context.warn))
    set_character_set(segmentation, source.first, context.warn)
    return segmentation


def _templates(source: SourceSeries, warn: Callable[[str], None]) -> list[Dataset]:
    """Each source instance reduced to what highdicom needs, so that no fault of the source reaches the result."""
    thickness_mm = _slice_thickness_mm(source, warn)
    return [_template(instance, source.first, thickness_mm) for instance in source.instances]


def _template(instance: Dataset, first: Dataset, thickness_mm: float) -> Dataset:
    template = Dataset()
    for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        setattr(template, keyword, instance[keyword].value)
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"):
        setattr(template, keyword, "")  # patient_and_study() fills them in later
    template.StudyDate = template.StudyTime = None
    template.Modality = instance.get("Modality") or "OT"
    template.PositionReferenceIndicator = first.get("PositionReferenceIndicator")
    template.Rows, template.Columns = instance.Rows, instance.Columns
    template.ImagePositionPatient = _decimal_strings(instance.ImagePositionPatient)
    template.ImageOrientationPatient = _decimal_strings(first.ImageOrientationPatient)
    template.PixelSpacing = _decimal_strings(first.PixelSpacing)
    template.SliceThickness = DSfloat(thickness_mm, auto_format=True)
    # A segmentation of a lossy image has been lossy once, for ever (PS3.3 C.7.6.1.1.5).
    lossy = instance.get("LossyImageCompression") == "01"
    template.LossyImageCompression = "01" if lossy else "00"
    for keyword in (*_ACQUISITION_EQUIPMENT, *(_LOSSY if lossy else ())):
        if instance.get(keyword):
            template[keyword] = instance[keyword]
    return template


def _decimal_strings(values: Iterable[float]) -> list[DSfloat]:
    """DS values: the source's own text where it has at most 16 characters, else the nearest number that has."""
    return [DSfloat(value, auto_format=True) for value in values]


def _slice_thickness_mm(source: SourceSeries, warn: Callable[[str], None]) -> float:
    """Slice Thickness, or the distance between slices where the source does not say.

    Pixel Measures wants it (PS3.3 C.7.6.16.2.1, Type 1C); a single slice without one gets its pixel spacing.
    """
    try:
        thickness_mm = float(source.first.SliceThickness)
    except (AttributeError, TypeError, ValueError):
        thickness_mm = 0.0
    if thickness_mm > 0:
        return thickness_mm
    derived_mm = source.slice_gap_mm() or source.row_spacing_mm
    warn(f"the source states no SliceThickness: {derived_mm:.3f} mm taken from the spacing")
    return derived_mm


def _series_number(first: Dataset) -> int:
    try:
        number = int(first.SeriesNumber) + _SERIES_NUMBER_OFFSET
    except (AttributeError, TypeError, ValueError):
        return _SERIES_NUMBER_OFFSET
    return number if 1 <= number <= _LARGEST_SERIES_NUMBER else _SERIES_NUMBER_OFFSET


def _segment(label: Label, algorithm: Algorithm) -> SegmentDescription:
    """The description of one segment (PS3.3 C.8.20.4)."""
    region = _concept(label.anatomic_region) if label.anatomic_region else None
    is_manual = label.algorithm_type == SegmentAlgorithmTypeValues.MANUAL.value  # then no algorithm may be named
    description = SegmentDescription(
        segment_number=label.segment_number,
        segment_label=long_string(label.name),
        segmented_property_category=_concept(label.category),
        segmented_property_type=_concept(label.type),
        algorithm_type=SegmentAlgorithmTypeValues(label.algorithm_type),
        algorithm_identification=None
        if is_manual
        else hd.AlgorithmIdentificationSequence(
            name=long_string(algorithm.name),
            family=_concept(algorithm.family),
            version=long_string(algorithm.version),
            parameters={"digest": algorithm.digest} if algorithm.digest else None,
        ),
        anatomic_regions=[region] if region else None,
        display_color=hd.color.CIELabColor.from_rgb(*label.colour_rgb),
    )
    if label.laterality:
        side = [_concept(label.laterality)]
        # The side belongs to the region where there is one ("neoplasm of the left kidney"), else to the structure.
        if region:
            description.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = side
        else:
            description.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = side
    return description


def _concept(code: Code) -> CodedConcept:
    return CodedConcept(value=code.value, scheme_designator=code.scheme, meaning=long_string(code.meaning))


def _set_dates(segmentation: Segmentation, moment: datetime.datetime) -> None:
    """Replace every reading of the clock that highdicom took."""
    for name in ("Series", "Content", "InstanceCreation"):
        setattr(segmentation, f"{name}Date", date_text(moment))
        setattr(segmentation, f"{name}Time", time_text(moment))
    for item in segmentation.ContributingEquipmentSequence:
        if item.PurposeOfReferenceCodeSequence[0].CodeValue == codes.DCM.ProcessingEquipment.value:
            item.ContributionDateTime = date_text(moment) + time_text(moment)


def _set_dimension_uid(segmentation: Segmentation, uid: str) -> None:
    """Replace the random Dimension Organization UID, in the organization and in each index that names it."""
    for item in (*segmentation.DimensionOrganizationSequence, *segmentation.DimensionIndexSequence):
        item.DimensionOrganizationUID = uid
