"""Whether references lead where they say."""

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from clara_stages.dicom_writer.inputs.predecessor import Predecessor


def first_source(dataset, frame=0):
    return dataset.PerFrameFunctionalGroupsSequence[frame].DerivationImageSequence[0].SourceImageSequence[0]


def test_good_references_are_no_finding(results_of):
    assert results_of(outputs=("seg", "rtstruct", "sr")).examine() == []


@pytest.mark.parametrize(
    ("keyword", "value", "name"),
    [
        ("ReferencedSOPInstanceUID", "1.2.3.99", "dangling_reference"),
        ("ReferencedSOPClassUID", "1.2.840.10008.5.1.4.1.1.4", "wrong_sop_class"),
        ("ReferencedFrameNumber", 2, "wrong_frame_number"),
    ],
)
def test_a_wrong_reference_of_a_frame_is_named(results_of, errors_of, keyword, value, name):
    findings = results_of().after("seg", lambda dataset: setattr(first_source(dataset), keyword, value))
    assert name in errors_of(findings)


def test_a_reference_to_an_instance_that_is_not_listed_is_named(results_of, errors_of):
    def forget(dataset):
        images = dataset.ReferencedSeriesSequence[0].ReferencedInstanceSequence
        wanted = first_source(dataset).ReferencedSOPInstanceUID
        dataset.ReferencedSeriesSequence[0].ReferencedInstanceSequence = [
            item for item in images if item.ReferencedSOPInstanceUID != wanted
        ]

    assert "unlisted_reference" in errors_of(results_of().after("seg", forget))


def test_the_wrong_series_and_study_of_a_reference_are_named(results_of, errors_of):
    def series(dataset):
        dataset.ReferencedSeriesSequence[0].SeriesInstanceUID = "1.2.3.99"

    def study(dataset):
        dataset.CurrentRequestedProcedureEvidenceSequence[0].StudyInstanceUID = "1.2.3.99"

    results = results_of(outputs=("seg", "rtstruct", "sr"))
    assert {"wrong_series", "dangling_reference"} <= errors_of(results.after("seg", series))
    assert "wrong_study" in errors_of(results.after("sr", study))


def test_a_frame_that_the_source_does_not_have_is_named_with_its_count(results_of):
    findings = results_of("enhanced").after(
        "seg", lambda dataset: setattr(first_source(dataset), "ReferencedFrameNumber", 15)
    )
    assert any("names frame 15, the instance has frames 1..14" in finding.message for finding in findings)


def test_a_reference_to_a_multiframe_source_says_which_frame(results_of, errors_of):
    findings = results_of("enhanced").after(
        "seg", lambda dataset: delattr(first_source(dataset), "ReferencedFrameNumber")
    )
    assert "missing_frame_number" in errors_of(findings)


def test_a_segment_that_the_segmentation_does_not_have_is_named(results_of):
    def renumber(item: Dataset):
        for reference in item.get("ReferencedSOPSequence", []):
            if "ReferencedSegmentNumber" in reference:
                reference.ReferencedSegmentNumber = 9
        for child in item.get("ContentSequence", []):
            renumber(child)

    findings = results_of(outputs=("seg", "rtstruct", "sr")).after("sr", renumber)
    assert any("names segment 9, the instance has segments 1..3" in finding.message for finding in findings)


def test_frames_of_a_segment_that_is_not_described_are_named(results_of):
    def renumber(dataset):
        group = dataset.PerFrameFunctionalGroupsSequence[0]
        group.SegmentIdentificationSequence[0].ReferencedSegmentNumber = 9

    findings = results_of().after("seg", renumber)
    assert any("frames belong to segment 9, the object describes segments 1..3" in item.message for item in findings)


def test_a_predecessor_is_a_known_series_and_no_other_is(results_of, errors_of):
    earlier = Predecessor(
        study_instance_uid="1.2.3", series_instance_uid="1.2.3.77",
        instances=(("1.2.840.10008.5.1.4.1.1.66.4", "1.2.3.77.1"),),
    )  # fmt: skip
    study = results_of().job.source.first.StudyInstanceUID
    earlier = Predecessor(**{**vars(earlier), "study_instance_uid": str(study)})
    results = results_of(predecessors={"seg": earlier})
    assert "RelatedSeriesSequence" in results.dataset("seg")
    assert results.examine() == []

    def another(dataset):
        dataset.RelatedSeriesSequence[0].SeriesInstanceUID = "1.2.3.78"

    assert "dangling_reference" in errors_of(results.after("seg", another))


def test_a_file_in_implicit_vr_is_looked_at_as_closely(results_of, errors_of):
    def change(dataset):
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        dataset.ROIContourSequence[0].ContourSequence[0].ContourImageSequence[0].ReferencedSOPInstanceUID = "1.2.3.99"
        dataset.StructureSetROISequence[1].ReferencedFrameOfReferenceUID = "1.2.3.99"
        dataset.StructureSetROISequence[1].ROIName = " "
        dataset.RTROIObservationsSequence[0].RTROIIdentificationCodeSequence[0].CodeMeaning = ""

    def implicit(dataset):
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian

    results = results_of(outputs=("seg", "rtstruct", "sr"))
    assert errors_of(results.after("rtstruct", implicit)) == set()
    assert errors_of(results.after("rtstruct", change)) >= {"dangling_reference", "frame_of_reference", "empty_type_1"}


def test_a_reference_that_the_source_makes_itself_is_not_ours(results_of):
    def add_reference(_, dataset):
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = "1.2.840.10008.3.1.2.3.1", "1.2.3.55"
        dataset.ReferencedStudySequence = [item]

    results = results_of(change=add_reference)
    assert "ReferencedStudySequence" in results.dataset("seg")
    assert results.examine() == []
