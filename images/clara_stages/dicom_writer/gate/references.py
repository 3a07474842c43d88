"""Whether every reference in a result leads to what it says it does."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pydicom.dataset import Dataset
from pydicom.uid import (
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    EnhancedSRStorage,
    KeyObjectSelectionDocumentStorage,
    RTStructureSetStorage,
)

from clara_stages.dicom_writer.gate.fault import name_of
from clara_stages.dicom_writer.gate.finding import Finding
from clara_stages.dicom_writer.gate.known_instances import KnownInstance, KnownInstances, known_instances
from clara_stages.dicom_writer.gate.written_file import WrittenFile, elements, integers, items, vr_of
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.sop_classes import SEGMENTATIONS

_LISTS = frozenset(
    {
        *("ReferencedSeriesSequence", "StudiesContainingOtherReferencedInstancesSequence"),
        *("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence"),
        "ReferencedFrameOfReferenceSequence",
    }
)
"""Sequences of a whole object that say what it refers to (PS3.3 C.12.2, C.17.2, C.8.8.5)."""

_LISTED = SEGMENTATIONS | {
    str(uid)
    for uid in (
        *(Comprehensive3DSRStorage, ComprehensiveSRStorage, EnhancedSRStorage),
        *(KeyObjectSelectionDocumentStorage, RTStructureSetStorage),
    )
}
"""Objects that must list each instance that they refer to."""

_NO_CONTENT = frozenset(
    {
        *("ReferencedStudySequence", "ReferencedPatientSequence", "ReferencedPerformedProcedureStepSequence"),
        *("ReferencedRequestSequence", "PredecessorDocumentsSequence", "PredecessorStructureSetSequence"),
        *("IdenticalDocumentsSequence", "RelatedSeriesSequence"),
    }
)
"""References to the order, the study or earlier results: none to what the object shows."""

_STUDY_REFERENCES = frozenset({"ReferencedStudySequence", "RTReferencedStudySequence"})
"""They name a study by its UID (PS3.3 C.8.8.5, C.7.2.1)."""

_FRAME_REFERENCES = frozenset({"SourceImageSequence", "ContourImageSequence"})
"""A reference of these to a multi-frame image is to some of its frames and says which."""

_SOURCE_SERIES = "121232"
"""DCM code of the content item that names the source series of a segmentation (TID 1411)."""


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where in an object a reference stands: the sequences around it and the study and series that they name."""

    path: tuple[str, ...] = ()
    study_instance_uid: str = ""
    series_instance_uid: str = ""


@dataclass
class _Object:
    """One object while its references are followed."""

    file: WrittenFile
    known: KnownInstances
    study_instance_uid: str
    listed: set[str] = field(default_factory=set)
    used: dict[str, str] = field(default_factory=dict)


def check(written: Sequence[WrittenFile], job: Job) -> Iterator[Finding]:
    """Dangling references, wrong classes, series, studies, frames and segments, and what is not listed."""
    known = known_instances(written, job)
    for file in written:
        item = _Object(file=file, known=known, study_instance_uid=str(job.source.first.get("StudyInstanceUID")))
        yield from _walk(file.dataset, _Place(), item)
        if file.sop_class_uid in _LISTED:
            for uid, where in item.used.items():
                if uid not in item.listed and uid in known.by_uid:
                    message = f"{where} refers to an instance that the object does not list among its references"
                    yield file.finding("unlisted_reference", message)
        yield from _own_segment_findings(file)


def _walk(dataset: Dataset, place: _Place, holder: _Object) -> Iterator[Finding]:
    if place.path:
        yield from _series_findings(dataset, place, holder)
    if "ReferencedSOPInstanceUID" in dataset:
        yield from _reference_findings(dataset, place, holder)
    if dataset.get("ValueType") == "UIDREF":
        yield from _source_series_findings(dataset, place, holder)
    for element in elements(dataset):
        for item in items(dataset, element.tag) if vr_of(element) == "SQ" else ():
            inner = _Place(
                path=(*place.path, name_of(int(element.tag))),
                study_instance_uid=str(item.get("StudyInstanceUID") or place.study_instance_uid),
                series_instance_uid=str(item.get("SeriesInstanceUID") or place.series_instance_uid),
            )
            if inner.path[-1] in _STUDY_REFERENCES:
                inner = _Place(path=inner.path, study_instance_uid=str(item.get("ReferencedSOPInstanceUID") or ""))
            yield from _walk(item, inner, holder)


