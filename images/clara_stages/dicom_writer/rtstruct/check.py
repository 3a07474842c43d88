"""Whether a written structure set says what the inputs say, seen from the file and the inputs alone."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.gate.algorithm import names_algorithm
from clara_stages.dicom_writer.gate.finding import Finding
from clara_stages.dicom_writer.gate.written_file import integers, items
from clara_stages.dicom_writer.header.text import long_string
from clara_stages.dicom_writer.inputs.label_table import Code, Label
from clara_stages.dicom_writer.inputs.source_stack import SourceStack
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.rtstruct.check_contours import check_contours

_SEQUENCES = {
    "named": ("StructureSetROISequence", "ROINumber"),
    "drawn": ("ROIContourSequence", "ReferencedROINumber"),
    "observed": ("RTROIObservationsSequence", "ReferencedROINumber"),
}
"""What is said of a region -> where, and by which number."""

_ORGAN = "ORGAN"
"""RT ROI Interpreted Type of what an algorithm found: a planning system gives any other a role in the plan, and that
is the decision of a physician, or of the label table."""


def check(files: Sequence[Path], job: Job) -> Iterator[Finding]:
    """Read the file and compare it with the source and the segments.

    Args:
        files: The one file of this output.
        job: What it was made from.
    """
    if len(files) != 1:
        yield _finding("file_count", f"{len(files)} structure sets were written, expected 1")
        return
    dataset = dcmread(files[0])
    if dataset.get("ApprovalStatus") != "UNAPPROVED":
        yield _finding(
            "approval_status", "Approval Status is not UNAPPROVED, and nobody has approved the structure set"
        )
    yield from _check_frame_of_reference(dataset, job.source)
    yield from _check_references(dataset, job.source)
    yield from _check_regions(dataset, job)


def _check_frame_of_reference(dataset: Dataset, source: SourceStack) -> Iterator[Finding]:
    expected = source.frame_of_reference_uid
    places = [("FrameOfReferenceUID", dataset.get("FrameOfReferenceUID"))]
    for item in items(dataset, "ReferencedFrameOfReferenceSequence"):
        places.append(("ReferencedFrameOfReferenceSequence", item.get("FrameOfReferenceUID")))
    for item in items(dataset, "StructureSetROISequence"):
        places.append((f"ROI {item.get('ROINumber')}", item.get("ReferencedFrameOfReferenceUID")))
    for place, found in places:
        if found != expected:
            yield _finding("frame_of_reference", f"{place} states {found}, the source has {expected}")


def _check_references(dataset: Dataset, source: SourceStack) -> Iterator[Finding]:
    """The one study, the one series and each of its images that the Structure Set Module names."""
    studies = [
        study
        for frame in items(dataset, "ReferencedFrameOfReferenceSequence")
        for study in items(frame, "RTReferencedStudySequence")
    ]
    series = [item for study in studies for item in items(study, "RTReferencedSeriesSequence")]
    for name, found, expected in (
        ("study", [item.get("ReferencedSOPInstanceUID") for item in studies], source.first.StudyInstanceUID),
        ("series", [item.get("SeriesInstanceUID") for item in series], source.first.SeriesInstanceUID),
    ):
        if found != [expected]:
            yield _finding("source_reference", f"the {name} named is {found}, expected {expected}")
    named = Counter(
        (str(image.get("ReferencedSOPClassUID")), str(image.get("ReferencedSOPInstanceUID")), frame)
        for item in series
        for image in items(item, "ContourImageSequence")
        for frame in integers(image, "ReferencedFrameNumber") or (None,)
    )
    wanted = Counter((image.sop_class_uid, image.sop_instance_uid, image.frame) for image in source.slices)
    missing, foreign = (wanted - named).total(), (named - wanted).total()
    if missing or foreign:
        yield _finding(
            "source_reference",
            f"of {len(source.slices)} source images {missing} are not named, and {foreign} references name others",
        )


def _check_regions(dataset: Dataset, job: Job) -> Iterator[Finding]:
    segments = job.require_segments("rtstruct")
    kept = segments.table.absent if job.params.empty_segments == "keep" else ()
    labels = {label.segment_number: label for label in (*segments.table.labels, *kept)}
    named, drawn, observed = (_by_number(dataset, sequence, keyword) for sequence, keyword in _SEQUENCES.values())
    for place, (sequence, keyword) in _SEQUENCES.items():
        numbers = sorted(int(item.get(keyword, 0)) for item in items(dataset, sequence))
        if numbers != sorted(labels):
            yield _finding("segment_meaning", f"ROIs {numbers} are {place}, expected segments {sorted(labels)}")
            return
    yield from _check_names(named, labels)
    for number, label in labels.items():
        yield from _check_meaning(label, named[number], drawn[number], observed[number])
        identifications = items(named[number], "ROIDerivationAlgorithmIdentificationSequence")
        is_drawn = label.algorithm_type in ("", "MANUAL")
        if not is_drawn and not names_algorithm(identifications, segments.table.algorithm):
            yield _finding("algorithm", f"ROI {number} does not name the algorithm of the label table")
        yield from check_contours(drawn[number], segments.mask(number), job.source)


def _by_number(dataset: Dataset, sequence: str, keyword: str) -> dict[int, Dataset]:
    return {int(item.get(keyword, 0)): item for item in items(dataset, sequence)}


def _check_names(named: dict[int, Dataset], labels: dict[int, Label]) -> Iterator[Finding]:
    """A name is the label's; where another region has that name, it ends in the segment number."""
    names = {number: str(item.get("ROIName")) for number, item in named.items()}
    uses = Counter(name.casefold() for name in names.values())
    for number, name in names.items():
        expected = long_string(labels[number].name)
        stem, mark, _ = name.rpartition(f" ({number}")
        is_numbered = bool(mark) and expected.startswith(stem) and uses[expected.casefold()] > 0
        if uses[name.casefold()] > 1 or not (name == expected or is_numbered):
            yield _finding("segment_meaning", f"ROI {number} is named {name!r}, expected {expected!r}, unique")


