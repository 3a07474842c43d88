"""A result as it stands on the disk: what the gate looks at, never what is in memory."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydicom import dcmread
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.tag import BaseTag

from clara_stages.dicom_writer.gate.finding import Finding

_DEFER_BYTES = 65_536
"""Longer values (pixels, the PDF) stay on the disk until a check asks for them."""

Element = RawDataElement | DataElement


@dataclass(frozen=True, kw_only=True)
class WrittenFile:
    """One written file.

    Attributes:
        output: The output that it belongs to (``seg``, ``sr`` ...).
        path: Where it is.
        dataset: Its content; long values are read when they are asked for.
    """

    output: str
    path: Path
    dataset: Dataset

    @property
    def sop_class_uid(self) -> str:
        """Empty where the file states none."""
        return str(self.dataset.get("SOPClassUID") or "")

    def finding(self, name: str, message: str) -> Finding:
        """An error in this file. Its name is left out of the message: equal findings of many files become one."""
        return Finding(name=name, output=self.output, message=message)


def read_written(files: Mapping[str, Sequence[Path]]) -> tuple[list[WrittenFile], list[Finding]]:
    """Every file, and a finding for each that is no DICOM file."""
    written, findings = [], []
    for output, paths in files.items():
        if not paths:
            findings.append(Finding(name="no_file", output=output, message="0 files were written, expected 1 or more"))
        for path in paths:
            try:
                dataset = dcmread(path, defer_size=_DEFER_BYTES)
            except (InvalidDicomError, EOFError, ValueError, KeyError, AttributeError) as error:
                message = f"a file cannot be read as DICOM ({type(error).__name__})"
                findings.append(Finding(name="unreadable", output=output, message=message))
            else:
                written.append(WrittenFile(output=output, path=path, dataset=dataset))
    return written, findings


def elements(dataset: Dataset) -> Iterator[Element]:
    """The elements of one level as they were read: text is not decoded, long values stay on the disk."""
    for tag in dataset.keys():  # noqa: SIM118 - a data set iterates over decoded elements
        yield dataset.get_item(tag, keep_deferred=True)


def vr_of(element: Element) -> str:
    """The value representation: that of the file, or the dictionary's where the file states none.

    It states none in Implicit VR, and UN of values that are too long for Explicit VR (PS3.5 6.2.2).
    """
    return str(element.VR) if element.VR not in (None, "UN") else _dictionary_vr(int(element.tag))


@cache
def _dictionary_vr(tag: int) -> str:
    try:
        return dictionary_VR(tag)
    except KeyError:
        return "UN"


def raw(dataset: Dataset, tag: BaseTag | int) -> Element | None:
    """One element as it was read, or None."""
    return dataset.get_item(tag, keep_deferred=True) if tag in dataset else None


def integers(dataset: Dataset, keyword: str) -> list[int]:
    """The values of an attribute that has whole numbers, such as Referenced Frame Number; none where it is absent."""
    value = dataset.get(keyword)
    if value is None or value == "":
        return []
    return [int(value)] if isinstance(value, int | str) else [int(number) for number in value]


def items(dataset: Dataset, tag: BaseTag | int | str) -> Sequence[Dataset]:
    """The items of a sequence; none where it is absent, empty or no sequence."""
    if tag not in dataset:
        return ()
    element = dataset[tag]
    return element.value if element.VR == "SQ" and element.value else ()
