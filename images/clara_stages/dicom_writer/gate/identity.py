"""Whether a result belongs to its source's patient, study and frame of reference, under UIDs of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.gate.fault import name_of
from clara_stages.dicom_writer.gate.finding import Finding, Severity
from clara_stages.dicom_writer.gate.module_tables import top_level_keywords
from clara_stages.dicom_writer.gate.values import is_valid
from clara_stages.dicom_writer.gate.written_file import WrittenFile, elements, items, vr_of
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.outputs import OUTPUTS

_PATIENT_MODULES = ("patient", "clinical-trial-subject")
_STUDY_MODULES = ("general-study", "patient-study", "clinical-trial-study")

_IDENTIFYING = frozenset(
    {
        *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "IssuerOfPatientID"),
        *("StudyInstanceUID", "StudyID", "StudyDate", "StudyTime", "AccessionNumber"),
    }
)
"""A result without one of these that the source has is another patient's or another study's to a PACS."""

_METHOD_NOT_STATED = ("DeidentificationMethod", "not stated by the source")
"""The one value that a result may have and the source not: PS3.3 C.7.1.1 wants one (Type 1C)."""

_FRAME_OF_REFERENCE = frozenset({0x00200052, 0x30060024, 0x00209312})
"""Frame of Reference UID, Referenced Frame of Reference UID, Volume Frame of Reference UID."""

_OWN_FRAME_OF_REFERENCE = "sc"
"""Pictures have no place in the patient; a frame of reference of their own is allowed."""


def check(written: Sequence[WrittenFile], job: Job) -> Iterator[Finding]:
    """Findings about patient, study, frame of reference and UIDs; values are never told."""
    source = job.source.first
    for file in written:
        yield from _patient_and_study_findings(file, source)
        yield from _frame_of_reference_findings(file, job)
    yield from _uid_findings(written, job)


@cache
def _compared() -> tuple[tuple[str, str], ...]:
    """(keyword, finding name) of every attribute of patient and study, from the module tables."""
    patient, study = top_level_keywords(_PATIENT_MODULES), top_level_keywords(_STUDY_MODULES)
    names = dict.fromkeys(study, "other_study") | dict.fromkeys(patient, "other_patient")
    return tuple(sorted(names.items()))


def _patient_and_study_findings(file: WrittenFile, source: Dataset) -> Iterator[Finding]:
    for keyword, name in _compared():
        if keyword not in file.dataset and keyword not in source:
            continue
        found, expected = _decoded(file.dataset, keyword), _decoded(source, keyword)
        if found == expected or (not found and not expected):
            continue
        if (keyword, found) == _METHOD_NOT_STATED and not expected:
            yield _softened(file, "repaired_attribute", f"{keyword} is not stated by the source; the result says so")
        elif not found and not _is_usable(source, keyword):
            yield _softened(file, "repaired_attribute", f"{keyword} of the source is invalid: the result has none")
        elif not found and keyword not in _IDENTIFYING:
            message = f"{keyword} of the source is not in the result"
            yield replace(file.finding("lost_attribute", message), severity=Severity.WARNING)
        else:
            difference = "is missing or empty, the source has it" if not found else "differs from the source's"
            yield file.finding(name, f"{keyword} {difference}")


def _softened(file: WrittenFile, name: str, message: str) -> Finding:
    return replace(file.finding(name, message), severity=Severity.INHERITED)


def _decoded(dataset: Dataset, keyword: str) -> object:
    """A value that equals another's where both mean the same; None where there is none or it cannot be decoded."""
    try:
        return _comparable(dataset[keyword]) if keyword in dataset else None
    except Exception:  # whatever pydicom raises for these bytes, there is no value to compare
        return None


def _comparable(element: DataElement) -> object:
    if element.is_empty:
        return None
    if element.VR == "SQ":
        return tuple(tuple(map(_tagged, item)) for item in element.value)
    values = element.value if element.VM > 1 else [element.value]
    texts = tuple(str(value).strip(" \0") for value in values)
    return (texts[0] or None) if len(texts) == 1 else texts


def _tagged(element: DataElement) -> tuple[int, object]:
    return int(element.tag), _comparable(element)


def _is_usable(source: Dataset, keyword: str) -> bool:
    """Whether the source's value can stand in a result."""
    return _decoded(source, keyword) is not None and is_valid(source, keyword)


def _frame_of_reference_findings(file: WrittenFile, job: Job) -> Iterator[Finding]:
    expected = job.source.frame_of_reference_uid
    stated = set(_frames_of_reference(file.dataset, ()))
    for where, uid in sorted(stated):
        if uid != expected and not (file.output == _OWN_FRAME_OF_REFERENCE and not expected):
            message = f"{where} is another frame of reference than the source's"
            yield file.finding("frame_of_reference", message if expected else f"{where} is stated, the source has none")
    if not stated and OUTPUTS[file.output].needs_frame_of_reference:
        yield file.finding("frame_of_reference", "no frame of reference is stated, so the result lies nowhere")


def _frames_of_reference(dataset: Dataset, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for element in elements(dataset):
        tag = int(element.tag)
        if tag in _FRAME_OF_REFERENCE:
            yield " > ".join((*path, name_of(tag))), str(dataset[tag].value or "")
        elif vr_of(element) == "SQ":
            for item in items(dataset, tag):
                yield from _frames_of_reference(item, (*path, name_of(tag)))


def _uid_findings(written: Sequence[WrittenFile], job: Job) -> Iterator[Finding]:
    source_instances = {str(instance.get("SOPInstanceUID")) for instance in job.source.instances}
    source_series = {str(instance.get("SeriesInstanceUID")) for instance in job.source.instances}
    earlier = {uid for item in job.predecessors.values() for _, uid in item.instances}
    earlier_series = {item.series_instance_uid for item in job.predecessors.values()}
    seen: set[str] = set()
    series_of: dict[str, set[str]] = {}
    for file in written:
        instance, series = (str(file.dataset.get(f"{name}InstanceUID") or "") for name in ("SOP", "Series"))
        if instance in seen:
            yield file.finding("duplicate_uid", "SOP Instance UID is that of another object of this run")
        seen.add(instance)
        if instance in source_instances or series in source_series:
            yield file.finding("reused_source_uid", "SOP Instance UID or Series Instance UID is one of the source")
        if instance in earlier or series in earlier_series:
            yield file.finding("reused_predecessor_uid", "SOP or Series Instance UID is that of an earlier result")
        series_of.setdefault(file.output, set()).add(series)
    for output, own in series_of.items():
        others = {uid for name, uids in series_of.items() if name != output for uid in uids}
        if len(own) > 1 or own & others:
            message = f"the objects are in {len(own)} series, {len(own & others)} shared with another output; "
            yield Finding(name="mixed_series", output=output, message=f"{message}expected one of their own")
