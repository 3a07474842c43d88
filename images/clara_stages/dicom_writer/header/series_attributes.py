"""What every result carries besides its content: patient, study, series, equipment, dates, predecessor."""

import copy

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from clara_stages.dicom_writer.header.code_item import code_item
from clara_stages.dicom_writer.header.equipment import set_equipment
from clara_stages.dicom_writer.header.patient_study import MODULE_KEYWORDS
from clara_stages.dicom_writer.header.source_time import date_text, time_text
from clara_stages.dicom_writer.header.text import long_string
from clara_stages.dicom_writer.inputs.predecessor import Predecessor
from clara_stages.dicom_writer.job import Job
from clara_stages.kit import BadInputError

SERIES_NUMBER_OFFSETS = {
    "seg": 9000,
    "rtstruct": 9100,
    "sr": 9200,
    "image": 9300,
    "sc": 9400,
    "pdf": 9500,
    "key_object": 9600,
}
"""Added to the source's Series Number, so that results sort behind the images, each output in a series of its own."""

_LARGEST_SERIES_NUMBER = 2**31 - 1
"""IS holds 32 bits, signed (PS3.5 6.2)."""

_RELATED_SERIES = frozenset({"seg", "sc", "image"})
"""Outputs whose module has no predecessor of its own: they name it in Related Series Sequence (PS3.3 C.7.3.1)."""

_TEMPORAL_PREDECESSOR = Code("121348", "DCM", "Temporal Predecessor")
"""CID 7210, a baseline that may be extended, has no code for it; this one of CID 7201 says it."""

_WITHOUT_CONTENT_DATE = frozenset({"rtstruct"})
"""The RT Structure Set IOD has no Content Date; it has Structure Set Date."""


def series_number(job: Job, output: str) -> int:
    """Series Number of an output: that of the source and the offset of the output."""
    offset = SERIES_NUMBER_OFFSETS[output]
    try:
        number = int(job.source.first.SeriesNumber) + offset
    except (AttributeError, TypeError, ValueError):
        return offset
    return number if 1 <= number <= _LARGEST_SERIES_NUMBER else offset


def complete_header(result: Dataset, job: Job, output: str, *, series_description: str) -> None:
    """Give a result its patient, study, series, equipment, dates and character set; called last by every builder.

    Sets or replaces: patient and study modules (``patient_and_study``), Series Instance UID (``job.uid(f"{output}
    series")``), Series Number, Series Description, Series/Content/Instance Creation Date and Time (``job.moment``; an
    RTSTRUCT has no Content Date), Manufacturer, Manufacturer's Model Name, Software Versions, Device Serial Number, the
    Contributing Equipment items of the acquiring equipment and of clara-ops (with algorithm and intended use where
    there are segments), Related Series Sequence of a predecessor (outputs seg, sc, image; the others name it in their
    own module), Specific Character Set. What the builder alone knows stays: SOP Class and Instance UID, Modality,
    Instance Number, content. Dates of instances of one series are equal.

    Args:
        result: A built object; changed in place.
        job: The call.
        output: Its name in ``OUTPUTS``.
        series_description: For people; cut to what LO holds.

    Raises:
        BadInputError: The source lacks a Type 1 attribute of its study.
    """
    _set_patient_and_study(result, job)
    result.SeriesInstanceUID = job.uid(f"{output} series")
    result.SeriesNumber = series_number(job, output)
    result.SeriesDescription = long_string(series_description)
    _set_dates(result, job, output)
    set_equipment(result, job.request.installation)
    result.ContributingEquipmentSequence = list(job.contributing_equipment)
    predecessor = job.predecessors.get(output)
    if predecessor is not None and output in _RELATED_SERIES:
        result.RelatedSeriesSequence = [_related_series(predecessor)]
    job.character_sets.apply(result)


def _set_patient_and_study(result: Dataset, job: Job) -> None:
    study_instance_uid = job.source.first.get("StudyInstanceUID")
    if not study_instance_uid:
        raise BadInputError(
            "the source has no StudyInstanceUID, which is Type 1: a result would belong to no study",
            remedy="have the series sent again from the modality",
        )
    copied = job.patient_and_study
    for keyword in MODULE_KEYWORDS:
        if keyword in result and keyword not in copied:
            del result[keyword]
    for element in copied:
        # A new element each time: a value that a builder sets in one result must not change the others.
        result[element.tag] = copy.copy(element)
    result.StudyInstanceUID = study_instance_uid


def _set_dates(result: Dataset, job: Job, output: str) -> None:
    date, time = date_text(job.moment), time_text(job.moment)
    names = ("Series", "InstanceCreation", *(() if output in _WITHOUT_CONTENT_DATE else ("Content",)))
    for name in names:
        setattr(result, f"{name}Date", date)
        setattr(result, f"{name}Time", time)


def _related_series(predecessor: Predecessor) -> Dataset:
    item = Dataset()
    item.StudyInstanceUID = predecessor.study_instance_uid
    item.SeriesInstanceUID = predecessor.series_instance_uid
    item.PurposeOfReferenceCodeSequence = [code_item(_TEMPORAL_PREDECESSOR)]
    return item
