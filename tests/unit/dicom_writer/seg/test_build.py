"""What a written segmentation holds."""

from dataclasses import replace

import numpy as np
import pytest
from highdicom.color import CIELabColor
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, SegmentationStorage

from clara_stages.dicom_writer.header.tracking import tracking
from clara_stages.dicom_writer.seg.build import build
from clara_stages.dicom_writer.seg.check import check
from clara_stages.kit import BadInputError
from tests.support.writing import BODIES, make_job

PLACED = ["axial", "oblique", "sagittal", "coronal", "feet_first", "tilted", "enhanced", "enhanced_4d", "uneven"]

LABEL_MAP_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.7"


def segment_numbers(dataset):
    groups = dataset.PerFrameFunctionalGroupsSequence
    return [int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber) for group in groups]


def references(dataset):
    """(SOP Instance UID, frame number) of the one source image of each frame."""
    found = []
    for group in dataset.PerFrameFunctionalGroupsSequence:
        (derivation,) = group.DerivationImageSequence
        (item,) = derivation.SourceImageSequence
        found.append((item.ReferencedSOPInstanceUID, item.get("ReferencedFrameNumber")))
    return found


@pytest.mark.parametrize("geometry", PLACED)
def test_a_frame_for_each_segment_and_source_slice_that_has_it(write, geometry):
    written = write(geometry)
    source, segments = written.job.source, written.job.segments
    expected = [
        (label.segment_number, index, source.on_slice(segments.mask(label.segment_number), index))
        for label in segments.table.labels
        for index in range(len(source.slices))
    ]
    expected = [row for row in expected if row[2].any()]
    assert segment_numbers(written.dataset) == [number for number, _, _ in expected]
    slices = [source.slices[index] for _, index, _ in expected]
    assert references(written.dataset) == [(item.sop_instance_uid, item.frame) for item in slices]
    np.testing.assert_array_equal(written.dataset.pixel_array, [mask for _, _, mask in expected])
    for group, item in zip(written.dataset.PerFrameFunctionalGroupsSequence, slices, strict=True):
        np.testing.assert_allclose(group.PlanePositionSequence[0].ImagePositionPatient, item.position_lps_mm, atol=1e-6)


@pytest.mark.parametrize("geometry", PLACED)
@pytest.mark.parametrize("form", ["label_map", "segment_stack", "probability_map"])
def test_what_is_written_is_found_right(write, geometry, form):
    assert write(geometry, form=form).findings_in_full == []


@pytest.mark.parametrize("geometry", ["oblique", "tilted", "enhanced_4d"])
@pytest.mark.parametrize("form", ["label_map", "segment_stack"])
def test_a_label_map_of_every_form_is_found_right(write, geometry, form):
    written = write(geometry, form=form, bodies=BODIES[:2], params={"segmentation_type": "LABELMAP"})
    assert written.dataset.SOPClassUID == LABEL_MAP_SEGMENTATION
    assert (written.dataset.BitsAllocated, written.dataset.SegmentsOverlap) == (8, "NO")
    assert written.findings_in_full == []


@pytest.mark.parametrize("form", ["label_map", "probability_map"])
def test_equal_jobs_make_equal_bytes(tmp_path, form):
    files = []
    for name in ("one", "two"):
        ((_, result),) = build(make_job(tmp_path / name, "enhanced", form=form))
        result.save_as(tmp_path / f"{name}.dcm", enforce_file_format=True)
        files.append((tmp_path / f"{name}.dcm").read_bytes())
    assert files[0] == files[1]


def test_uids_are_derived_and_the_dimension_organization_is_one(write):
    written = write()
    dataset, uid = written.dataset, written.job.uid
    assert dataset.SOPInstanceUID == uid("seg instance")
    assert dataset.SeriesInstanceUID == uid("seg series")
    named = {item.DimensionOrganizationUID for item in dataset.DimensionIndexSequence}
    assert named == {dataset.DimensionOrganizationSequence[0].DimensionOrganizationUID} == {uid("seg dimensions")}
    assert dataset.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian


