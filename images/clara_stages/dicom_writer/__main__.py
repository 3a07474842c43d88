"""Write what was found as DICOM objects that refer to the source series; nothing wrong gets past the gate."""

import re
from pathlib import Path

from pydicom.dataset import Dataset

from clara_stages.dicom_writer.gate.finding import Finding, Severity
from clara_stages.dicom_writer.gate.gate import check_accepted, examine
from clara_stages.dicom_writer.gate.report import summarise, write_report
from clara_stages.dicom_writer.header.file_meta import set_file_meta
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.load_job import load_job
from clara_stages.dicom_writer.outputs import OUTPUTS
from clara_stages.dicom_writer.params import Params
from clara_stages.dicom_writer.quiet_libraries import quiet_libraries
from clara_stages.kit import BadInputError, NothingToDoError, OutOfScopeError, StageIO, run
from clara_stages.kit.files import atomic_path
from clara_stages.kit.instances import write_instance_list

STAGE_VERSION = "2"
"""That of ``stage.yaml``, for the key of a run by hand."""

_TIMES = re.compile(r" \(\d+ times\)$")
"""The gate counts equal findings of one output; here outputs are told together."""


def main(io: StageIO) -> None:
    """Load, settle what can be written, write each output, examine all that was written."""
    with quiet_libraries():
        io.uses("highdicom", "pydicom")
        params = io.params(Params)
        check_accepted(params.accept)
        job = load_job(io, params)
        chosen = settle_outputs(job)
        written = {name: _write(io, job, name) for name in chosen}
        files = {name: paths for name, paths in written.items() if paths}
        if not files:
            raise NothingToDoError(
                f"no source image shows a segment: {', '.join(chosen)} would be empty",
                remedy="none needed; the stages that read from this one are skipped",
            )
        _pass_gate(io, job, files)
        write_instance_list(io.writes("instances"), _entries(job, files))
        io.metric("segments", len(job.segments.table.labels) if job.segments else 0)


def settle_outputs(job: Job) -> list[str]:
    """The outputs that are asked for and can be made, in the order in which they are built.

    Raises:
        OutOfScopeError: Every output needs a place in the patient, and the source states none.
        NothingToDoError: Every output is about segments, and no segment has a voxel.
        BadInputError: Segments are needed and none are given, or segments are empty and the workflow refuses that.
    """
    for name in job.params.chosen:
        if OUTPUTS[name].needs_segments:
            job.require_segments(name)
    return _with_segments(job, _with_place(job, job.params.chosen))


def _with_place(job: Job, chosen: list[str]) -> list[str]:
    if job.source.has_place and job.source.frame_of_reference_uid:
        return chosen
    refused = [name for name in chosen if OUTPUTS[name].needs_frame_of_reference]
    lacking = "Frame of Reference UID" if job.source.has_place else "position in the patient"
    reason = f"the source has no {lacking}, and none is invented: {', '.join(refused)} cannot state where they lie"
    if refused and refused == chosen:
        raise OutOfScopeError(
            reason,
            remedy="send images that carry a Frame of Reference UID (0020,0052) and Image Position (Patient), or ask "
            "for outputs that need neither (sr, sc, pdf, key_object)",
        )
    if refused:
        job.warn(f"{reason}; not written")
    return [name for name in chosen if name not in refused]


def _with_segments(job: Job, chosen: list[str]) -> list[str]:
    if job.segments is None:
        return chosen
    table = job.segments.table
    if job.params.empty_segments == "refuse" and table.absent:
        names = ", ".join(label.name for label in table.absent)
        raise BadInputError(
            f"{len(table.absent)} of {len(table.absent) + len(table.labels)} segments have no voxel: {names}",
            remedy="this workflow refuses them (empty_segments: refuse); look at the images, or choose omit or keep",
        )
    if not job.segments.is_empty or (job.params.empty_segments == "keep" and table.absent):
        return chosen
    kept = [name for name in chosen if not OUTPUTS[name].needs_segments]
    if not kept:
        raise NothingToDoError(
            "no label has a voxel: nothing was found, and a result about no segment is no valid object",
            remedy="none needed; the stages that read from this one are skipped",
        )
    job.warn(f"no label has a voxel: only {', '.join(kept)} written")
    return kept


def _write(io: StageIO, job: Job, name: str) -> list[Path]:
    """Build and write one output; remember its headers, for the outputs after it."""
    folder = io.writes("instances")
    headers = job.written.setdefault(name, [])
    files: list[Path] = []
    for file_name, result in OUTPUTS[name].build(job):
        set_file_meta(result)
        path = folder / file_name
        with atomic_path(path) as partial:
            result.save_as(partial, enforce_file_format=True)
        # Hundreds of pictures would not fit into memory; the outputs after this one only refer to them.
        result.pop("PixelData", None)
        headers.append(result)
        files.append(path)
    io.metric(f"{name}_instances", len(files))
    io.metric(f"{name}_bytes", sum(path.stat().st_size for path in files))
    return files


def _pass_gate(io: StageIO, job: Job, files: dict[str, list[Path]]) -> None:
    """Examine what was written; the report stays also where the stage fails. Raises BadInputError."""
    findings = examine(files, job)
    report = io.keeps("report")
    write_report(report, findings, files)
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if errors:
        raise BadInputError(
            f"{summarise(errors)}; the whole report is {report.name}/report.md in the output folder",
            remedy="nothing was handed on; report it as a fault of dicom_writer, or let the workflow accept a named "
            "finding (parameter accept)",
        )
    for message in _grouped(findings):
        io.warn(message)


def _grouped(findings: list[Finding]) -> list[str]:
    """One sentence for each name of a finding: its first message, where it is, and how many others there are."""
    groups: dict[tuple[Severity, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.severity, finding.name), []).append(finding)
    sentences = []
    for (severity, name), group in groups.items():
        outputs = ", ".join(dict.fromkeys(finding.output for finding in group))
        messages = dict.fromkeys(_TIMES.sub("", finding.message) for finding in group)
        more = f" (and {len(messages) - 1} more like it: see the report)" if len(messages) > 1 else ""
        sentences.append(f"{name} ({severity}) in {outputs}: {next(iter(messages))}{more}")
    return sentences


def _entries(job: Job, files: dict[str, list[Path]]) -> list[dict[str, str]]:
    return [_entry(path, header) for name in files for path, header in zip(files[name], job.written[name], strict=True)]


def _entry(path: Path, header: Dataset) -> dict[str, str]:
    return {
        "file": path.name,
        "sop_class_uid": str(header.SOPClassUID),
        "sop_instance_uid": str(header.SOPInstanceUID),
    }


if __name__ == "__main__":
    run(main, stage="dicom_writer", stage_version=STAGE_VERSION)
