"""Whether an object is what its SOP class promises."""

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from clara_stages.dicom_writer.gate.iod import object_faults
from clara_stages.dicom_writer.gate.module_tables import tables_for
from tests.support.data import case

SOP_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.66.4": "SEG",
    "1.2.840.10008.5.1.4.1.1.66.7": "Label Map SEG",
    "1.2.840.10008.5.1.4.1.1.481.3": "RTSTRUCT",
    "1.2.840.10008.5.1.4.1.1.88.22": "Enhanced SR",
    "1.2.840.10008.5.1.4.1.1.88.33": "Comprehensive SR",
    "1.2.840.10008.5.1.4.1.1.88.34": "Comprehensive 3D SR",
    "1.2.840.10008.5.1.4.1.1.2": "CT",
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.128": "PET",
    "1.2.840.10008.5.1.4.1.1.7": "SC",
    "1.2.840.10008.5.1.4.1.1.7.4": "multi-frame SC",
    "1.2.840.10008.5.1.4.1.1.104.1": "PDF",
    "1.2.840.10008.5.1.4.1.1.88.59": "KOS",
}


@pytest.mark.parametrize("uid", SOP_CLASSES, ids=SOP_CLASSES.values())
def test_every_object_that_is_written_has_rules(uid):
    tables = tables_for(uid)
    assert {tag for tag, _ in tables.root.required()} >= {0x00080016, 0x00080018, 0x0020000D, 0x0020000E}


def names_after(results, change, output="seg"):
    dataset = results.dataset(output)
    change(dataset)
    return {(fault.name, fault.where) for fault in object_faults(dataset)}


@pytest.mark.parametrize("output", ["seg", "rtstruct", "sr"])
def test_a_good_object_has_no_fault(results_of, output):
    assert set(object_faults(results_of(outputs=("seg", "rtstruct", "sr")).dataset(output))) == set()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda d: d.pop("SegmentationType"), ("missing_type_1", "SegmentationType")),
        (lambda d: setattr(d, "ContentLabel", ""), ("empty_type_1", "ContentLabel")),
        (lambda d: setattr(d, "ContentLabel", "  "), ("empty_type_1", "ContentLabel")),
        (lambda d: d.pop("PatientBirthDate"), ("missing_type_2", "PatientBirthDate")),
        (lambda d: d.SegmentSequence[1].pop("SegmentLabel"), ("missing_type_1", "SegmentSequence > SegmentLabel")),
        (
            lambda d: setattr(d.SegmentSequence[1].SegmentedPropertyTypeCodeSequence[0], "CodeMeaning", ""),
            ("empty_type_1", "SegmentSequence > SegmentedPropertyTypeCodeSequence > CodeMeaning"),
        ),
        (
            lambda d: d.SegmentSequence[1].SegmentedPropertyTypeCodeSequence[0].pop("CodingSchemeDesignator"),
            ("incomplete_code", "SegmentSequence > SegmentedPropertyTypeCodeSequence"),
        ),
        (
            lambda d: d.SegmentSequence[0].pop("SegmentAlgorithmName"),
            ("missing_conditional", "SegmentSequence > SegmentAlgorithmName"),
        ),
        (lambda d: setattr(d, "SegmentSequence", Items()), ("empty_type_1", "SegmentSequence")),
        (
            lambda d: setattr(d, "DimensionIndexSequence", Items()),
            ("missing_conditional", "DimensionIndexSequence"),
        ),
        (lambda d: d.pop("PixelData"), ("missing_conditional", "PixelData")),
        (lambda d: setattr(d, "NumberOfFrames", 3), ("functional_group", "PerFrameFunctionalGroupsSequence")),
        (
            lambda d: d.SharedFunctionalGroupsSequence[0].pop("PixelMeasuresSequence"),
            ("functional_group", "PerFrameFunctionalGroupsSequence > PixelMeasuresSequence"),
        ),
        (
            lambda d: d.PerFrameFunctionalGroupsSequence[3].pop("PlanePositionSequence"),
            ("functional_group", "PerFrameFunctionalGroupsSequence > PlanePositionSequence"),
        ),
        (lambda d: setattr(d, "PatientIdentityRemoved", "YES"), ("missing_conditional", "DeidentificationMethod")),
        (lambda d: setattr(d, "LossyImageCompression", "01"), ("missing_conditional", "LossyImageCompressionRatio")),
        (lambda d: setattr(d, "SegmentationType", "FRACTIONAL"), ("missing_conditional", "MaximumFractionalValue")),
        (lambda d: setattr(d, "ClinicalTrialSponsorName", "X"), ("missing_type_1", "ClinicalTrialProtocolID")),
    ],
)  # fmt: skip
def test_what_a_segmentation_lacks_is_named_with_its_path(results_of, change, fault):
    assert fault in names_after(results_of(), change)


