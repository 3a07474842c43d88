"""What an object says of itself: its kind, its series, its moment and its maker, compared with the run that made it."""

from collections.abc import Iterator, Sequence

from pydicom.dataset import Dataset

from clara_stages.dicom_writer.gate.finding import Finding
from clara_stages.dicom_writer.gate.written_file import WrittenFile, items
from clara_stages.dicom_writer.header.equipment import MANUFACTURER, PROCESSING
from clara_stages.dicom_writer.header.series_attributes import series_number
from clara_stages.dicom_writer.header.source_time import date_text, time_text
from clara_stages.dicom_writer.header.text import long_string, short_text
from clara_stages.dicom_writer.job import Job

_MODALITIES = {"seg": "SEG", "rtstruct": "RTSTRUCT", "sr": "SR", "key_object": "KO", "sc": "OT", "pdf": "DOC"}
"""Output -> Modality (PS3.3 C.7.3.1.1.1); images have that of their volume."""

_MOMENTS = {
    "rtstruct": ("Series{}", "InstanceCreation{}", "StructureSet{}"),
    "sc": ("Series{}", "InstanceCreation{}", "Content{}", "{}OfSecondaryCapture"),
}
_EVERY_MOMENT = ("Series{}", "InstanceCreation{}", "Content{}")
"""Attributes that state when a result was made, each a Date and a Time, by output."""

_STORED = {
    "seg": ("MONOCHROME2", None, 0),
    "image": ("MONOCHROME2", 16, 1),
    "sc": ("RGB", 8, 0),
}
"""Output -> Photometric Interpretation, Bits Stored (None: any), Pixel Representation. In MONOCHROME1 low is white."""


def check(written: Sequence[WrittenFile], job: Job) -> Iterator[Finding]:
    """Headers that claim another kind, series, moment or maker. Dates decide which result a reader takes for newest."""
    for file in written:
        for what in (*_series_faults(file, job), *_moment_faults(file, job), *_maker_faults(file, job)):
            yield file.finding("wrong_header", what)
        for what in _stored_faults(file):
            yield file.finding("pixel_description", what)


def _series_faults(file: WrittenFile, job: Job) -> Iterator[str]:
    found, output = file.dataset, file.output
    modality = _MODALITIES.get(output) or (job.volume.document.modality if job.volume else "")
    instances = {job.uid(f"{output} instance"), job.uid(f"{output} instance {found.get('InstanceNumber')}")}
    if found.get("Modality") != modality:
        yield f"Modality is not {modality}"
    if found.get("SeriesInstanceUID") != job.uid(f"{output} series") or found.get("SOPInstanceUID") not in instances:
        yield "Series or SOP Instance UID is not the one that this run gives the object"
    if found.get("SeriesNumber") != series_number(job, output):
        yield f"Series Number is not {series_number(job, output)}"
    if "ImageType" in found and found["ImageType"].value[0] != "DERIVED":
        yield "Image Type does not say DERIVED"
    wanted = long_string(job.segments.table.series_description) if job.segments and output != "image" else ""
    stated = str(found.get("SeriesDescription") or "").removesuffix("...")
    wanted = wanted.removesuffix("...")
    if wanted and not (stated and (stated.startswith(wanted) or wanted.startswith(stated))):
        yield "Series Description is not that of the label table"


def _moment_faults(file: WrittenFile, job: Job) -> Iterator[str]:
    for pattern in _MOMENTS.get(file.output, _EVERY_MOMENT):
        for part, expected in (("Date", date_text(job.moment)), ("Time", time_text(job.moment))):
            if str(file.dataset.get(pattern.format(part)) or "") != expected:
                yield f"{pattern.format(part)} is not that of the latest source image"


def _maker_faults(file: WrittenFile, job: Job) -> Iterator[str]:
    """The marks by which results of ours are recognised, which model made them, and what they are meant for."""
    if file.dataset.get("Manufacturer") != MANUFACTURER:
        yield f"Manufacturer is not {MANUFACTURER}"
    ours = [item for item in items(file.dataset, "ContributingEquipmentSequence") if _is_processing(item)]
    if len(ours) != 1 or ours[0].get("Manufacturer") != MANUFACTURER:
        yield f"Contributing Equipment does not name {MANUFACTURER} as the one that processed the source"
        return
    if job.segments is None:
        return
    table = job.segments.table
    versions = ours[0].get("SoftwareVersions") or ()
    if long_string(f"{table.algorithm.name} {table.algorithm.version}") not in versions:
        yield "Contributing Equipment does not name the algorithm and its version"
    if str(ours[0].get("ContributionDescription") or "") != short_text(table.intended_use):
        yield "Contributing Equipment does not state the intended use"


def _is_processing(item: Dataset) -> bool:
    codes = items(item, "PurposeOfReferenceCodeSequence")
    return [code.get("CodeValue") for code in codes] == [PROCESSING.value]


def _stored_faults(file: WrittenFile) -> Iterator[str]:
    if file.output not in _STORED:
        return
    photometric, stored, signed = _STORED[file.output]
    found = file.dataset
    bits = found.get("BitsStored")
    if found.get("PhotometricInterpretation") != photometric or found.get("PixelRepresentation") != signed:
        yield f"pixels are not described as {photometric}, {'signed' if signed else 'unsigned'}"
    if not bits or bits != found.get("BitsAllocated") or found.get("HighBit") != bits - 1 or bits != (stored or bits):
        yield "Bits Allocated, Bits Stored and High Bit are not those of whole values"
