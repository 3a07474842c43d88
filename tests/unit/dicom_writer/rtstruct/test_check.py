from dataclasses import replace

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.uid import CTImageStorage, MRImageStorage

from clara_stages.dicom_writer.rtstruct.check import check


@pytest.fixture
def faulty(job_of, write):
    """Writes a structure set, lets a function spoil it, and gives what the check finds: names and messages."""

    def spoil(change, geometry="axial", **options):
        job, _ = job_of(geometry, **options)
        path = write(job)
        dataset = dcmread(path)
        change(dataset)
        dataset.save_as(path, enforce_file_format=True)
        return [(finding.name, finding.message) for finding in check([path], job)]

    return spoil


def move(dataset, by_mm):
    for region in dataset.ROIContourSequence:
        for contour in region.ContourSequence:
            points = np.array(contour.ContourData, dtype=float).reshape(-1, 3) + by_mm
            contour.ContourData = [f"{value:.4f}" for value in points.ravel()]


def names(findings):
    return {name for name, _ in findings}


def test_contours_shifted_by_a_pixel_enclose_other_voxels(faulty):
    findings = faulty(lambda dataset: move(dataset, (2.0, 0, 0)))
    assert names(findings) == {"voxels_differ"}
    assert "the contours of ROI 1 enclose other voxels than the segment has" in findings[0][1]


@pytest.mark.parametrize("geometry", ["axial", "oblique", "tilted"])
def test_contours_beside_the_plane_of_their_image_are_found(faulty, geometry):
    findings = faulty(lambda dataset: move(dataset, (0, 0, 0.1)), geometry)
    assert names(findings) == {"contour_plane"}
    assert "mm from the plane of the image" in findings[0][1]


def test_contours_on_the_next_slice_are_beside_the_plane_they_name(faulty):
    assert names(faulty(lambda dataset: move(dataset, (0, 0, 5.0)))) == {"contour_plane"}


def test_contours_that_name_the_next_image_are_beside_its_plane(faulty):
    def rename(dataset):
        (frame,) = dataset.ReferencedFrameOfReferenceSequence
        images = frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence[0].ContourImageSequence
        following = {
            image.ReferencedSOPInstanceUID: after.ReferencedSOPInstanceUID
            for image, after in zip(images, [*images[1:], images[0]], strict=True)
        }
        for contour in dataset.ROIContourSequence[0].ContourSequence:
            (image,) = contour.ContourImageSequence
            image.ReferencedSOPInstanceUID = following[image.ReferencedSOPInstanceUID]

    assert names(faulty(rename)) == {"contour_plane"}


def test_mirrored_contours_are_found(faulty):
    def mirror(dataset):
        for region in dataset.ROIContourSequence:
            for contour in region.ContourSequence:
                points = np.array(contour.ContourData, dtype=float).reshape(-1, 3)
                points[:, 0] = -5.0 - points[:, 0]
                contour.ContourData = [f"{value:.4f}" for value in points.ravel()]

    assert names(faulty(mirror)) == {"voxels_differ"}


def test_swapped_regions_are_found(faulty):
    def swap(dataset):
        first, second, *_ = dataset.ROIContourSequence
        first.ContourSequence, second.ContourSequence = second.ContourSequence, first.ContourSequence

    findings = faulty(swap)
    assert [name for name, _ in findings] == ["voxels_differ", "voxels_differ"]


def test_swapped_names_and_codes_are_found(faulty):
    def swap(dataset):
        first, second, *_ = dataset.StructureSetROISequence
        first.ROIName, second.ROIName = second.ROIName, first.ROIName
        first, second, *_ = dataset.RTROIObservationsSequence
        first.ReferencedROINumber, second.ReferencedROINumber = 2, 1

    findings = faulty(swap)
    assert names(findings) == {"segment_meaning"}
    assert "ROI 1 is named 'left kidney', expected 'liver', unique" in [text for _, text in findings]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda region: region.update({"ROIDisplayColor": [1, 2, 3]}), r"the colour of ROI 1 is [1, 2, 3]"),
        (lambda region: region.__delattr__("ROIDisplayColor"), "the colour of ROI 1 is []"),
    ],
)
def test_another_colour_is_found(faulty, change, found):
    ((name, text),) = faulty(lambda dataset: change(dataset.ROIContourSequence[0]))
    assert name == "segment_meaning"
    assert found in text


def test_a_lost_side_is_found(faulty):
    def lose(dataset):
        del dataset.RTROIObservationsSequence[1].RTROIIdentificationCodeSequence[0][
            "SegmentedPropertyTypeModifierCodeSequence"
        ]

    assert faulty(lose) == [
        ("segment_meaning", "the laterality of ROI 2 is [], expected [('SCT', '7771000')]"),
    ]


