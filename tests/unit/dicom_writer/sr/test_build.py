"""What a measurement report says."""

from dataclasses import replace

import highdicom.sr
import numpy as np
import pytest

from clara_stages.dicom_writer.header.tracking import tracking
from clara_stages.dicom_writer.inputs.label_table import Code
from clara_stages.dicom_writer.inputs.predecessor import Predecessor
from clara_stages.dicom_writer.measurements import measure_segments
from clara_stages.dicom_writer.sr.build import build
from clara_stages.dicom_writer.sr.content import evidence
from tests.support.writing_sources import GEOMETRIES

WITH_SEG = [name for name in GEOMETRIES if name not in ("projection", "no_frame_of_reference")]


def change_labels(**fields):
    """A change of a job that gives its first label other fields."""

    def change(job):
        first, *others = job.segments.table.labels
        table = replace(job.segments.table, labels=(replace(first, **fields), *others))
        return replace(job, segments=replace(job.segments, table=table))

    return change


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_the_check_finds_nothing_wrong_in_any_geometry(geometry, write):
    assert write(geometry).findings == set()


@pytest.mark.parametrize("form", ["segment_stack", "probability_map"])
@pytest.mark.parametrize("geometry", ["axial", "tilted", "enhanced"])
def test_the_check_finds_nothing_wrong_in_any_form(form, geometry, write):
    assert write(geometry, form=form).findings == set()


@pytest.mark.parametrize("geometry", ["axial", "tilted", "enhanced_4d"])
def test_groups_refer_to_their_segments_and_to_the_source_series(geometry, write):
    report = write(geometry)
    (segmentation,) = report.job.written["seg"]
    for group, label in zip(report.groups, report.job.segments.table.labels, strict=True):
        assert group.segment.sop_instance_uid == segmentation.SOPInstanceUID
        assert group.segment.segments == (label.segment_number,)
        assert group.source_series == report.job.source.first.SeriesInstanceUID
        assert (group.tracking_identifier, group.tracking_uid) == tracking(report.job, label)
    assert report.warnings == []


@pytest.mark.parametrize("geometry", ["no_frame_of_reference", "projection"])
def test_without_a_segmentation_groups_refer_to_the_images_and_a_warning_says_so(geometry, write):
    report = write(geometry)
    assert report.warnings == [
        "the report refers to images only, not to segments: this run writes no segmentation object"
    ]
    for group, measured in zip(report.groups, measure_segments(report.job), strict=True):
        assert group.segment is None
        assert len(group.images) == sum(pixels > 0 for pixels in measured.slice_pixels)


def test_images_of_a_multi_frame_source_are_named_by_their_frames(write):
    report = write("enhanced", with_seg=False)
    (first, *_), (measured, *_) = report.groups, measure_segments(report.job)
    frames = [report.job.source.slices[index].frame for index, n in enumerate(measured.slice_pixels) if n]
    assert [image.frames for image in first.images] == [tuple(sorted(frames))]
    assert report.findings == set()


def test_highdicom_reads_the_report_with_the_values_measured(write):
    report = write("oblique")
    content = highdicom.sr.srread(report.path).content
    groups = content.get_volumetric_roi_measurement_groups()
    for group, measured in zip(groups, measure_segments(report.job), strict=True):
        (volume,) = group.get_measurements(name=highdicom.sr.CodedConcept("118565006", "SCT", "Volume"))
        assert volume.value == pytest.approx(measured.volume_ml, rel=1e-5)
        assert group.finding_sites[0].value.value == measured.label.type.value


def test_each_measurement_has_a_code_of_its_own(write):
    (group, *_) = write().groups
    codes = [(number.name, number.derivation) for number in group.numbers]
    assert len(set(codes)) == len(codes) == 7
    assert codes[:3] == [(("SCT", "118565006"), None), (("SCT", "103339001"), None), (("IBSI", "L0JK"), None)]


@pytest.mark.parametrize(
    ("modality", "unit", "name"), [("CT", "[hnsf'U]", ("DCM", "112031")), ("MR", "1", ("DCM", "110852"))]
)
def test_values_are_in_the_unit_of_the_volume(modality, unit, name, write):
    report = write(modality=modality)
    found = {(number.unit, number.name) for number in report.groups[0].numbers if number.derivation}
    assert found == {(("UCUM", unit), name)}
    assert report.findings == set()


@pytest.mark.parametrize(
    ("unit", "name"),
    [("{SUVbw}g/ml", ("DCM", "126401")), ("Bq/ml", ("DCM", "110821")), ("mm2/s", ("99CLARA", "VOXELVALUE"))],
)
def test_other_units_have_their_own_quantity(unit, name, write):
    def change(job):
        return replace(job, volume=replace(job.volume, document=replace(job.volume.document, unit=unit)))

    report = write(change=change)
    found = {(number.unit, number.name) for number in report.groups[0].numbers if number.derivation}
    assert found == {(("UCUM", unit), name)}
    assert report.findings == set()


