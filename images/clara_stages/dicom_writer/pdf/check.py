"""Proof that the written report says what was measured, read from the PDF inside the DICOM file."""

import itertools
import re
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom import dcmread
from pydicom.dataset import Dataset
from pypdf import PageObject, PdfReader

from clara_stages.dicom_writer.gate.finding import Finding
from clara_stages.dicom_writer.gate.identity_in_text import identity_in
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.pdf.compare_table import compare_table
from clara_stages.dicom_writer.pdf.counted_segments import CountedSegment, count_segments
from clara_stages.dicom_writer.rendering.compare import compare_picture
from clara_stages.dicom_writer.rendering.fonts import legible
from clara_stages.dicom_writer.rendering.layout import plan_layout
from clara_stages.dicom_writer.rendering.names import shown_name
from clara_stages.dicom_writer.rendering.windowing import window_chooser
from clara_stages.kit import raise_machine_fault

_OUTPUT = "pdf"

_TITLE = "126000"
"""DCM, of CID 7020."""


def check(files: Sequence[Path], job: Job) -> Iterator[Finding]:
    """Open the document again: its text, its numbers and its pictures."""
    if len(files) != 1:
        yield _finding("unreadable", f"{len(files)} files were written, expected one")
    for path in files:
        try:
            result = dcmread(path)
            reader = PdfReader(BytesIO(_document(result)), strict=True)
            pages = [page.extract_text() for page in reader.pages]
            pictures = [picture for page in reader.pages for picture in _drawn(page)]
        except Exception as error:  # whatever the parsers raise, nobody can open it
            raise_machine_fault(error)
            yield _finding("unreadable", f"the document cannot be opened ({type(error).__name__})")
            continue
        counted = count_segments(job)
        faults = itertools.chain(
            _header(result, job),
            _page_numbers(pages),
            _text(_body(pages), job),
            compare_table(_body(pages), job, counted),
            _pictures(pictures, job, counted),
        )
        for name, message in faults:
            yield _finding(name, message)


def _document(result: Dataset) -> bytes:
    document: bytes = result.EncapsulatedDocument
    return document[: int(result.get("EncapsulatedDocumentLength") or len(document))]


def _drawn(page: PageObject) -> Iterator[npt.NDArray[np.uint8]]:
    """The pictures of a page in the order in which they are drawn; that of its resources means nothing."""
    contents = page.get_contents()
    for name in re.findall(rb"(/\S+)\s+Do\b", contents.get_data() if contents is not None else b""):
        yield np.asarray(page.images[name.decode("ascii")].image)


def _header(result: Dataset, job: Job) -> Iterator[tuple[str, str]]:
    """Encapsulated Document module (PS3.3 C.24.2)."""
    for keyword, expected in (("MIMETypeOfEncapsulatedDocument", "application/pdf"), ("BurnedInAnnotation", "NO")):
        if result.get(keyword) != expected:
            yield "pdf_header", f"{keyword} is {result.get(keyword)!r}, expected {expected!r}"
    if result.get("VerificationFlag") != "UNVERIFIED":
        yield "report_status", "Verification Flag is not UNVERIFIED, and nobody has verified the document"
    titles = [item.get("CodeValue") for item in result.get("ConceptNameCodeSequence") or ()]
    if titles != [_TITLE]:
        yield "document_title", "the document is not titled Imaging Measurement Report"
    length = int(result.get("EncapsulatedDocumentLength") or 0)
    padding = len(result.EncapsulatedDocument) - length
    if padding not in (0, 1) or not result.EncapsulatedDocument[:length].rstrip(b"\r\n").endswith(b"%%EOF"):
        yield "pdf_header", "Encapsulated Document Length is not the length of the document"
    if len(result.EncapsulatedDocument) % 2:
        yield "pdf_header", "the document has an odd number of bytes"
    found = {str(item.get("ReferencedSOPInstanceUID")) for item in result.get("SourceInstanceSequence") or ()}
    expected_uids = {str(instance.SOPInstanceUID) for instance in job.source.instances}
    if found != expected_uids:
        yield (
            "source_reference",
            f"{len(found - expected_uids)} references are not to the source, {len(expected_uids - found)} are missing",
        )


def _text(text: str, job: Job) -> Iterator[tuple[str, str]]:
    """What must be in the text, line breaks or not, and what must not."""
    table = job.require_segments(_OUTPUT).table
    dense = _dense(text)
    wanted = {
        "the intended use": table.intended_use,
        "the model": f"{table.algorithm.name}, version {table.algorithm.version}",
        "the digest of the model": table.algorithm.digest,
        "the series": str(job.source.first.get("SeriesInstanceUID", "")),
        **{f"the name of segment {label.segment_number}": shown_name(label) for label in table.labels},
        **{f"the name of absent segment {place}": shown_name(label) for place, label in enumerate(table.absent, 1)},
    }
    for what, expected in wanted.items():
        if _dense(legible(expected)) not in dense:
            yield "pdf_text", f"{what} is not in the document"
    if not table.labels and "Nothing was found" not in text:
        yield "pdf_text", "the document does not say that nothing was found"
    for keyword in identity_in(text, job.source.first):
        yield "identity_in_text", f"the document holds the patient's {keyword}"


def _page_numbers(pages: Sequence[str]) -> Iterator[tuple[str, str]]:
    for number, page in enumerate(pages, start=1):
        if not page.rstrip().endswith(f"Page {number} of {len(pages)}"):
            yield "pdf_text", f"page {number} of {len(pages)} has no number"


def _body(pages: Sequence[str]) -> str:
    """The text without the lines at the foot of each page, which may stand in the middle of a paragraph."""
    return "\n".join(re.sub(r"[^\n]*\nPage \d+ of \d+\s*$", "", page) for page in pages)


def _dense(text: str) -> str:
    return "".join(text.split())


def _pictures(
    pictures: Sequence[npt.NDArray[np.uint8]], job: Job, counted: Sequence[CountedSegment]
) -> Iterator[tuple[str, str]]:
    """The slice that shows most of each segment, once."""
    if job.volume is None:
        expected = []
    else:
        expected = sorted({item.largest_slice for item in counted if item.largest_slice is not None})
    if len(pictures) != len(expected):
        yield "picture_differs", f"the document has {len(pictures)} pictures, expected {len(expected)}"
        return
    if job.volume is None:
        return
    window = window_chooser(job.params.window, job.volume)
    layout = plan_layout(job.source)
    for picture, index in zip(pictures, expected, strict=True):
        shown = picture[layout.top : layout.top + layout.height, layout.left : layout.left + layout.width]
        if shown.shape != (layout.height, layout.width, 3):
            yield "picture_differs", f"the picture of slice {index + 1} has shape {picture.shape}"
        else:
            yield from compare_picture(shown, job, index, window(job.source.slices[index]))


def _finding(name: str, message: str) -> Finding:
    return Finding(name=name, output=_OUTPUT, message=message)
