"""What all documents with a content tree have: who observed and what is evidence."""

from dataclasses import replace

from highdicom.sr import DeviceObserverIdentifyingAttributes, ObserverContext
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from clara_stages.dicom_writer.header.equipment import MANUFACTURER, MODEL_NAME
from clara_stages.dicom_writer.header.text import long_string
from clara_stages.dicom_writer.header.uids import result_uid
from clara_stages.dicom_writer.job import Job

_IDENTITY = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID")
_STUDY = ("StudyDate", "StudyTime", "ReferringPhysicianName")


def device_observer(job: Job) -> ObserverContext:
    """The device that observed (TID 1004): this software at this installation, by one UID for all that it writes."""
    device = replace(job.request, stage_key="", rollout_mode="")
    return ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=result_uid(device, "device observer"),
            name=MANUFACTURER,
            manufacturer_name=MANUFACTURER,
            model_name=MODEL_NAME,
            serial_number=long_string(job.request.installation),
        ),
    )


def evidence_of_source(job: Job) -> list[Dataset]:
    """Every source instance, reduced to what a reference needs, so that no fault of the source reaches the result."""
    return [_template(job, instance) for instance in job.source.instances]


def evidence_of_result(job: Job, result: Dataset) -> Dataset:
    """An object that this run has written, reduced in the same way."""
    return _template(job, result)


def _template(job: Job, instance: Dataset) -> Dataset:
    template = Dataset()
    for keyword in (*_IDENTITY, *_STUDY):
        setattr(template, keyword, None)  # complete_header() fills them in later
    template.StudyInstanceUID = job.source.first.StudyInstanceUID
    for keyword in ("SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID"):
        setattr(template, keyword, str(instance[keyword].value))
    return template