def _check_meaning(label: Label, named: Dataset, drawn: Dataset, observed: Dataset) -> Iterator[Finding]:
    regions = items(observed, "AnatomicRegionSequence")
    types = items(observed, "RTROIIdentificationCodeSequence")
    holders = [(item, "AnatomicRegionModifierSequence") for item in regions] or [
        (item, "SegmentedPropertyTypeModifierCodeSequence") for item in types
    ]
    sides = [side for item, keyword in holders for side in items(item, keyword)]
    facts: tuple[tuple[str, Any, Any], ...] = (
        ("colour", [int(part) for part in drawn.get("ROIDisplayColor") or ()], list(label.colour_rgb)),
        ("generation algorithm", named.get("ROIGenerationAlgorithm") or "", label.algorithm_type),
        (
            "category",
            _codes(items(observed, "SegmentedPropertyCategoryCodeSequence")),
            _expected_codes(label.category),
        ),
        ("type", _codes(types), _expected_codes(label.type)),
        ("anatomic region", _codes(regions), _expected_codes(label.anatomic_region)),
        ("laterality", _codes(sides), _expected_codes(label.laterality)),
    )
    for name, found, expected in facts:
        if found != expected:
            yield _finding(
                "segment_meaning", f"the {name} of ROI {label.segment_number} is {found}, expected {expected}"
            )
    stated = observed.get("RTROIInterpretedType") or ""
    allowed = [label.interpreted_type] if label.interpreted_type else [_ORGAN, ""]
    if stated not in allowed:
        message = f"ROI {label.segment_number} is interpreted as {stated!r}, expected {' or '.join(map(repr, allowed))}"
        yield _finding("segment_meaning", message)


def _codes(items: Sequence[Dataset]) -> list[tuple[str, str]]:
    return [
        (str(item.get("CodingSchemeDesignator")), str(item.get("CodeValue") or item.get("LongCodeValue")))
        for item in items
    ]


def _expected_codes(code: Code | None) -> list[tuple[str, str]]:
    return [] if code is None else [(code.scheme, code.value)]


def _finding(name: str, message: str) -> Finding:
    return Finding(name=name, output="rtstruct", message=message)
