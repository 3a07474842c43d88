"""What ``dciodvfy`` of dicom3tools says, where it is installed: a second opinion of other people's making."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO

from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from clara_stages.dicom_writer.gate.finding import Finding, Severity
from clara_stages.dicom_writer.gate.written_file import WrittenFile, items
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.sop_classes import LABEL_MAP_SEGMENTATION_STORAGE

_TIME_LIMIT_S = 120
"""A segmentation of 2,000 frames takes a second; a program that hangs must not hold the stage."""

_UNKNOWN_SOP_CLASSES = frozenset({LABEL_MAP_SEGMENTATION_STORAGE})
"""Younger than the build of 2022 that distributions ship: it finds no Information Object and takes the rules of other
objects."""


def _evidence_classes(dataset: Dataset) -> set[str]:
    """The SOP classes that a document lists as its evidence."""
    return {
        str(image.get("ReferencedSOPClassUID"))
        for study in items(dataset, "CurrentRequestedProcedureEvidenceSequence")
        for series in items(study, "ReferencedSeriesSequence")
        for image in items(series, "ReferencedSOPSequence")
    }


_ONE_BYTE_CHARACTER_SETS = frozenset(
    {f"ISO_IR {number}" for number in (6, 13, 100, 101, 109, 110, 126, 127, 138, 144, 148, 166, 203)}
)
"""A character of theirs is one byte (PS3.3 C.12.1.1.2)."""

_LIMITED = frozenset({"LO", "SH", "ST", "LT", "PN"})
"""VRs that hold so many characters (PS3.5 6.2)."""


@dataclass(frozen=True, kw_only=True)
class FalseError:
    """An error of ``dciodvfy`` that is none.

    Attributes:
        pattern: Of the redacted line.
        reason: Why the object is right.
        when: Whether that holds for an object.
    """

    pattern: re.Pattern[str]
    reason: str
    when: Callable[[Dataset], bool] = lambda _: True


FALSE_ERRORS: tuple[FalseError, ...] = (
    FalseError(
        pattern=re.compile(r"Missing attribute Type 2C Conditional Element=<Laterality> Module=<GeneralSeries>"),
        reason="a side is wanted of paired body parts (PS3.3 C.7.3.1); it takes a part that nobody states for paired",
        when=lambda dataset: not dataset.get("BodyPartExamined"),
    ),
    FalseError(
        pattern=re.compile(r"Referenced SOP Class that is not segmentation - attribute <ReferencedSegmentNumber>"),
        reason="Label Map Segmentation, which it does not know, is one (PS3.3 table 10-3)",
        when=lambda dataset: LABEL_MAP_SEGMENTATION_STORAGE in _evidence_classes(dataset),
    ),
    FalseError(
        pattern=re.compile(r"Unrecognized enumerated value <\.\.\.> for value 1 of attribute <Contour Geometric Type>"),
        reason="CLOSEDPLANAR_XOR is younger (PS3.3 Table C.8-42); the type of contours is checked by the output itself",
    ),
    FalseError(
        pattern=re.compile(r"\b(?:LO|SH|ST|LT|PN)\b.* - Length invalid for this VR = \d+, expected <= \d+"),
        reason="it counts bytes; these VRs are limited in characters (PS3.5 6.2), which our own check of values counts",
        when=lambda dataset: _has_wide_characters(dataset),
    ),
)
"""Those of the build of 2022 on objects of this stage."""

_VALUE_ERROR = "Value invalid for this VR"
_VALUE_SUMMARY = "Dicom dataset contains invalid data values for Value Representations"

_ERROR = re.compile(r"(?:^|- )Error - (.*)")
_QUOTING = re.compile(r"(Unrecognized [a-z ]+?) <.*> (for value \d+ of attribute <[\w ()'/-]+>)$")
_NAMED = re.compile(r"((?:Element=|Module=|Macro=|attribute )<[\w ()'/,.-]+>)|<[^<>]*>")
_RULE = re.compile(
    r" - ((?:Length|Range|Value|Character|Trailing character|Multiplicity)[A-Za-z ()]*(?: = \d+, expected [<>=]+ \d+)?)"
    r"[^<>]*$"
)
_COUNT = re.compile(r"\b\d+\b")


def program() -> str | None:
    """Where the program is, or None."""
    return shutil.which("dciodvfy")


def knows(sop_class_uid: str) -> bool:
    """Whether the program has rules for a SOP class."""
    return sop_class_uid not in _UNKNOWN_SOP_CLASSES


def check(written: Sequence[WrittenFile], job: Job) -> Iterator[Finding]:
    """Its errors; one that it finds in the source too is inherited. Nothing where it is not installed."""
    path = program()
    if path is None:
        return
    source = _SourceErrors(path, job.source.instances)
    known = [file for file in written if knows(file.sop_class_uid)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for file, errors in zip(known, pool.map(lambda file: _run(path, file), known), strict=True):
            if errors is None:
                message = f"dciodvfy did not end within {_TIME_LIMIT_S} s, or crashed: only our own checks were made"
                yield replace(file.finding("dciodvfy_failed", message), severity=Severity.WARNING)
            for error in dict.fromkeys(without_false_errors(errors or (), file.dataset)):
                finding = file.finding("dciodvfy", error)
                yield replace(finding, severity=Severity.INHERITED) if error in source else finding


def redact(line: str) -> str:
    """A line without the values that it quotes: what stands behind ``= <``, in ``<...>`` or in quotes.

    Names of attributes, modules and macros stay, and the rule that a value breaks.
    """
    head, quotes, tail = line.partition(" = <")
    rule = _RULE.search(tail) if quotes else None
    head = _QUOTING.sub(r"\1 <...> \2", head)
    head = _NAMED.sub(lambda match: match[1] or "<...>", head)
    head = re.sub(r"'[^']*'(?!s)", "'...'", head) if "- bad character" in head else head
    return head + (" = <...>" if quotes else "") + (f" - {rule[1]}" if rule else "")


def errors_in(text: str) -> list[str]:
    """The errors in what the program wrote, redacted."""
    return [redact(match[1].strip()) for line in text.splitlines() if (match := _ERROR.search(line))]


def without_false_errors(errors: Iterable[str], dataset: Dataset) -> list[str]:
    """The errors of an object that are not known to be none."""
    kept = [
        line for line in errors if not any(item.pattern.search(line) and item.when(dataset) for item in FALSE_ERRORS)
    ]
    # A sum of the lines above it: false where all of them are.
    return kept if any(_VALUE_ERROR in line for line in kept) else [line for line in kept if line != _VALUE_SUMMARY]


def _has_wide_characters(dataset: Dataset) -> bool:
    """Whether a text has a character of more than one byte, or with bytes that switch to another character set."""
    declared = dataset.get("SpecificCharacterSet") or "ISO_IR 6"
    if isinstance(declared, str) and declared in _ONE_BYTE_CHARACTER_SETS:
        return False
    return not all(str(element.value).isascii() for element in dataset.iterall() if element.VR in _LIMITED)


class _SourceErrors:
    """Errors of the source, asked for only when a result has one."""

    def __init__(self, path: str, instances: Sequence[Dataset]) -> None:
        self._path = path
        self._instances = list(instances)
        self._kinds: set[str] = set()

    def __contains__(self, error: str) -> bool:
        kind = _kind(error)
        if "PixelData" in kind:  # headers of the source are held without their pixels
            return False
        while kind not in self._kinds and self._instances:
            self._kinds.update(map(_kind, _header_errors(self._path, self._instances.pop(0))))
        return kind in self._kinds


@cache
def _kind(error: str) -> str:
    """Two errors are of one kind that differ in counts and lengths alone."""
    return _COUNT.sub("#", error)


def _run(path: str, file: WrittenFile) -> list[str] | None:
    text = _output([path, str(file.path)])
    return None if text is None else errors_in(text)


def _output(command: list[str], stdin: int = subprocess.DEVNULL) -> str | None:
    """What the program wrote; None where it did not end by itself. It ends 1 where it found an error."""
    try:
        result = subprocess.run(command, stdin=stdin, capture_output=True, timeout=_TIME_LIMIT_S, check=False)
    except (subprocess.TimeoutExpired, OSError):
        return None
    return None if result.returncode < 0 else (result.stdout + result.stderr).decode("utf-8", "replace")


def _header_errors(path: str, instance: Dataset) -> list[str]:
    """The errors of a source instance without its pixels. It reads a file in memory: pipes cannot be wound back."""
    with os.fdopen(os.memfd_create("header"), "w+b") as stream:
        stream.write(_header_bytes(instance))
        stream.flush()
        stream.seek(0)
        return errors_in(_output([path], stream.fileno()) or "")


def _header_bytes(instance: Dataset) -> bytes:
    """A source instance as it was read, as a file; empty where it cannot be written again."""
    implicit, little = instance.original_encoding
    stream = BytesIO()
    header = Dataset(instance)
    header.file_meta = FileMetaDataset()
    header.file_meta.MediaStorageSOPClassUID = instance.get("SOPClassUID")
    header.file_meta.MediaStorageSOPInstanceUID = instance.get("SOPInstanceUID")
    explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    header.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    try:
        dcmwrite(stream, header, implicit_vr=bool(implicit), little_endian=bool(little), enforce_file_format=True)
    except Exception:  # a source that cannot be looked at excuses nothing
        return b""
    return stream.getvalue()