def test_bits_are_packed_across_frames(write):
    """A frame of 25 x 21 ends inside a byte, and so does the last one."""
    written = write(shape=(25, 21, 14))
    dataset = written.dataset
    assert dataset.BitsAllocated == 1
    assert len(dataset.PixelData) == (25 * 21 * dataset.NumberOfFrames + 15) // 16 * 2
    assert written.findings_in_full == []


def test_segments_carry_codes_colour_tracking_and_algorithm(write):
    written = write()
    liver, kidney, _ = written.dataset.SegmentSequence
    assert (liver.SegmentNumber, liver.SegmentLabel, liver.SegmentAlgorithmType) == (1, "liver", "AUTOMATIC")
    assert liver.SegmentedPropertyTypeCodeSequence[0].CodeValue == "10200004"
    assert liver.SegmentedPropertyCategoryCodeSequence[0].CodeMeaning == "Anatomical Structure"
    assert tuple(liver.RecommendedDisplayCIELabValue) == CIELabColor.from_rgb(221, 130, 101).value
    label = written.job.segments.table.labels[0]
    assert (liver.TrackingID, liver.TrackingUID) == tracking(written.job, label)
    algorithm = liver.SegmentationAlgorithmIdentificationSequence[0]
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("ct_organ_seg", "1.0.0")
    assert algorithm.AlgorithmParameters == "digest=" + "ab" * 32
    assert algorithm.AlgorithmFamilyCodeSequence[0].CodeValue == "123110"
    side = kidney.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence[0]
    assert (side.CodingSchemeDesignator, side.CodeMeaning) == ("SCT", "Left")


def changed_labels(job, **changes):
    """The job with fields of its first label replaced."""
    table = job.segments.table
    labels = (replace(table.labels[0], **changes), *table.labels[1:])
    return replace(job, segments=replace(job.segments, table=replace(table, labels=labels)))


def test_the_side_belongs_to_the_region_where_there_is_one(tmp_path):
    job = make_job(tmp_path)
    kidney = job.segments.table.labels[1]
    ((_, result),) = build(changed_labels(job, laterality=kidney.laterality, anatomic_region=kidney.type))
    first = result.SegmentSequence[0]
    region = first.AnatomicRegionSequence[0]
    assert (region.CodeMeaning, region.AnatomicRegionModifierSequence[0].CodeMeaning) == ("Kidney", "Left")
    assert "SegmentedPropertyTypeModifierCodeSequence" not in first.SegmentedPropertyTypeCodeSequence[0]


def test_a_segment_drawn_by_hand_names_no_algorithm(tmp_path):
    """Segmentation Algorithm Identification Sequence is for AUTOMATIC and SEMIAUTOMATIC (PS3.3 C.8.20.4)."""
    ((_, result),) = build(changed_labels(make_job(tmp_path), algorithm_type="MANUAL"))
    first = result.SegmentSequence[0]
    assert first.SegmentAlgorithmType == "MANUAL"
    assert "SegmentationAlgorithmIdentificationSequence" not in first
    assert "SegmentAlgorithmName" not in first


def test_a_segment_of_unstated_origin_claims_no_machine(tmp_path):
    warnings: list[str] = []
    ((_, result),) = build(changed_labels(make_job(tmp_path, warnings=warnings), algorithm_type=""))
    assert result.SegmentSequence[0].SegmentAlgorithmType == "SEMIAUTOMATIC"
    assert any("segment 1 does not say who drew it" in warning for warning in warnings)


def test_the_result_says_what_it_is_for(write):
    dataset = write().dataset
    assert dataset.ContentLabel == "DEMONSTRATION"
    assert dataset.SeriesDescription == "Organs (demonstration)"
    assert dataset.ContentDescription == "Demonstration on phantoms only. Not for diagnosis, not for..."


def test_slice_thickness_is_taken_from_the_spacing_where_it_is_missing(write):
    def forget(_, dataset):
        del dataset.SliceThickness

    written = write(change=forget)
    measures = written.dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert (float(measures.SliceThickness), float(measures.SpacingBetweenSlices)) == (5.0, 5.0)
    assert "the source states no SliceThickness: 5.000 mm written, the distance between slices" in written.warnings


