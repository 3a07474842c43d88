"""Whether every text of a result can be read back: its character set holds it, and nothing was replaced."""

from collections.abc import Iterator, Sequence

from pydicom.charset import decode_bytes
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.gate.character_sets import DELIMITERS, declared_terms, encodings_of
from clara_stages.dicom_writer.gate.fault import name_of
from clara_stages.dicom_writer.gate.finding import Finding
from clara_stages.dicom_writer.gate.written_file import WrittenFile, elements, items, vr_of
from clara_stages.dicom_writer.job import Job

_TEXT = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
"""The VRs that Specific Character Set affects (PS3.5 6.1.2.3)."""

_REPLACED = "\ufffd"
"""What stands where bytes mean no character."""


def check(written: Sequence[WrittenFile], job: Job) -> Iterator[Finding]:
    """Texts that the declared character set cannot read, and texts that came out of the file as others."""
    built = {str(dataset.get("SOPInstanceUID")): dataset for results in job.written.values() for dataset in results}
    for file in written:
        yield from _undecodable(file, file.dataset, (), None)
        origin = built.get(str(file.dataset.get("SOPInstanceUID")))
        if origin is not None:
            yield from _lost(file, origin)


def _undecodable(
    file: WrittenFile, dataset: Dataset, path: tuple[str, ...], inherited: list[str] | None
) -> Iterator[Finding]:
    encodings = encodings_of(dataset, inherited)
    declared = declared_terms(dataset) is not None or inherited is not None
    for element in elements(dataset):
        where = (*path, name_of(int(element.tag)))
        vr = vr_of(element)
        if vr == "SQ":
            for item in items(dataset, element.tag):
                yield from _undecodable(file, item, where, encodings if declared else None)
            continue
        value = element.value if vr in _TEXT and not isinstance(element, DataElement) else None
        if not isinstance(value, bytes) or (value.isascii() and b"\x1b" not in value):
            continue
        if not declared:
            yield file.finding("character_set", f"{' > '.join(where)} is not ASCII, and no character set is declared")
        elif not _is_decodable(value, encodings):
            yield file.finding("character_set", f"{' > '.join(where)} cannot be read in the declared character set")


def _is_decodable(value: bytes, encodings: list[str]) -> bool:
    try:
        return _REPLACED not in decode_bytes(value, encodings, DELIMITERS)
    except (LookupError, UnicodeError):
        return False


def _lost(file: WrittenFile, origin: Dataset) -> Iterator[Finding]:
    """Texts beyond ASCII of what was built that do not stand in the file."""
    read: set[tuple[str, str]] | None = None
    for where, text in _texts(origin, ()):
        if text.isascii():
            continue
        if read is None:
            read = set(_texts(file.dataset, ()))
        if (where, text) not in read:
            yield file.finding("character_set", f"{where} was written, and does not read back as it was")


def _texts(dataset: Dataset, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for element in elements(dataset):
        where = (*path, name_of(int(element.tag)))
        vr = vr_of(element)
        if vr == "SQ":
            for item in items(dataset, element.tag):
                yield from _texts(item, where)
        elif vr in _TEXT:
            decoded = dataset[element.tag]
            if not decoded.is_empty:
                values = decoded.value if decoded.VM > 1 else [decoded.value]
                yield from ((" > ".join(where), str(value).rstrip(" \0")) for value in values)
