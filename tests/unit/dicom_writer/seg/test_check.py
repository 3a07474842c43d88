"""Planted faults: the check stops each one and names it."""

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.pixels.utils import pack_bits

from clara_stages.dicom_writer.seg.check import check


def group(dataset, frame=0):
    return dataset.PerFrameFunctionalGroupsSequence[frame]


def source_image(dataset, frame=0):
    return group(dataset, frame).DerivationImageSequence[0].SourceImageSequence[0]


def shift(dataset):
    for item in dataset.PerFrameFunctionalGroupsSequence:
        plane = item.PlanePositionSequence[0]
        plane.ImagePositionPatient = [plane.ImagePositionPatient[0] + 2.0, *plane.ImagePositionPatient[1:]]


def shift_a_little(dataset):
    plane = group(dataset).PlanePositionSequence[0]
    plane.ImagePositionPatient = [plane.ImagePositionPatient[0] + 0.05, *plane.ImagePositionPatient[1:]]


def turn(dataset):
    plane = dataset.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0]
    plane.ImageOrientationPatient = [-value for value in plane.ImageOrientationPatient]


def swap_spacing(dataset):
    measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    measures.PixelSpacing = measures.PixelSpacing[::-1]


def flip_a_bit(dataset):
    pixels = bytearray(dataset.PixelData)
    pixels[100] ^= 1
    dataset.PixelData = bytes(pixels)


def mirror(dataset):
    dataset.PixelData = pack_bits(dataset.pixel_array[:, :, ::-1])


def swap_labels(dataset):
    first, second = dataset.SegmentSequence[:2]
    first.SegmentNumber, second.SegmentNumber = 2, 1


def swap_codes(dataset):
    first, second = dataset.SegmentSequence[:2]
    first.SegmentedPropertyTypeCodeSequence, second.SegmentedPropertyTypeCodeSequence = (
        second.SegmentedPropertyTypeCodeSequence,
        first.SegmentedPropertyTypeCodeSequence,
    )


def other_side(dataset):
    code = dataset.SegmentSequence[1].SegmentedPropertyTypeCodeSequence[0]
    code.SegmentedPropertyTypeModifierCodeSequence[0].CodeValue = "24028007"


def other_colour(dataset):
    dataset.SegmentSequence[0].RecommendedDisplayCIELabValue = [30000, 30000, 30000]


def swap_numbers(dataset):
    for item in dataset.PerFrameFunctionalGroupsSequence:
        number = item.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        item.SegmentIdentificationSequence[0].ReferencedSegmentNumber = {1: 2, 2: 1}.get(number, number)


def other_frame_of_reference(dataset):
    dataset.FrameOfReferenceUID = "1.2.3.4"


def dangling_reference(dataset):
    source_image(dataset).ReferencedSOPInstanceUID = "1.2.3.4"


def neighbouring_reference(dataset):
    source_image(dataset, 0).ReferencedSOPInstanceUID = source_image(dataset, 1).ReferencedSOPInstanceUID


def forget_an_instance(dataset):
    del dataset.ReferencedSeriesSequence[0].ReferencedInstanceSequence[4]


def leave_out_the_last_frame(dataset):
    pixels = dataset.pixel_array[:-1]
    dataset.NumberOfFrames = len(pixels)
    del dataset.PerFrameFunctionalGroupsSequence[-1]
    dataset.PixelData = pack_bits(pixels)


def swap_index_values(dataset):
    first, second = (group(dataset, frame).FrameContentSequence[0] for frame in (0, 1))
    first.DimensionIndexValues, second.DimensionIndexValues = second.DimensionIndexValues, first.DimensionIndexValues


def forget_the_groups(dataset):
    del dataset.SharedFunctionalGroupsSequence


