"""Results that are right until somebody alters the file: the gate stops each and names what is wrong."""

import copy

import numpy as np
import pytest
from pydicom.pixels.utils import pack_bits

from clara_stages.dicom_writer.gate.finding import Severity
from clara_stages.dicom_writer.outputs import OUTPUTS
from tests.support.writing import BODIES

ALL = tuple(OUTPUTS)
LAYERED = ("axial", "tilted", "enhanced")


@pytest.fixture
def errors_after(results_of, errors_of):
    """``errors_after(output, change)``: the names of the errors in a run that wrote everything."""

    def after(output, change, geometry="axial", index=0):
        return errors_of(results_of(geometry, ALL).after(output, change, index))

    return after


@pytest.mark.parametrize("geometry", LAYERED)
def test_before_anything_is_altered_there_is_no_error(results_of, errors_of, geometry):
    assert errors_of(results_of(geometry, ALL).examine()) == set()


# Every object


@pytest.mark.parametrize(
    ("keyword", "value", "name"),
    [
        ("PatientID", "ELSE", "other_patient"),
        ("PatientName", "Else^Somebody", "other_patient"),
        ("PatientBirthDate", "19010101", "other_patient"),
        ("StudyInstanceUID", "1.2.3.99", "other_study"),
        ("SeriesInstanceUID", "", "empty_type_1"),
    ],
)
def test_an_object_of_another_patient_or_study_is_stopped(errors_after, keyword, value, name):
    assert name in errors_after("seg", lambda dataset: setattr(dataset, keyword, value))


@pytest.mark.parametrize("output", ALL)
def test_an_object_of_any_output_is_asked_whose_it_is_and_whether_it_is_whole(errors_after, output):
    def change(dataset):
        dataset.PatientID, dataset.StudyInstanceUID = "ELSE", "1.2.3.99"
        del dataset.Modality

    assert errors_after(output, change) >= {"other_patient", "other_study", "missing_type_1"}


# SEG


def frames_of(dataset):
    return dataset.pixel_array.reshape(-1, int(dataset.Rows), int(dataset.Columns))


def set_frames(dataset, frames):
    dataset.PixelData = pack_bits(np.ascontiguousarray(frames).ravel().astype(np.uint8))


def move_frames(dataset, direction, distance_mm):
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        position = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, dtype=float)
        frame.PlanePositionSequence[0].ImagePositionPatient = [
            f"{value:.6f}" for value in position + np.array(direction) * distance_mm
        ]


def directions(dataset):
    orientation = dataset.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient
    row, column = np.array(orientation[:3], dtype=float), np.array(orientation[3:], dtype=float)
    return {"row": row, "column": column, "normal": np.cross(row, column)}


@pytest.mark.parametrize("geometry", LAYERED)
@pytest.mark.parametrize(
    ("axis", "distance_mm"), [("normal", 5.0), ("row", 2.0), ("row", 1.0), ("column", 2.25), ("column", 0.3)]
)
def test_a_segmentation_whose_frames_lie_elsewhere_is_stopped(errors_after, geometry, axis, distance_mm):
    """By one slice, one pixel, half a pixel, and what nobody would see."""

    def move(dataset):
        move_frames(dataset, directions(dataset)[axis], distance_mm)

    assert errors_after("seg", move, geometry) & {"frame_position", "voxels_differ"}


@pytest.mark.parametrize("geometry", LAYERED)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_segmentation_whose_pixels_are_flipped_is_stopped(errors_after, geometry, axis):
    """Slices among themselves, rows, columns."""
    assert "voxels_differ" in errors_after("seg", lambda d: set_frames(d, np.flip(frames_of(d), axis)), geometry)


@pytest.mark.parametrize("axis", [1, 2])
def test_a_segmentation_whose_pixels_are_shifted_by_one_is_stopped(errors_after, axis):
    assert "voxels_differ" in errors_after("seg", lambda d: set_frames(d, np.roll(frames_of(d), 1, axis)))


def test_one_wrong_pixel_is_enough(errors_after):
    def flip_one(dataset):
        frames = frames_of(dataset).copy()
        frames[2, 3, 4] ^= 1
        set_frames(dataset, frames)

    assert "voxels_differ" in errors_after("seg", flip_one)