def test_a_region_too_few_is_found(faulty):
    findings = faulty(lambda dataset: dataset.ROIContourSequence.pop())
    assert findings == [("segment_meaning", "ROIs [1, 2] are drawn, expected segments [1, 2, 3]")]


def test_a_contour_too_few_is_found(faulty):
    assert names(faulty(lambda dataset: dataset.ROIContourSequence[0].ContourSequence.pop())) == {"voxels_differ"}


def test_another_frame_of_reference_is_found_wherever_it_stands(faulty):
    def change(dataset):
        dataset.FrameOfReferenceUID = "1.2.3"
        dataset.StructureSetROISequence[1].ReferencedFrameOfReferenceUID = "1.2.3"

    findings = faulty(change)
    assert names(findings) == {"frame_of_reference"}
    assert [text.split(" states")[0] for _, text in findings] == ["FrameOfReferenceUID", "ROI 2"]


def test_a_dangling_image_reference_is_found(faulty):
    def change(dataset):
        dataset.ROIContourSequence[0].ContourSequence[0].ContourImageSequence[0].ReferencedSOPInstanceUID = "1.2.3"

    ((name, text),) = faulty(change)
    assert name == "source_reference"
    assert "contour 1: it names image 1.2.3, frame None, which is not in the source" in text


def test_a_frame_that_is_not_in_the_source_is_found(faulty):
    def change(dataset):
        dataset.ROIContourSequence[0].ContourSequence[0].ContourImageSequence[0].ReferencedFrameNumber = 99

    assert names(faulty(change, "enhanced_4d")) == {"source_reference"}


def test_another_class_of_image_is_found(faulty):
    def change(dataset):
        (image,) = dataset.ROIContourSequence[0].ContourSequence[0].ContourImageSequence
        assert image.ReferencedSOPClassUID == CTImageStorage
        image.ReferencedSOPClassUID = MRImageStorage

    assert names(faulty(change)) == {"source_reference"}


def test_an_image_that_is_not_listed_is_found(faulty):
    def change(dataset):
        study = dataset.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0]
        study.RTReferencedSeriesSequence[0].ContourImageSequence.pop()

    assert faulty(change) == [
        ("source_reference", "of 14 source images 1 are not named, and 0 references name others"),
    ]


def test_another_study_is_found(faulty):
    def change(dataset):
        dataset.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0].ReferencedSOPInstanceUID = "1.2"

    assert names(faulty(change)) == {"source_reference"}


def test_nested_closed_planar_contours_are_found_because_programs_read_them_differently(faulty):
    def change(dataset):
        for contour in dataset.ROIContourSequence[0].ContourSequence:
            contour.ContourGeometricType = "CLOSED_PLANAR"

    findings = faulty(change, params={"holes": "xor"})
    assert names(findings) == {"contours_overlap"}


def test_mixed_types_of_contours_are_found(faulty):
    def change(dataset):
        dataset.ROIContourSequence[0].ContourSequence[0].ContourGeometricType = "CLOSEDPLANAR_XOR"

    assert names(faulty(change)) == {"contour_type"}


def test_a_wrong_number_of_points_is_found(faulty):
    def change(dataset):
        dataset.ROIContourSequence[0].ContourSequence[0].NumberOfContourPoints = 3

    assert names(faulty(change)) == {"contour_data"}


@pytest.mark.parametrize(
    ("points", "found"),
    [
        ("1\\2\\3\\4", "Contour Data has 4 values, expected x, y, z triplets"),
        ("1\\2\\x", "Contour Data has 3 values, expected x, y, z triplets"),
        ("1.00000000000000001\\2\\3", "has 19 characters, DS has 16"),
        ("", "Contour Data has 1 values, expected x, y, z triplets"),
    ],
)
def test_what_is_no_list_of_points_is_a_finding_and_no_exception(faulty, points, found):
    def change(dataset):
        contour = dataset.ROIContourSequence[0].ContourSequence[0]
        contour[0x30060050] = DataElement(0x30060050, "DS", points, already_converted=True)

    ((name, text),) = faulty(change)
    assert name == "contour_data"
    assert found in text


def test_a_point_outside_of_the_image_is_found(faulty):
    assert names(faulty(lambda dataset: move(dataset, (500.0, 0, 0)))) == {"contour_outside_image"}


def test_a_file_without_any_region_is_a_finding_and_no_exception(faulty):
    def empty(dataset):
        for keyword in ("StructureSetROISequence", "ROIContourSequence", "ReferencedFrameOfReferenceSequence"):
            del dataset[keyword]

    assert names(faulty(empty)) == {"segment_meaning", "source_reference"}


def test_two_files_are_one_too_many(job_of, write):
    job, _ = job_of()
    (finding,) = check([write(job), write(replace(job), "two.dcm")], job)
    assert (finding.name, finding.output) == ("file_count", "rtstruct")