def _reference_findings(item: Dataset, place: _Place, holder: _Object) -> Iterator[Finding]:
    where, uid = " > ".join(place.path), str(item.ReferencedSOPInstanceUID)
    if place.path[-1] in _STUDY_REFERENCES and uid == holder.study_instance_uid:
        return
    if place.path[0] in _LISTS:
        holder.listed.add(uid)
    elif not _NO_CONTENT & set(place.path):
        holder.used.setdefault(uid, where)
    known = holder.known.by_uid.get(uid)
    if known is None:
        if (place.path[-1], uid) not in holder.known.inherited:
            message = f"{where} refers to an instance that is not of the source, this run or an earlier result"
            yield holder.file.finding("dangling_reference", message)
        return
    yield from _context_findings(item, place, known, holder)
    yield from _frame_findings(item, place, known, holder)
    yield from _segment_findings(item, where, known, holder)


def _context_findings(item: Dataset, place: _Place, known: KnownInstance, holder: _Object) -> Iterator[Finding]:
    where = " > ".join(place.path)
    if str(item.get("ReferencedSOPClassUID")) != known.sop_class_uid:
        yield holder.file.finding("wrong_sop_class", f"{where} states another SOP class than the instance has")
    if place.series_instance_uid and place.series_instance_uid != known.series_instance_uid:
        yield holder.file.finding("wrong_series", f"{where} states another series than the instance is in")
    if place.study_instance_uid and place.study_instance_uid != known.study_instance_uid:
        yield holder.file.finding("wrong_study", f"{where} states another study than the instance is in")


def _frame_findings(item: Dataset, place: _Place, known: KnownInstance, holder: _Object) -> Iterator[Finding]:
    if known.frames is None:
        return
    where = " > ".join(place.path)
    numbers = integers(item, "ReferencedFrameNumber")
    wrong = [number for number in numbers if not 1 <= number <= max(known.frames, 1)]
    if wrong:
        message = f"{where} names frame {wrong[0]}, the instance has frames 1..{max(known.frames, 1)}"
        yield holder.file.finding("wrong_frame_number", message)
    is_of_a_frame = place.path[-1] in _FRAME_REFERENCES and len(place.path) > 1 and place.path[0] not in _LISTS
    if is_of_a_frame and not numbers and known.frames > 1:
        yield holder.file.finding(
            "missing_frame_number", f"{where} does not say which of {known.frames} frames it means"
        )


def _segment_findings(item: Dataset, where: str, known: KnownInstance, holder: _Object) -> Iterator[Finding]:
    numbers = integers(item, "ReferencedSegmentNumber")
    if known.segments is None or known.segments.issuperset(numbers):
        return
    found, expected = sorted(set(numbers) - known.segments), sorted(known.segments)
    message = f"{where} names segment {found[0]}, the instance has {_span(expected)}"
    yield holder.file.finding("wrong_segment_number", message)


def _own_segment_findings(file: WrittenFile) -> Iterator[Finding]:
    """The frames of a segmentation belong to segments that it describes."""
    described = {int(item.SegmentNumber) for item in items(file.dataset, "SegmentSequence") if "SegmentNumber" in item}
    groups = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
    stated = {
        number
        for keyword in groups
        for group in items(file.dataset, keyword)
        for item in items(group, "SegmentIdentificationSequence")
        for number in integers(item, "ReferencedSegmentNumber")
    }
    if stated - described:
        message = f"frames belong to segment {min(stated - described)}, the object describes {_span(sorted(described))}"
        yield file.finding("wrong_segment_number", message)


def _series_findings(item: Dataset, place: _Place, holder: _Object) -> Iterator[Finding]:
    """A series that is named without an instance of it (Related Series Sequence, PS3.3 C.7.3.1)."""
    uid = str(item.get("SeriesInstanceUID") or "")
    if not uid:
        return
    study = holder.known.series.get(uid)
    if study is None:
        message = f"{' > '.join(place.path)} names a series that is not of the source, this run or an earlier result"
        yield holder.file.finding("dangling_reference", message)
    elif place.study_instance_uid and place.study_instance_uid != study:
        yield holder.file.finding("wrong_study", f"{' > '.join(place.path)} states another study than the series is in")


def _source_series_findings(item: Dataset, place: _Place, holder: _Object) -> Iterator[Finding]:
    names = [str(name.get("CodeValue")) for name in items(item, "ConceptNameCodeSequence")]
    if names == [_SOURCE_SERIES] and str(item.get("UID")) not in holder.known.series:
        message = f"{' > '.join(place.path)} names a source series that is neither the source's nor of this run"
        yield holder.file.finding("wrong_series", message)


def _span(numbers: Sequence[int]) -> str:
    return f"segments {numbers[0]}..{numbers[-1]}" if numbers else "no segments"