def test_swapped_segment_numbers_of_frames_are_stopped(errors_after):
    def swap(dataset):
        for frame in dataset.PerFrameFunctionalGroupsSequence:
            item = frame.SegmentIdentificationSequence[0]
            item.ReferencedSegmentNumber = {1: 2, 2: 1, 3: 3}[item.ReferencedSegmentNumber]

    assert "voxels_differ" in errors_after("seg", swap)


@pytest.mark.parametrize(
    "keyword", ["SegmentLabel", "SegmentedPropertyTypeCodeSequence", "RecommendedDisplayCIELabValue"]
)
def test_swapped_names_codes_and_colours_are_stopped(errors_after, keyword):
    def swap(dataset):
        first, second = dataset.SegmentSequence[0], dataset.SegmentSequence[1]
        value = copy.deepcopy(first[keyword].value)
        first[keyword].value = copy.deepcopy(second[keyword].value)
        second[keyword].value = value

    assert "segment_meaning" in errors_after("seg", swap)


def test_another_side_of_a_segment_is_stopped(errors_after):
    def turn(dataset):
        kind = dataset.SegmentSequence[1].SegmentedPropertyTypeCodeSequence[0]
        side = kind.SegmentedPropertyTypeModifierCodeSequence[0]
        side.CodeValue, side.CodeMeaning = "24028007", "Right"

    assert "segment_meaning" in errors_after("seg", turn)


def test_a_missing_frame_is_stopped(errors_after):
    def drop(dataset):
        frames = frames_of(dataset)
        dataset.PerFrameFunctionalGroupsSequence = dataset.PerFrameFunctionalGroupsSequence[:-1]
        dataset.NumberOfFrames = len(frames) - 1
        set_frames(dataset, frames[:-1])

    assert "missing_frames" in errors_after("seg", drop)


@pytest.mark.parametrize("geometry", LAYERED)
def test_frames_that_refer_to_another_slice_are_stopped(errors_after, geometry):
    def swap(dataset):
        first, second = (dataset.PerFrameFunctionalGroupsSequence[number].DerivationImageSequence for number in (0, 1))
        dataset.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence = copy.deepcopy(list(second))
        dataset.PerFrameFunctionalGroupsSequence[1].DerivationImageSequence = copy.deepcopy(list(first))

    assert errors_after("seg", swap, geometry) & {"frame_position", "source_reference"}


def test_another_frame_of_reference_and_a_dangling_reference_are_stopped(errors_after):
    def dangle(dataset):
        frame = dataset.PerFrameFunctionalGroupsSequence[0]
        frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID = "1.2.3.99"

    assert "frame_of_reference" in errors_after("seg", lambda d: setattr(d, "FrameOfReferenceUID", "1.2.3.99"))
    assert "dangling_reference" in errors_after("seg", dangle)


def test_another_pixel_spacing_is_stopped(errors_after):
    def stretch(dataset):
        measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        measures.PixelSpacing = [measures.PixelSpacing[1], measures.PixelSpacing[0]]

    assert errors_after("seg", stretch) & {"pixel_spacing", "voxels_differ"}


# RTSTRUCT


def move_contours(dataset, offset_mm, region=0):
    for contour in dataset.ROIContourSequence[region].ContourSequence:
        points = np.array(contour.ContourData, dtype=float).reshape(-1, 3) + offset_mm
        contour.ContourData = [f"{value:.4f}" for value in points.ravel()]


@pytest.mark.parametrize("geometry", LAYERED)
@pytest.mark.parametrize("offset_mm", [(2.0, 0, 0), (1.0, 0, 0), (0.1, 0, 0), (0, 2.25, 0), (0, 0, 5.0)])
def test_contours_that_lie_elsewhere_are_stopped(errors_after, geometry, offset_mm):
    assert errors_after("rtstruct", lambda d: move_contours(d, offset_mm), geometry) & {
        "voxels_differ", "contour_plane", "contour_outside_image", "contour_position",
    }  # fmt: skip