@pytest.mark.parametrize(
    ("fault", "names"),
    [
        (shift, {"frame_position", "voxels_differ"}),
        (shift_a_little, {"frame_position", "dimension_index"}),
        (turn, {"frame_orientation", "voxels_differ"}),
        (swap_spacing, {"pixel_spacing", "voxels_differ"}),
        (flip_a_bit, {"voxels_differ"}),
        (mirror, {"voxels_differ"}),
        (swap_labels, {"segment_meaning"}),
        (swap_codes, {"segment_meaning"}),
        (other_side, {"segment_meaning"}),
        (other_colour, {"segment_meaning"}),
        (swap_numbers, {"voxels_differ", "dimension_index", "missing_frames"}),
        (other_frame_of_reference, {"frame_of_reference"}),
        (dangling_reference, {"source_reference", "missing_frames"}),
        (neighbouring_reference, {"frame_position", "missing_frames", "duplicate_frames"}),
        (forget_an_instance, {"source_reference"}),
        (leave_out_the_last_frame, {"missing_frames"}),
        (swap_index_values, {"dimension_index"}),
        (forget_the_groups, {"unreadable"}),
    ],
)
def test_a_planted_fault_is_named(write, fault, names):
    written = write("oblique")
    written.change(fault)
    assert written.findings == names


@pytest.mark.parametrize("geometry", ["tilted", "uneven", "enhanced", "feet_first"])
def test_a_shifted_result_of_any_geometry_is_stopped(write, geometry):
    written = write(geometry)
    written.change(shift)
    assert {"frame_position", "voxels_differ"} <= written.findings


def test_another_frame_of_a_multi_frame_source_is_another_image(write):
    written = write("enhanced_4d")

    def first_time_point(dataset):
        source_image(dataset).ReferencedFrameNumber -= 14

    written.change(first_time_point)
    assert "source_reference" in written.findings


def test_the_voxels_that_differ_are_counted(write):
    written = write()
    written.change(flip_a_bit)
    (finding,) = written.findings_in_full
    assert finding.message == "1 pixels of segment 1, read back, differ from the voxels they lie on"


def test_a_fractional_value_may_be_off_by_half_a_step_only(write):
    written = write(form="probability_map")

    def one_step(dataset):
        pixels = bytearray(dataset.PixelData)
        place = pixels.index(max(pixels))
        pixels[place] -= 1
        dataset.PixelData = bytes(pixels)

    written.change(one_step)
    assert written.findings == {"voxels_differ"}


def test_a_wrong_number_in_a_label_map_is_found(write):
    written = write(params={"segmentation_type": "LABELMAP"})

    def swap(dataset):
        dataset.PixelData = np.array([0, 2, 1, 3], dtype=np.uint8)[dataset.pixel_array].tobytes()

    written.change(swap)
    assert written.findings == {"voxels_differ"}


def test_a_result_turned_and_written_turned_is_right(write):
    """Each slice upside down, with the geometry that belongs to it: only the source's own pixels are no longer met."""
    written = write("axial")

    def turn_both(dataset):
        plane = dataset.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0]
        plane.ImageOrientationPatient = [-value for value in plane.ImageOrientationPatient]
        dataset.PixelData = pack_bits(dataset.pixel_array[:, ::-1, ::-1])
        for item in dataset.PerFrameFunctionalGroupsSequence:
            position = item.PlanePositionSequence[0]
            x, y, z = position.ImagePositionPatient
            position.ImagePositionPatient = [x + 2.0 * (dataset.Columns - 1), y + 2.25 * (dataset.Rows - 1), z]

    written.change(turn_both)
    assert written.findings == {"frame_position", "frame_orientation"}


def test_a_file_that_is_none_is_a_finding(write):
    written = write()
    written.path.write_bytes(b"nothing")
    assert written.findings == {"unreadable"}
    assert {finding.name for finding in check([], written.job)} == {"unreadable"}


def test_the_check_changes_nothing(write):
    written = write()
    before = written.path.read_bytes()
    assert written.findings == set()
    assert written.path.read_bytes() == before
    assert dcmread(written.path).NumberOfFrames == written.dataset.NumberOfFrames
