"""Whether what people read of a code is what the code means: viewers show the meaning, programs take the value."""

from collections.abc import Iterator, Sequence
from functools import cache

from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from clara_stages.dicom_writer.gate.finding import Finding
from clara_stages.dicom_writer.gate.written_file import WrittenFile, elements, items, vr_of
from clara_stages.dicom_writer.header.text import long_string
from clara_stages.dicom_writer.inputs.label_table import Code, LabelTable
from clara_stages.dicom_writer.job import Job

Key = tuple[str, str]
"""Coding scheme designator and code value."""

_OTHERS = {
    ("SCT", "260753009"): "source",
    ("SCT", "276214006"): "finding category",
    ("UCUM", "mm"): "millimeter",
    ("UCUM", "ml"): "milliliter",
    ("RFC5646", "en-US"): "english (united states)",
    ("99CLARA", "VOXELVALUE"): "voxel value",
}
"""Codes that results have and pydicom's lists lack, or have with another word."""

_UNLISTED = frozenset({"UCUM"})
"""Schemes that build codes by rules: no list has all of them. The units of measurements are checked by their report."""

_MEANING, _SCHEME = 0x00080104, 0x00080102
_VALUES = (0x00080100, 0x00080119, 0x00080120)
"""Code Value, Long Code Value, URN Code Value."""


def check(written: Sequence[WrittenFile], job: Job) -> Iterator[Finding]:
    """Codes and meanings that are neither the label table's, nor PS3.16's, nor the source's."""
    table = _of_table(job.segments.table) if job.segments else {}
    source: set[tuple[Key, str]] | None = None
    for file in written:
        for key, meaning in sorted(set(_meanings(file.dataset))):
            expected = table.get(key) or _standard().get(key, set())
            if meaning.casefold() in expected or (not expected and key[0] in _UNLISTED):
                continue
            if source is None:
                source = {found for instance in job.source.instances for found in _meanings(instance)}
            if (key, meaning) not in source:
                what = "is said to mean something else than it does" if expected else "is in no list of codes"
                yield file.finding("code_meaning", f"code {key[0]} {key[1]} {what}")


def _of_table(table: LabelTable) -> dict[Key, set[str]]:
    """Code -> its meanings in the label table and in PS3.16."""
    stated: list[Code | None] = [table.algorithm.family]
    for label in (*table.labels, *table.absent):
        stated += [label.category, label.type, label.laterality, label.anatomic_region]
    found: dict[Key, set[str]] = {}
    for code in stated:
        if code is not None:
            key = (code.scheme, code.value)
            found.setdefault(key, set()).add(long_string(code.meaning).casefold())
    return found


@cache
def _standard() -> dict[Key, set[str]]:
    """Code -> its meanings in PS3.16, as pydicom has them."""
    found = {key: {meaning} for key, meaning in _OTHERS.items()}
    for scheme in codes.schemes():
        for code in getattr(codes, scheme).concepts.values():
            found.setdefault((scheme, code.value), set()).add(long_string(code.meaning).casefold())
    return found


def _meanings(dataset: Dataset) -> Iterator[tuple[Key, str]]:
    for element in elements(dataset):
        for item in items(dataset, element.tag) if vr_of(element) == "SQ" else ():
            if _MEANING in item:
                value = next((item[tag].value for tag in _VALUES if tag in item), None)
                scheme = item[_SCHEME].value if _SCHEME in item else None
                yield (str(scheme or ""), str(value or "")), str(item[_MEANING].value or "")
            yield from _meanings(item)