def test_a_missing_contour_and_swapped_regions_are_stopped(errors_after):
    def drop(dataset):
        contours = dataset.ROIContourSequence[1].ContourSequence
        dataset.ROIContourSequence[1].ContourSequence = list(contours)[1:]

    def swap(dataset):
        first, second = dataset.ROIContourSequence[0], dataset.ROIContourSequence[1]
        first.ReferencedROINumber, second.ReferencedROINumber = second.ReferencedROINumber, first.ReferencedROINumber

    def rename(dataset):
        first, second = dataset.StructureSetROISequence[0], dataset.StructureSetROISequence[1]
        first.ROIName, second.ROIName = str(second.ROIName), str(first.ROIName)

    assert "voxels_differ" in errors_after("rtstruct", drop)
    assert "voxels_differ" in errors_after("rtstruct", swap)
    assert "segment_meaning" in errors_after("rtstruct", rename)


def test_a_contour_that_refers_to_another_image_is_stopped(errors_after):
    def swap(dataset):
        first, second = dataset.ROIContourSequence[0].ContourSequence[:2]
        uids = [item.ContourImageSequence[0].ReferencedSOPInstanceUID for item in (first, second)]
        first.ContourImageSequence[0].ReferencedSOPInstanceUID = uids[1]
        second.ContourImageSequence[0].ReferencedSOPInstanceUID = uids[0]

    def dangle(dataset):
        contour = dataset.ROIContourSequence[0].ContourSequence[0]
        contour.ContourImageSequence[0].ReferencedSOPInstanceUID = "1.2.3.99"

    assert errors_after("rtstruct", swap) & {"contour_plane", "source_reference"}
    assert "dangling_reference" in errors_after("rtstruct", dangle)


def test_a_contour_that_names_another_frame_is_stopped(errors_after):
    def renumber(number):
        def change(dataset):
            contour = dataset.ROIContourSequence[0].ContourSequence[0]
            contour.ContourImageSequence[0].ReferencedFrameNumber = number

        return change

    assert "wrong_frame_number" in errors_after("rtstruct", renumber(15), "enhanced")
    assert errors_after("rtstruct", renumber(14), "enhanced") & {"contour_plane", "source_reference"}


# SR


def measurements(dataset):
    """The numbers of the measurement groups; those of the image library describe images."""
    for item in content_items(dataset, "CONTAINER"):
        if item.ConceptNameCodeSequence[0].CodeValue == "125007":
            yield from content_items(item, "NUM")


def content_items(item, value_type):
    for child in item.get("ContentSequence") or ():
        if child.ValueType == value_type:
            yield child
        yield from content_items(child, value_type)


@pytest.mark.parametrize("number", range(6))
def test_a_changed_number_in_a_report_is_stopped(errors_after, number):
    def change(dataset):
        value = list(measurements(dataset))[number].MeasuredValueSequence[0]
        value.NumericValue = f"{float(value.NumericValue) * 1.02 + 1:.4f}"
        value.pop("FloatingPointValue", None)

    assert "measurement_differs" in errors_after("sr", change)


def test_another_unit_in_a_report_is_stopped(errors_after):
    def change(dataset):
        value = next(measurements(dataset)).MeasuredValueSequence[0]
        value.MeasurementUnitsCodeSequence[0].CodeValue = "mm3"

    assert "measurement_unit" in errors_after("sr", change)


def test_a_report_about_another_finding_or_segment_is_stopped(errors_after):
    def rename(dataset):
        for item in content_items(dataset, "CODE"):
            if item.ConceptCodeSequence[0].CodeValue == BODIES[0].code[0]:
                item.ConceptCodeSequence[0].CodeValue, item.ConceptCodeSequence[0].CodeMeaning = BODIES[2].code

    def renumber(dataset):
        for item in content_items(dataset, "IMAGE"):
            reference = item.ReferencedSOPSequence[0]
            if "ReferencedSegmentNumber" in reference:
                reference.ReferencedSegmentNumber = 4 - int(reference.ReferencedSegmentNumber)

    assert "segment_meaning" in errors_after("sr", rename)
    assert "segment_reference" in errors_after("sr", renumber)


# Pictures


