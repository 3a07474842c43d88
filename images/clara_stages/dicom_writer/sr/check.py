"""Proof that a written report says what the segments and the volume say, from the file alone."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.gate.finding import Finding
from clara_stages.dicom_writer.header.text import long_string
from clara_stages.dicom_writer.header.tracking import tracking
from clara_stages.dicom_writer.inputs.label_table import Algorithm, Code, Label
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.sr.check_references import check_references, check_segment_reference
from clara_stages.dicom_writer.sr.check_values import check_values
from clara_stages.dicom_writer.sr.content import Concept, MeasurementGroup, concept, measurement_groups
from clara_stages.dicom_writer.sr.expected_values import Expected, expected_values

_TITLE: Concept = ("DCM", "126000")
_TEMPLATE = "1500"
"""Imaging Measurement Report, and its template (PS3.16 TID 1500)."""


def check(files: Sequence[Path], job: Job) -> Iterator[Finding]:
    """Read the report back and compare every group with the inputs.

    Groups are matched with segments by their tracking UID. Numbers are found again from the inputs by other means than
    those of the report.
    """
    expected = expected_values(job)
    if len(files) != bool(expected):
        yield _finding("file_count", f"{len(files)} reports are written for {len(expected)} segments")
        return
    for path in files:
        report = dcmread(path)
        try:
            groups = measurement_groups(report)
            yield from check_references(report, job)
        except (LookupError, AttributeError, ValueError) as error:
            yield _finding("report_structure", f"the report is no TID 1500 document: {type(error).__name__}")
            return
        yield from _check_document(report, job)
        yield from _check_groups(groups, expected, job)


def _check_document(report: Dataset, job: Job) -> Iterator[Finding]:
    if concept(report.ConceptNameCodeSequence) != _TITLE:
        yield _finding("document_title", "the report is not titled Imaging Measurement Report")
    if [item.get("TemplateIdentifier") for item in report.get("ContentTemplateSequence", ())] != [_TEMPLATE]:
        yield _finding("report_structure", f"the report does not say that it follows template {_TEMPLATE}")
    if report.VerificationFlag != "UNVERIFIED":
        yield _finding("report_status", f"the report is {report.VerificationFlag}, and nobody has verified it")
    found = {
        str(item.ReferencedSOPInstanceUID)
        for study in report.get("PredecessorDocumentsSequence", ())
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }
    predecessor = job.predecessors.get("sr")
    named = {uid for _, uid in predecessor.instances} if predecessor else set()
    if found != named:
        yield _finding("predecessor", f"the report names {len(found)} predecessors, expected {len(named)}")


def _check_groups(
    groups: Sequence[MeasurementGroup], expected: dict[int, tuple[Label, Expected]], job: Job
) -> Iterator[Finding]:
    by_uid = {tracking(job, label)[1]: (label, values) for label, values in expected.values()}
    found = [group.tracking_uid for group in groups]
    for uid, (label, _) in by_uid.items():
        if found.count(uid) != 1:
            message = f"segment {label.segment_number} has {found.count(uid)} measurement groups, expected one"
            yield _finding("segment_missing", message)
    for number, group in enumerate(groups, start=1):
        if group.tracking_uid not in by_uid:
            yield _finding("segment_unknown", f"measurement group {number} has a tracking UID of no segment")
            continue
        label, values = by_uid[group.tracking_uid]
        yield from _check_meaning(group, label, job)
        yield from check_segment_reference(group, label, values.slices, job)
        yield from check_values(group, label, values, job)


def _check_meaning(group: MeasurementGroup, label: Label, job: Job) -> Iterator[Finding]:
    """The type stands as finding or as site, the region as site, the side at the site."""
    where = f"measurement group of segment {label.segment_number}"
    region, side = _pair(label.anatomic_region), _pair(label.laterality)
    sites = [site for site, _ in group.sites]
    if _pair(label.type) not in (group.finding, *sites) or (region and region not in sites):
        message = f"the {where} has finding {group.finding} at {sites}, expected {_pair(label.type)} in {region}"
        yield _finding("segment_meaning", message)
    if any(found != side for _, found in group.sites) or (side and not sites):
        sides = [found for _, found in group.sites]
        yield _finding("segment_laterality", f"the {where} has laterality {sides}, expected {side}")
    if group.tracking_identifier != tracking(job, label)[0]:
        yield _finding("segment_meaning", f"the {where} has another tracking identifier than its segment")
    if group.comments != [long_string(label.name)]:
        yield _finding("segment_meaning", f"the {where} is not commented with the name of its segment")
    if label.algorithm_type != "MANUAL" and not _names_algorithm(group, job.require_segments("sr").table.algorithm):
        yield _finding("algorithm", f"the {where} does not name the algorithm, its version and its digest")


def _names_algorithm(group: MeasurementGroup, algorithm: Algorithm) -> bool:
    wanted = {long_string(algorithm.name), long_string(algorithm.version)}
    if algorithm.digest:
        wanted.add(f"digest={algorithm.digest}")
    return wanted == set(group.algorithm)


def _pair(code: Code | None) -> Concept | None:
    return (code.scheme, code.value) if code else None


def _finding(name: str, message: str) -> Finding:
    return Finding(name=name, output="sr", message=message)
