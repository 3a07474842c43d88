"""What an object says of itself, altered so that a reader, a viewer or a planning system would be misled."""

import copy
from dataclasses import replace

import pytest

from clara_stages.dicom_writer.gate.finding import Severity
from clara_stages.dicom_writer.outputs import OUTPUTS
from tests.support.writing import BODIES

ALL = tuple(OUTPUTS)

TRANSLATED = tuple(replace(body, code=(body.code[0], f"Organ {place}")) for place, body in enumerate(BODIES))


def put(keyword, value):
    return lambda dataset: setattr(dataset, keyword, value)


def forget(keyword):
    return lambda dataset: dataset.pop(keyword, None)


def again(keyword):
    """The first item once more, in front: what reads the last item alone sees nothing."""

    def change(dataset):
        items = list(dataset[keyword].value)
        dataset[keyword].value = [copy.deepcopy(items[0]), *items]

    return change


def inside(path, change):
    """``change`` at the end of a path of sequences, each at its first item."""

    def apply(dataset):
        for keyword in path.split():
            dataset = dataset[keyword].value[0]
        change(dataset)

    return apply


def drop_our_mark(dataset):
    dataset.ContributingEquipmentSequence = list(dataset.ContributingEquipmentSequence)[:1]


def lengthen_document(dataset):
    dataset.EncapsulatedDocumentLength += 7


@pytest.mark.parametrize("output", ALL)
@pytest.mark.parametrize(
    "change",
    [
        put("Modality", "XX"),
        put("SeriesNumber", 1),
        put("SeriesInstanceUID", "1.2.3.99"),
        put("SOPInstanceUID", "1.2.3.99"),
        put("SeriesDate", "19990101"),
        put("InstanceCreationTime", "010203"),
        put("Manufacturer", "ACME"),
        forget("ContributingEquipmentSequence"),
        drop_our_mark,
    ],
)
def test_an_object_of_another_kind_series_moment_or_maker_is_stopped(results_of, errors_of, output, change):
    assert "wrong_header" in errors_of(results_of("axial", ALL).after(output, change))


@pytest.mark.parametrize(
    ("output", "change", "name"),
    [
        ("seg", put("ContentDate", "19990101"), "wrong_header"),
        ("seg", put("SeriesDescription", "Other organs"), "wrong_header"),
        ("seg", put("ImageType", ["ORIGINAL", "PRIMARY"]), "wrong_header"),
        ("seg", put("PhotometricInterpretation", "MONOCHROME1"), "pixel_description"),
        ("seg", put("HighBit", 1), "pixel_description"),
        ("seg", again("SegmentSequence"), "segment_meaning"),
        ("seg", inside("SegmentSequence", put("TrackingUID", "1.2.3.99")), "segment_meaning"),
        ("seg", inside("SegmentSequence", forget("SegmentationAlgorithmIdentificationSequence")), "algorithm"),
        ("seg", inside("SegmentSequence", put("SegmentAlgorithmName", "other")), "algorithm"),
        (
            "seg",
            inside("SegmentSequence SegmentationAlgorithmIdentificationSequence", put("AlgorithmVersion", "9")),
            "algorithm",
        ),
        (
            "seg",
            inside("SegmentSequence SegmentedPropertyTypeCodeSequence", put("CodeMeaning", "Spleen")),
            "code_meaning",
        ),
        (
            "seg",
            inside("SharedFunctionalGroupsSequence PixelMeasuresSequence", put("SpacingBetweenSlices", 2.5)),
            "slice_thickness",
        ),
        (
            "seg",
            inside("SharedFunctionalGroupsSequence PixelMeasuresSequence", put("SliceThickness", 9)),
            "slice_thickness",
        ),
        ("seg", inside("PerFrameFunctionalGroupsSequence", again("PlanePositionSequence")), "functional_group"),
        ("seg", again("SharedFunctionalGroupsSequence"), "functional_group"),
        ("rtstruct", put("ApprovalStatus", "APPROVED"), "approval_status"),
        ("rtstruct", forget("ApprovalStatus"), "approval_status"),
        ("rtstruct", put("StructureSetDate", "19990101"), "wrong_header"),
        ("rtstruct", again("ROIContourSequence"), "segment_meaning"),
        ("rtstruct", again("StructureSetROISequence"), "segment_meaning"),
        ("rtstruct", again("RTROIObservationsSequence"), "segment_meaning"),
        ("rtstruct", inside("RTROIObservationsSequence", put("RTROIInterpretedType", "PTV")), "segment_meaning"),
        (
            "rtstruct",
            inside("StructureSetROISequence", forget("ROIDerivationAlgorithmIdentificationSequence")),
            "algorithm",
        ),
        (
            "rtstruct",
            inside("RTROIObservationsSequence RTROIIdentificationCodeSequence", put("CodeMeaning", "Spleen")),
            "code_meaning",
        ),
        ("sr", put("ContentDate", "19990101"), "wrong_header"),
        ("sr", again("ConceptNameCodeSequence"), "sr_content"),
        ("sr", inside("ConceptNameCodeSequence", put("CodeValue", "126010")), "document_title"),
        ("sr", inside("ContentSequence ConceptNameCodeSequence", put("CodeValue", "WRONG")), "code_meaning"),
        ("sr", inside("ContentSequence ConceptCodeSequence", put("CodeMeaning", "Other")), "code_meaning"),
        ("key_object", inside("ConceptNameCodeSequence", put("CodeMeaning", "Rejected")), "code_meaning"),
        ("image", put("ImageType", ["ORIGINAL", "PRIMARY", "AXIAL"]), "wrong_header"),
        ("image", put("PhotometricInterpretation", "MONOCHROME1"), "pixel_description"),
        ("image", put("PatientPosition", "FFS"), "copied_attribute"),
        ("image", put("PatientPosition", None), "copied_attribute"),
        ("image", put("AcquisitionDate", "19990101"), "copied_attribute"),
        ("image", put("WindowCenter", 4000), "copied_attribute"),
        ("image", put("KVP", 80), "copied_attribute"),
        ("sc", put("DateOfSecondaryCapture", "19990101"), "wrong_header"),
        ("sc", put("ImageType", ["ORIGINAL", "PRIMARY"]), "wrong_header"),
        ("pdf", put("VerificationFlag", "VERIFIED"), "report_status"),
        ("pdf", forget("ConceptNameCodeSequence"), "document_title"),
        ("pdf", lengthen_document, "pdf_header"),
        ("pdf", forget("EncapsulatedDocumentLength"), "pdf_header"),
    ],
)
def test_an_altered_statement_is_stopped(results_of, errors_of, output, change, name):
    assert name in errors_of(results_of("axial", ALL).after(output, change))