def test_a_picture_of_another_slice_is_stopped(results_of, errors_after):
    other = results_of("axial", ALL).dataset("sc", 5).PixelData
    assert "picture_differs" in errors_after("sc", lambda dataset: setattr(dataset, "PixelData", other), index=3)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_flipped_picture_is_stopped(errors_after, axis):
    def flip(dataset):
        dataset.PixelData = np.ascontiguousarray(np.flip(dataset.pixel_array, axis)).tobytes()

    assert errors_after("sc", flip, index=3) & {"picture_differs", "outline_differs"}


def test_a_picture_that_refers_to_another_image_is_stopped(results_of, errors_after):
    other = copy.deepcopy(list(results_of("axial", ALL).dataset("sc", 5).SourceImageSequence))
    assert errors_after("sc", lambda dataset: setattr(dataset, "SourceImageSequence", other), index=3)


# Image series


@pytest.mark.parametrize(
    ("keyword", "change", "names"),
    [
        ("RescaleSlope", lambda value: float(value) * 1.01, {"voxels_differ"}),
        ("RescaleIntercept", lambda value: float(value) + 2, {"voxels_differ"}),
        (
            "ImagePositionPatient",
            lambda value: [value[0], value[1], value[2] + 5],
            {"duplicate_frames", "missing_frames"},
        ),
        ("ImagePositionPatient", lambda value: [value[0] + 1, value[1], value[2]], {"frame_position"}),
        ("ImageOrientationPatient", lambda value: [-1, *list(value)[1:]], {"frame_orientation"}),
        ("PixelSpacing", lambda value: [value[1], value[0]], {"pixel_spacing"}),
        ("FrameOfReferenceUID", lambda value: "1.2.3.99", {"frame_of_reference"}),
    ],
)
def test_a_changed_image_is_stopped(errors_after, keyword, change, names):
    def alter(dataset):
        setattr(dataset, keyword, change(dataset[keyword].value))

    assert names <= errors_after("image", alter, index=4)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_flipped_image_is_stopped(errors_after, axis):
    def flip(dataset):
        dataset.PixelData = np.ascontiguousarray(np.flip(dataset.pixel_array, axis)).tobytes()

    assert "voxels_differ" in errors_after("image", flip, index=4)


# Documents


def test_the_document_of_another_run_is_stopped(results_of, errors_after):
    other = results_of("axial", ("pdf",), bodies=BODIES[:2], request={"stage_key": "other"}).dataset("pdf")
    names = errors_after("pdf", lambda dataset: setattr(dataset, "EncapsulatedDocument", other.EncapsulatedDocument))
    assert names & {"measurement_differs", "pdf_text"}


def test_a_cut_document_is_stopped(errors_after):
    def cut(dataset):
        dataset.EncapsulatedDocument = dataset.EncapsulatedDocument[:2000]

    assert errors_after("pdf", cut) & {"unreadable", "pdf_text"}


def test_a_key_object_that_names_another_image_is_stopped(results_of, errors_after):
    source = results_of("axial", ALL).job.source

    def rename(dataset):
        image = next(content_items(dataset, "IMAGE")).ReferencedSOPSequence[0]
        image.ReferencedSOPInstanceUID = source.slices[0].sop_instance_uid

    names = errors_after("key_object", rename)
    assert names & {"largest_area", "unlisted_reference"}


def test_a_key_object_without_its_evidence_is_stopped(errors_after):
    def forget(dataset):
        series = dataset.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
        series.ReferencedSOPSequence = list(series.ReferencedSOPSequence)[1:]

    assert "unlisted_reference" in errors_after("key_object", forget)


@pytest.mark.parametrize("output", ALL)
def test_no_message_quotes_the_patient(results_of, output):
    results = results_of("axial", ALL)
    source = results.job.source.first
    secrets = {str(source.PatientName), str(source.PatientID), str(source.PatientBirthDate)} - {"", "None"}
    findings = results.after(output, lambda dataset: setattr(dataset, "PatientID", "ELSE^WHO"))
    assert any(finding.severity is Severity.ERROR for finding in findings)
    for finding in findings:
        assert not [secret for secret in (*secrets, "ELSE^WHO") if secret in finding.message]
