"""The gate: everything that was written is examined before anybody sees it."""

import logging
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from clara_stages.dicom_writer.gate import code_meanings, dciodvfy, header, identity, iod, laterality, references, texts
from clara_stages.dicom_writer.gate.finding import Finding, Severity
from clara_stages.dicom_writer.gate.finding_names import FINDING_NAMES
from clara_stages.dicom_writer.gate.written_file import WrittenFile, read_written
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.outputs import OUTPUTS
from clara_stages.kit import BadInputError, OutOfMemoryError, ResourceBusyError, raise_machine_fault

log = logging.getLogger(__name__)

Check = Callable[[Sequence[WrittenFile], Job], Iterable[Finding]]

GENERIC_CHECKS: dict[str, Check] = {
    "iod": iod.check,
    "dciodvfy": dciodvfy.check,
    "references": references.check,
    "identity": identity.check,
    "header": header.check,
    "code_meanings": code_meanings.check,
    "texts": texts.check,
    "laterality": laterality.check,
}
"""What is asked of every output; each output's own ``check`` compares its content with the inputs."""

EVERY_OUTPUT = "all"
"""Stands as output of a finding about a check that looks at all of them."""

_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INHERITED: 2}


def examine(files: Mapping[str, Sequence[Path]], job: Job) -> list[Finding]:
    """Everything that is wrong with the written files, errors first; equal findings of several files are one.

    A check that cannot be made is an error like any other: nothing passes because nobody looked.

    Args:
        files: Output -> what was written for it.
        job: What it was written from. Findings that ``params.accept`` names are warnings.

    Raises:
        BadInputError: ``params.accept`` has a name that no finding has.
        StageError: This machine, not the result, is at fault: no memory, no disk.
    """
    check_accepted(job.params.accept)
    written, findings = read_written(files)
    for name, check in GENERIC_CHECKS.items():
        findings += _guarded(name, EVERY_OUTPUT, partial(check, written, job))
    for output, paths in files.items():
        findings += _guarded("content", output, partial(OUTPUTS[output].check, paths, job))
    return _settled(findings, set(job.params.accept))


def check_accepted(accept: Sequence[str]) -> None:
    """Raise BadInputError where a workflow accepts a finding that does not exist: it would accept nothing."""
    unknown = sorted(set(accept) - FINDING_NAMES.keys())
    if unknown:
        raise BadInputError(
            f"parameter 'accept' names {', '.join(unknown)}, which no finding is called; there are "
            f"{', '.join(sorted(FINDING_NAMES))}",
            remedy="correct the workflow's params, or the --param on the command line",
        )


def _guarded(name: str, output: str, check: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """What a check finds; where it breaks, also that. Its message is not told: it may quote the object."""
    found: list[Finding] = []
    try:
        found.extend(check())
    except (OutOfMemoryError, ResourceBusyError):  # a check has seen already that this machine is at fault
        raise
    except Exception as error:  # whatever breaks a check, the object has not been proven right
        raise_machine_fault(error)
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__} in {Path(place.filename).name}, line {place.lineno}"
        message = f"check {name!r} broke ({where}): nobody knows whether the objects are right"
        found.append(Finding(name="check_failed", output=output, message=message))
    return found


def _settled(findings: Iterable[Finding], accept: set[str]) -> list[Finding]:
    """In order, equal ones counted and told once, accepted errors as warnings."""
    settled = []
    for finding, times in Counter(findings).items():
        if times > 1:
            finding = replace(finding, message=f"{finding.message} ({times} times)")
        if finding.severity is Severity.ERROR and finding.name in accept:
            log.warning(
                "ACCEPTED by the workflow, an error otherwise: %s: %s: %s",
                finding.output,
                finding.name,
                finding.message,
            )
            finding = finding.as_warning()
        settled.append(finding)
    return sorted(settled, key=lambda finding: _RANK[finding.severity])