def test_the_thickness_of_a_single_image_is_not_called_a_distance(tmp_path):
    def forget(_, dataset):
        del dataset.SliceThickness

    warnings: list[str] = []
    list(build(make_job(tmp_path, change=forget, shape=(40, 30, 1), reader={"images": True}, warnings=warnings)))
    (warning,) = [text for text in warnings if "SliceThickness" in text]
    assert "the pixel spacing, because it must have one; no volume may be computed with it" in warning


@pytest.mark.parametrize(
    ("geometry", "found"), [("tilted", "are tilted by 14.0 degrees"), ("uneven", "lie 2.50 to 5.00 mm apart")]
)
def test_slices_that_are_no_even_upright_stack_are_told(write, geometry, found):
    assert any(f"the slices of the source {found}" in warning for warning in write(geometry).warnings)


def test_slice_thickness_of_frames_stands_in_their_groups(write):
    written = write("enhanced")
    assert float(written.dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SliceThickness) == 5.0
    assert written.warnings == []


def test_a_lossy_source_makes_a_lossy_result(write):
    def compress(index, dataset):
        if index == 3:
            dataset.LossyImageCompression = "01"
            dataset.LossyImageCompressionRatio = "8"
            dataset.LossyImageCompressionMethod = "ISO_10918_1"

    dataset = write(change=compress).dataset
    assert (dataset.LossyImageCompression, dataset.LossyImageCompressionMethod) == ("01", "ISO_10918_1")
    assert write().dataset.LossyImageCompression == "00"


def test_every_instance_of_the_source_is_named_once(write):
    written = write()
    (series,) = written.dataset.ReferencedSeriesSequence
    named = [item.ReferencedSOPInstanceUID for item in series.ReferencedInstanceSequence]
    assert named == [item.sop_instance_uid for item in written.job.source.slices]


def test_one_time_point_of_a_multi_frame_source_names_its_frames(write):
    written = write("enhanced_4d")
    (series,) = written.dataset.ReferencedSeriesSequence
    (instance,) = series.ReferencedInstanceSequence
    (image,) = written.dataset.SourceImageSequence
    assert instance.ReferencedSOPInstanceUID == image.ReferencedSOPInstanceUID
    assert list(image.ReferencedFrameNumber) == list(range(15, 29))
    assert "ReferencedFrameNumber" not in write("enhanced").dataset.SourceImageSequence[0]


def test_tilted_slices_are_written_as_the_scanner_made_them(write):
    written = write("tilted")
    positions = [group.PlanePositionSequence[0].ImagePositionPatient for group in
                 written.dataset.PerFrameFunctionalGroupsSequence]  # fmt: skip
    aside = {round(float(position[1]), 3) for position in positions}
    assert len(aside) > 5
    assert "SpacingBetweenSlices" not in written.dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]


def test_overlapping_segments_keep_their_voxels_and_say_so(write):
    written = write(form="segment_stack")
    assert written.dataset.SegmentsOverlap == "YES"
    assert written.findings_in_full == []


def test_a_single_segment_stands_in_the_shared_groups(write):
    written = write(empty=("left kidney", "aorta"))
    shared = written.dataset.SharedFunctionalGroupsSequence[0]
    assert shared.SegmentIdentificationSequence[0].ReferencedSegmentNumber == 1
    assert written.dataset.DimensionOrganizationType == "3D"
    assert written.findings_in_full == []


def test_empty_segments_are_left_out(write):
    written = write(empty=("left kidney",))
    assert [item.SegmentLabel for item in written.dataset.SegmentSequence] == ["liver", "aorta"]
    assert written.findings_in_full == []


@pytest.mark.parametrize("form", ["label_map", "segment_stack", "probability_map"])
def test_empty_segments_are_kept_with_one_frame_of_zeros(write, form):
    written = write(form=form, empty=("left kidney",), params={"empty_segments": "keep"})
    assert [item.SegmentLabel for item in written.dataset.SegmentSequence] == ["liver", "aorta", "left kidney"]
    assert segment_numbers(written.dataset)[-2:] == [2, 3]
    assert not written.dataset.pixel_array[-1].any()
    assert written.findings_in_full == []


