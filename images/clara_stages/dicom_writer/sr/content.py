"""The content tree of a written report, read with pydicom alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from clara_stages.dicom_writer.gate.written_file import integers

Concept = tuple[str, str]
"""Coding scheme designator and code value."""

_MEASUREMENTS, _GROUP, _LIBRARY = ("DCM", "126010"), ("DCM", "125007"), ("DCM", "111028")
_TRACKING_IDENTIFIER, _TRACKING_UID = ("DCM", "112039"), ("DCM", "112040")
_FINDING, _SITE, _LATERALITY = ("DCM", "121071"), ("SCT", "363698007"), ("SCT", "272741003")
_DERIVATION = ("DCM", "121401")
_SEGMENT, _SOURCE_SERIES = ("DCM", "121191"), ("DCM", "121232")
_SOURCE_OF_MEASUREMENT = ("DCM", "121112")
_COMMENT = ("DCM", "121106")
_ALGORITHM = (("DCM", "111001"), ("DCM", "111003"), ("DCM", "111002"))


@dataclass(frozen=True, kw_only=True)
class ImageReference:
    """An IMAGE item: which instance, and which of its frames or segments where the item says so."""

    sop_class_uid: str
    sop_instance_uid: str
    frames: tuple[int, ...]
    segments: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Line:
    """A polyline: its points as (column, row) with the outer corner of the first pixel at 0, and its image."""

    points: tuple[tuple[float, float], ...]
    image: ImageReference


@dataclass(frozen=True, kw_only=True)
class Number:
    """A NUM item."""

    name: Concept
    derivation: Concept | None
    unit: Concept
    value: float
    line: Line | None


@dataclass(frozen=True, kw_only=True)
class MeasurementGroup:
    """All that is said of one segment.

    Attributes:
        sites: Finding sites with their laterality.
        algorithm: Name, version and parameter texts.
        images: Source images for the measurements.
        comments: For people; viewers show them beside the numbers.
    """

    tracking_identifier: str
    tracking_uid: str
    finding: Concept
    sites: list[tuple[Concept, Concept | None]]
    algorithm: list[str]
    numbers: list[Number]
    segment: ImageReference | None = None
    source_series: str = ""
    images: list[ImageReference] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)


def measurement_groups(report: Dataset) -> list[MeasurementGroup]:
    """The measurement groups of a TID 1500 report.

    Raises:
        LookupError, AttributeError, ValueError: The document lacks what the template requires.
    """
    (measurements,) = _items(report, _MEASUREMENTS)
    return [_group(group) for group in _items(measurements, _GROUP)]


def library_images(report: Dataset) -> set[str]:
    """SOP Instance UIDs of all entries of the image library."""
    return {image.sop_instance_uid for library in _items(report, _LIBRARY) for image in image_references(library)}


def library_numbers(report: Dataset) -> dict[Concept, float]:
    """What the image library says of all its images in numbers: rows, spacing, direction cosines."""
    return {
        number.name: number.value
        for library in _items(report, _LIBRARY)
        for group in library.ContentSequence
        for number in (_number(item) for item in group.get("ContentSequence", ()) if item.ValueType == "NUM")
    }


def image_references(item: Dataset) -> Iterator[ImageReference]:
    """Every IMAGE item below an item."""
    for child in item.get("ContentSequence", ()):
        if child.ValueType == "IMAGE":
            yield _image(child)
        yield from image_references(child)


def evidence(report: Dataset) -> set[tuple[str, str, str]]:
    """(Series Instance UID, SOP Class UID, SOP Instance UID) of all evidence of the document's own study."""
    return {
        (str(series.SeriesInstanceUID), str(item.ReferencedSOPClassUID), str(item.ReferencedSOPInstanceUID))
        for study in report.get("CurrentRequestedProcedureEvidenceSequence", ())
        if study.StudyInstanceUID == report.StudyInstanceUID
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }


def concept(sequence: Sequence[Dataset]) -> Concept:
    """The code in a code sequence."""
    return str(sequence[0].CodingSchemeDesignator), str(sequence[0].CodeValue)


def _items(parent: Dataset, *names: Concept) -> list[Dataset]:
    return [item for item in parent.ContentSequence if concept(item.ConceptNameCodeSequence) in names]


def _group(group: Dataset) -> MeasurementGroup:
    segments = _items(group, _SEGMENT)
    series = _items(group, _SOURCE_SERIES)
    return MeasurementGroup(
        tracking_identifier=str(_items(group, _TRACKING_IDENTIFIER)[0].TextValue),
        tracking_uid=str(_items(group, _TRACKING_UID)[0].UID),
        finding=concept(_items(group, _FINDING)[0].ConceptCodeSequence),
        sites=[(concept(site.ConceptCodeSequence), _modifier(site, _LATERALITY)) for site in _items(group, _SITE)],
        algorithm=[str(item.TextValue) for item in _items(group, *_ALGORITHM)],
        numbers=[_number(item) for item in group.ContentSequence if item.ValueType == "NUM"],
        segment=_image(segments[0]) if segments else None,
        source_series=str(series[0].UID) if series else "",
        images=[_image(item) for item in _items(group, _SOURCE_OF_MEASUREMENT)],
        comments=[str(item.TextValue) for item in _items(group, _COMMENT)],
    )


def _number(item: Dataset) -> Number:
    measured = item.MeasuredValueSequence[0]
    lines = [child for child in item.get("ContentSequence", ()) if child.ValueType == "SCOORD"]
    return Number(
        name=concept(item.ConceptNameCodeSequence),
        derivation=_modifier(item, _DERIVATION),
        unit=concept(measured.MeasurementUnitsCodeSequence),
        value=float(measured.NumericValue),
        line=_line(lines[0]) if lines else None,
    )


def _modifier(item: Dataset, name: Concept) -> Concept | None:
    found = _items(item, name) if "ContentSequence" in item else []
    if len(found) > 1:
        raise ValueError(f"{len(found)} modifiers of one concept")
    return concept(found[0].ConceptCodeSequence) if found else None


def _line(item: Dataset) -> Line:
    values = [float(value) for value in item.GraphicData]
    return Line(points=tuple(zip(values[::2], values[1::2], strict=True)), image=next(image_references(item)))


def _image(item: Dataset) -> ImageReference:
    reference = item.ReferencedSOPSequence[0]
    return ImageReference(
        sop_class_uid=str(reference.ReferencedSOPClassUID),
        sop_instance_uid=str(reference.ReferencedSOPInstanceUID),
        frames=tuple(integers(reference, "ReferencedFrameNumber")),
        segments=tuple(integers(reference, "ReferencedSegmentNumber")),
    )