@pytest.mark.parametrize(
    ("keyword", "value", "name"),
    [
        ("SegmentationType", "binary", "invalid_value"),
        ("SegmentationType", "TERNARY", "enumerated_value"),
        ("ContentDate", "20211301", "invalid_value"),
        ("ContentTime", "2561", "invalid_value"),
        ("StudyID", "x" * 17, "invalid_value"),
        ("PatientID", "x" * 65, "invalid_value"),
        ("PatientName", "a^b^c^d^e^f", "invalid_value"),
        ("PatientAge", "0Y", "invalid_value"),
        ("SeriesInstanceUID", "1.2.03", "invalid_value"),
        ("ContentDescription", "line\nline", "invalid_value"),
        ("ImageType", "DERIVED", "wrong_vm"),
        ("Rows", [1, 2], "wrong_vm"),
    ],
)
def test_a_value_that_breaks_a_rule_is_named(results_of, tmp_path, keyword, value, name):
    results = results_of()
    findings = results.after("seg", lambda dataset: setattr(dataset, keyword, value))
    assert (name, keyword) in {(finding.name, finding.message.split()[0]) for finding in findings}


@pytest.mark.parametrize(
    ("change", "keyword"),
    [
        (lambda item: item.pop("ConceptNameCodeSequence", None), "ConceptNameCodeSequence"),
        (lambda item: setattr(item, "RelationshipType", "BELONGS TO"), "RelationshipType"),
        (lambda item: setattr(item, "ValueType", "NUMBER"), "ValueType"),
        (lambda item: item.pop("MeasuredValueSequence", None), "MeasuredValueSequence"),
    ],
)
def test_a_content_item_that_lacks_what_its_type_wants_is_named(results_of, change, keyword):
    def alter(item: Dataset):
        for child in item.get("ContentSequence", []):
            alter(child)
            if child.ValueType == "NUM":
                change(child)
                return

    faults = names_after(results_of(outputs=("seg", "rtstruct", "sr")), alter, "sr")
    assert any(name == "sr_content" and where.endswith(keyword) for name, where in faults)


def test_a_fault_of_the_source_is_inherited_and_the_same_one_without_it_is_ours(results_of, errors_of):
    findings = results_of(change=lambda _, dataset: setattr(dataset, "StudyID", "x" * 17)).examine()
    assert [str(finding.severity) for finding in findings if finding.name == "invalid_value"] == ["inherited"]
    assert "invalid_value" in errors_of(results_of().after("seg", lambda d: setattr(d, "StudyID", "x" * 17)))


def test_the_file_meta_information_names_the_object(results_of):
    results = results_of()
    results.after("seg", lambda dataset: None)
    path = results.folder / "altered" / results.files["seg"][0].name
    data = path.read_bytes()
    uid = str(results.dataset("seg").SOPInstanceUID).encode()
    path.write_bytes(data.replace(uid, uid[:-1] + b"0", 1))
    from clara_stages.dicom_writer.gate.gate import examine

    assert any(
        "Media Storage SOP Instance UID is not" in item.message for item in examine({"seg": [path]}, results.job)
    )


@pytest.mark.data
def test_real_objects_of_scanners_have_few_faults():
    from pydicom import dcmread

    found = {}
    for name in ("ct-abdomen", "mr-prostate"):
        path = next(path for path in sorted(case(name).rglob("*.dcm")))
        found[name] = {(fault.name, fault.where) for fault in object_faults(dcmread(path))}
    assert found == {"ct-abdomen": set(), "mr-prostate": {("missing_type_2", "ReferringPhysicianName")}}
