"""The images worth opening, as a Key Object Selection document (TID 2010)."""

from collections.abc import Iterator, Sequence

from highdicom.ko import KeyObjectSelection, KeyObjectSelectionDocument
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import ExplicitVRLittleEndian

from clara_stages.dicom_writer.header.equipment import MANUFACTURER
from clara_stages.dicom_writer.header.references import frames_by_instance
from clara_stages.dicom_writer.header.series_attributes import complete_header, series_number
from clara_stages.dicom_writer.header.text import long_string, short_text
from clara_stages.dicom_writer.inputs.source_stack import SourceSlice
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.sr.document import device_observer, evidence_of_source

FILE = "key_object.dcm"

_OF_INTEREST = Code("113000", "DCM", "Of Interest")
"""CID 7010."""


def build(job: Job) -> Iterator[tuple[str, Dataset]]:
    """The document; none where nothing was found.

    For each segment it selects the ``key_images`` images with most pixels of it, the first of equals. It selects images
    alone: some viewers show no document that also names a segmentation.

    Raises:
        BadInputError: The job has no segments.
    """
    chosen = {
        measured.label.segment_number: largest_slices(measured.slice_pixels, job.params.key_images)
        for measured in job.measurements
    }
    indices = sorted({index for some in chosen.values() for index in some})
    if not indices:
        return
    frames = frames_by_instance(job.source.slices[index] for index in indices)
    evidence = [one for one in evidence_of_source(job) if (one.SOPClassUID, one.SOPInstanceUID) in frames]
    content = KeyObjectSelection(
        document_title=_OF_INTEREST,
        referenced_objects=[_image(instance) for instance in evidence],
        observer_device_context=device_observer(job),
        description=_description(job, chosen),
    )
    _set_frames(content[0], frames)
    document = KeyObjectSelectionDocument(
        evidence=evidence,
        content=content,
        series_instance_uid=job.uid("key_object series"),
        series_number=series_number(job, "key_object"),
        sop_instance_uid=job.uid("key_object instance"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )
    description = job.require_segments("key_object").table.series_description
    complete_header(document, job, "key_object", series_description=f"{description} key images")
    yield FILE, document


def largest_slices(pixels: Sequence[int], number: int) -> list[int]:
    """Indices of the slices with most pixels, at most so many, in their own order; the first of equals."""
    found = sorted((index for index, count in enumerate(pixels) if count), key=lambda index: (-pixels[index], index))
    return sorted(found[:number])


def _image(evidence: Dataset) -> Dataset:
    """What makes highdicom write an IMAGE item: it looks for rows and columns."""
    image = Dataset()
    image.SOPClassUID, image.SOPInstanceUID = evidence.SOPClassUID, evidence.SOPInstanceUID
    image.Rows = image.Columns = 1
    return image


def _set_frames(content: Dataset, frames: dict[tuple[str, str], list[int]]) -> None:
    for item in content.ContentSequence:
        if item.ValueType == "IMAGE":
            reference = item.ReferencedSOPSequence[0]
            numbers = frames[(reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID)]
            if numbers:
                reference.ReferencedFrameNumber = numbers


def _description(job: Job, chosen: dict[int, list[int]]) -> str:
    """Why these images were selected, in a line for each segment."""
    table = job.require_segments("key_object").table
    lines = ["Images with the largest area of each structure that was found:"]
    for number, indices in chosen.items():
        names = ", ".join(_name(job.source.slices[index]) for index in indices)
        if names:
            lines.append(f"{long_string(table.by_number(number).name)}: {names}")
    return "\n".join([*lines, *filter(None, [short_text(table.intended_use)])])


def _name(image: SourceSlice) -> str:
    number = image.instance.get("InstanceNumber")
    words = [f"image {number}"] if number not in (None, "") else ["image"]
    return " ".join([*words, *([f"frame {image.frame}"] if image.frame else [])])
