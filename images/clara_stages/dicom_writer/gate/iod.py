"""Whether an object is what its SOP class promises: attributes, values, codes, groups and content items."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from pydicom.dataset import Dataset

from clara_stages.dicom_writer.gate.conditions import condition_faults
from clara_stages.dicom_writer.gate.fault import Fault
from clara_stages.dicom_writer.gate.finding import Finding, Severity
from clara_stages.dicom_writer.gate.functional_groups import functional_group_faults
from clara_stages.dicom_writer.gate.module_tables import tables_for
from clara_stages.dicom_writer.gate.presence import presence_faults
from clara_stages.dicom_writer.gate.sr_content import content_faults
from clara_stages.dicom_writer.gate.values import value_faults
from clara_stages.dicom_writer.gate.written_file import WrittenFile
from clara_stages.dicom_writer.job import Job


def check(written: Sequence[WrittenFile], job: Job) -> Iterator[Finding]:
    """Faults of each file; one that the source has too, at the same attribute, is inherited."""
    source = _SourceFaults(job.source.instances)
    for file in written:
        yield from _file_meta_findings(file)
        if tables_for(file.sop_class_uid) is None:
            yield file.finding("unknown_sop_class", f"SOP class {file.sop_class_uid or '(none)'} is in no module table")
        for fault in sorted(set(object_faults(file.dataset)), key=lambda item: (item.path, item.name)):
            finding = file.finding(fault.name, f"{fault.where} {fault.detail}")
            yield replace(finding, severity=Severity.INHERITED) if fault in source else finding


def object_faults(dataset: Dataset) -> Iterator[Fault]:
    """Everything that is wrong with a data set by itself."""
    sop_class_uid = str(dataset.get("SOPClassUID") or "")
    tables = tables_for(sop_class_uid)
    if tables is not None:
        yield from presence_faults(dataset, tables)
    yield from value_faults(dataset)
    yield from condition_faults(dataset, sop_class_uid)
    yield from functional_group_faults(dataset, sop_class_uid)
    yield from content_faults(dataset)


class _SourceFaults:
    """Faults of the source, looked for only when a result has one."""

    def __init__(self, instances: Sequence[Dataset]) -> None:
        self._instances = list(instances)
        self._known: set[tuple[str, tuple[str, ...]]] = set()

    def __contains__(self, fault: Fault) -> bool:
        key = (fault.name, fault.path)
        if fault.path == ("PixelData",):  # headers of the source are read without their pixels
            return False
        while key not in self._known and self._instances:
            instance = self._instances.pop(0)
            with suppress(Exception):  # a source that cannot be looked at excuses nothing
                self._known |= {(found.name, found.path) for found in object_faults(instance)}
        return key in self._known


def _file_meta_findings(file: WrittenFile) -> Iterator[Finding]:
    """The File Meta Information names the object that follows (PS3.10 7.1)."""
    meta = file.dataset.file_meta
    for name, keyword in (("SOP Class UID", "SOPClassUID"), ("SOP Instance UID", "SOPInstanceUID")):
        if str(meta.get(f"MediaStorage{keyword}") or "") != str(file.dataset.get(keyword) or ""):
            yield file.finding("file_meta", f"Media Storage {name} is not the {name} of the object")
    if not meta.get("TransferSyntaxUID"):
        yield file.finding("file_meta", "Transfer Syntax UID is missing in the File Meta Information")