@pytest.mark.parametrize(
    ("form", "segmentation_type"),
    [("segment_stack", "BINARY"), ("probability_map", "FRACTIONAL"), ("probability_map", "BINARY")],
)
def test_an_empty_segment_takes_no_voxels_from_a_channel_that_is_not_its_own(tmp_path, form, segmentation_type):
    """A label without a voxel need not state a channel; channel 0 is what it has then, and the first segment's."""
    params = {"empty_segments": "keep", "segmentation_type": segmentation_type}
    made = make_job(tmp_path, form=form, empty=("aorta",), params=params)
    (absent,) = made.segments.table.absent
    table = replace(made.segments.table, absent=(replace(absent, channel=0),))
    job = replace(made, segments=replace(made.segments, table=table))
    ((name, result),) = build(job)
    assert segment_numbers(result)[-2:] == [2, 3]
    result.save_as(tmp_path / name, enforce_file_format=True)
    assert not dcmread(tmp_path / name).pixel_array[-1].any()
    assert list(check([tmp_path / name], job)) == []


@pytest.mark.parametrize(("segmentation_type", "frames"), [("BINARY", 3), ("LABELMAP", 1)])
def test_a_result_without_any_voxel_lists_what_was_looked_for(write, segmentation_type, frames):
    params = {"empty_segments": "keep", "segmentation_type": segmentation_type}
    written = write(empty=("liver", "left kidney", "aorta"), params=params)
    assert written.dataset.NumberOfFrames == frames
    assert not written.dataset.pixel_array.any()
    assert written.findings_in_full == []


def test_nothing_to_describe_is_refused(tmp_path):
    job = make_job(tmp_path, empty=("liver", "left kidney", "aorta"))
    with pytest.raises(BadInputError, match="no segment has a voxel"):
        list(build(job))


def test_fractional_values_are_probabilities(write):
    written = write(form="probability_map")
    dataset = written.dataset
    assert (dataset.SegmentationType, dataset.SegmentationFractionalType) == ("FRACTIONAL", "PROBABILITY")
    assert (dataset.MaximumFractionalValue, dataset.BitsAllocated, dataset.SOPClassUID) == (255, 8, SegmentationStorage)
    frame = segment_numbers(dataset).index(3)
    index = [item.sop_instance_uid for item in written.job.source.slices].index(references(dataset)[frame][0])
    channel = written.job.segments.table.by_number(3).channel
    expected = written.job.segments.values[:, :, index, channel].T
    np.testing.assert_allclose(dataset.pixel_array[frame] / 255, expected, atol=0.5 / 255 + 1e-6)
    assert {0, 255} < set(np.unique(dataset.pixel_array))


def test_many_segments_make_a_label_map_of_16_bits(write):
    written = write()
    job = written.job
    table = job.segments.table
    absent = tuple(replace(table.labels[0], segment_number=number, value=number, voxels=0) for number in range(4, 301))
    segments = replace(job.segments, table=replace(table, absent=absent))
    params = replace(job.params, segmentation_type="LABELMAP", empty_segments="keep")
    ((_, result),) = build(replace(job, segments=segments, params=params))
    result.save_as(written.path, enforce_file_format=True)
    dataset = dcmread(written.path)
    assert (dataset.BitsAllocated, len(dataset.SegmentSequence)) == (16, 301)
    assert set(np.unique(dataset.pixel_array)) == {0, 1, 2, 3}


def test_a_segment_between_source_slices_is_listed_and_warned_of(tmp_path):
    """Of a resampled volume not every plane is a source slice."""
    warnings: list[str] = []
    job = make_job(tmp_path, "uneven", warnings=warnings)
    assert job.source.origin_index is not None
    values = np.array(job.segments.values)
    on_slices = {int(np.floor(k + 0.5)) for k in job.source.origin_index[:, 2]}
    between = next(k for k in range(values.shape[2]) if k not in on_slices)
    values[values == 2] = 0
    values[5, 5, between] = 2
    ((_, result),) = build(replace(job, segments=replace(job.segments, values=values)))
    assert segment_numbers(result).count(2) == 1
    assert any(warning.startswith("segment 2 has") and "none on a source slice" in warning for warning in warnings)