def in_report(value_type, code, change):
    """``change`` of the first content item of a value type with a concept name."""

    def apply(dataset):
        found = (item for item in content_items(dataset) if item.ValueType == value_type)
        change(next(item for item in found if item.ConceptNameCodeSequence[0].CodeValue == code))

    return apply


def content_items(dataset):
    for item in dataset.get("ContentSequence") or ():
        yield item
        yield from content_items(item)


def measure_twice(item):
    """A mean that is also called a minimum."""
    (derivation,) = (child for child in item.ContentSequence if child.ValueType == "CODE")
    other = copy.deepcopy(derivation)
    other.ConceptCodeSequence[0].CodeValue, other.ConceptCodeSequence[0].CodeMeaning = "255605001", "Minimum"
    item.ContentSequence = [*item.ContentSequence, other]


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (in_report("NUM", "118565006", inside("MeasuredValueSequence", put("FloatingPointValue", 99.0))), "sr_content"),
        (in_report("NUM", "118565006", again("MeasuredValueSequence")), "sr_content"),
        (
            in_report("NUM", "118565006", inside("MeasuredValueSequence", again("MeasurementUnitsCodeSequence"))),
            "sr_content",
        ),
        (
            in_report("NUM", "112031", inside("ConceptNameCodeSequence", put("CodeValue", "126401"))),
            "measurement_unknown",
        ),
        (in_report("NUM", "112031", measure_twice), "report_structure"),
        (in_report("NUM", "111026", inside("MeasuredValueSequence", put("NumericValue", 9.0))), "source_reference"),
        (in_report("NUM", "110904", inside("MeasuredValueSequence", put("NumericValue", -1.0))), "source_reference"),
        (in_report("TEXT", "121106", put("TextValue", "spleen")), "segment_meaning"),
        (in_report("TEXT", "111001", put("TextValue", "another model")), "algorithm"),
        (in_report("TEXT", "111003", put("TextValue", "9")), "algorithm"),
        (in_report("SCOORD", "121055", put("GraphicType", "SQUARE")), "enumerated_value"),
        (inside("ContentTemplateSequence", put("TemplateIdentifier", "2000")), "report_structure"),
    ],
)
def test_an_altered_report_is_stopped(results_of, errors_of, change, name):
    assert name in errors_of(results_of("axial", ALL).after("sr", change))


def warn_of_identity(_, dataset):
    dataset.BurnedInAnnotation = dataset.RecognizableVisualFeatures = "YES"


@pytest.mark.parametrize("keyword", ["BurnedInAnnotation", "RecognizableVisualFeatures"])
def test_a_derived_image_keeps_what_warns_of_identity_in_the_pixels(results_of, errors_of, keyword):
    results = results_of("axial", ("image",), change=warn_of_identity)
    assert errors_of(results.examine()) == set()
    assert "copied_attribute" in errors_of(results.after("image", forget(keyword)))


def test_segments_that_overlap_may_not_be_said_not_to(results_of, errors_of):
    results = results_of("axial", ("seg",), form="segment_stack")
    assert errors_of(results.examine()) == set()
    assert "segments_overlap" in errors_of(results.after("seg", put("SegmentsOverlap", "NO")))


def test_a_label_table_may_call_a_code_by_its_own_word(results_of):
    results = results_of("axial", ("seg", "sr"), bodies=TRANSLATED)
    assert [item for item in results.examine() if item.severity is Severity.ERROR] == []