def test_a_structure_is_a_site_with_its_side(write):
    liver, kidney, _ = write().groups
    assert (liver.finding, liver.sites) == (("SCT", "123037004"), [(("SCT", "10200004"), None)])
    assert kidney.sites == [(("SCT", "64033007"), ("SCT", "7771000"))]


def test_a_lesion_is_a_finding_in_its_region_which_has_the_side(write):
    change = change_labels(
        category=Code(scheme="SCT", value="49755003", meaning="Morphologically Altered Structure"),
        type=Code(scheme="SCT", value="108369006", meaning="Neoplasm"),
        anatomic_region=Code(scheme="SCT", value="64033007", meaning="Kidney"),
        laterality=Code(scheme="SCT", value="24028007", meaning="Right"),
    )
    report = write(change=change)
    assert report.groups[0].finding == ("SCT", "108369006")
    assert report.groups[0].sites == [(("SCT", "64033007"), ("SCT", "24028007"))]
    assert report.findings == set()


def test_a_lesion_without_a_region_has_no_site(write):
    change = change_labels(
        category=Code(scheme="SCT", value="49755003", meaning="Morphologically Altered Structure"),
        type=Code(scheme="SCT", value="108369006", meaning="Neoplasm"),
    )
    report = write(change=change)
    assert (report.groups[0].finding, report.groups[0].sites) == (("SCT", "108369006"), [])
    assert report.findings == set()


def test_the_algorithm_is_named_with_its_digest_unless_a_person_drew_the_segment(write):
    drawn, made, _ = write(change=change_labels(algorithm_type="MANUAL")).groups
    assert drawn.algorithm == []
    assert made.algorithm == ["ct_organ_seg", "1.0.0", f"digest={'ab' * 32}"]


def blank_a_voxel(job):
    values = np.array(job.volume.values, dtype=np.float32)
    values[tuple(np.argwhere(job.segments.mask(1))[0])] = np.nan
    return replace(job, volume=replace(job.volume, values=values))


def test_a_segment_with_a_voxel_of_no_value_has_no_statistics_and_is_warned_of(write):
    report = write(change=blank_a_voxel)
    assert report.dataset.CompletionFlag == "PARTIAL"
    assert report.warnings == ["segment 1 has voxels whose value is not finite: no statistics, the report is PARTIAL"]
    assert report.findings == set()


def test_a_report_is_unverified_and_partial_where_something_could_not_be_measured(write):
    whole, part = write().dataset, write(with_volume=False).dataset
    assert (whole.CompletionFlag, whole.VerificationFlag, whole.PreliminaryFlag) == (
        "COMPLETE", "UNVERIFIED", "PRELIMINARY",
    )  # fmt: skip
    assert part.CompletionFlag == "PARTIAL"


def test_without_a_volume_only_sizes_are_reported(write):
    report = write(with_volume=False)
    assert all(number.derivation is None for group in report.groups for number in group.numbers)
    assert report.findings == set()


def test_a_segment_that_was_not_found_is_reported_with_no_volume_where_it_is_kept(write):
    def keep(job):
        return replace(job, params=replace(job.params, empty_segments="keep"))

    report = write(empty=("left kidney",), change=keep)
    assert [(n.name, n.value) for n in report.groups[2].numbers] == [(("SCT", "118565006"), 0.0)]
    assert report.findings == set()


def test_where_nothing_was_found_there_is_no_report(report_jobs):
    job = report_jobs("axial", frozenset({("empty", ("liver", "left kidney", "aorta"))}))
    assert list(build(job)) == []


def test_evidence_is_every_source_image_and_the_segmentation(write):
    report = write()
    uids = {uid for _, _, uid in evidence(report.dataset)}
    expected = [*report.job.source.instances, *report.job.written["seg"]]
    assert uids == {dataset.SOPInstanceUID for dataset in expected}


def test_an_earlier_report_is_named_as_predecessor(write):
    earlier = Predecessor(study_instance_uid="1.2", series_instance_uid="1.2.3", instances=(("1.2.840.1", "1.2.3.4"),))
    report = write(change=lambda job: replace(job, predecessors={"sr": earlier}))
    (study,) = report.dataset.PredecessorDocumentsSequence
    assert study.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "1.2.3.4"
    assert report.findings == set()


def test_equal_jobs_make_equal_bytes(write):
    first, second = (write("tilted", change=lambda job: job).path for _ in range(2))
    assert first.read_bytes() == second.read_bytes()


def test_the_observer_is_the_same_device_in_every_run(write):
    def uid(report):
        items = report.dataset.ContentSequence
        return next(item.UID for item in items if item.ConceptNameCodeSequence[0].CodeValue == "121012")

    def other_run(job):
        return replace(job, request=replace(job.request, stage_key="another"))

    first, second = write(), write(change=other_run)
    assert uid(first) == uid(second)
    assert first.dataset.SOPInstanceUID != second.dataset.SOPInstanceUID


def test_a_long_name_in_another_script_is_kept(write):
    report = write(change=change_labels(name="肝臓 " * 40))
    assert report.groups[0].tracking_identifier.startswith("肝臓 肝臓")
    assert report.findings == set()
