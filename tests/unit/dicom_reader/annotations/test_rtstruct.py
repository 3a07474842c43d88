import numpy as np
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from clara_stages.dicom_reader.annotations import rtstruct_header
from clara_stages.dicom_reader.annotations.match import Verdict, match
from clara_stages.dicom_reader.annotations.read import read_segments
from clara_stages.dicom_reader.limits import Limits
from clara_stages.kit import BadInputError
from clara_stages.kit.contract.kinds import Kind
from tests.support.series import uid
from tests.unit.dicom_reader.annotations.grids import annotation_of
from tests.unit.dicom_reader.annotations.objects import OBLIQUE, contour, make_grid, rtstruct_dataset, save

SQUARE = [(1.5, 1.5), (6.5, 1.5), (6.5, 5.5), (1.5, 5.5)]
INNER = [(2.5, 2.5), (4.5, 2.5), (4.5, 4.5), (2.5, 4.5)]


def read(dataset, path, grid, kind=Kind.LABEL_MAP):
    return read_segments(annotation_of(save(dataset, path / "object.dcm")), grid, Limits(), kind)


def square_mask(grid, slices, *, hole=False):
    mask = np.zeros(grid.shape, bool)
    for k in slices:
        mask[2:7, 2:6, k] = True
        mask[3:5, 3:5, k] &= not hole
    return mask


@pytest.mark.parametrize("axes", [None, OBLIQUE])
def test_contours_are_filled_on_their_slices_of_an_oblique_stack_too(tmp_path, axes):
    grid = make_grid(axes=axes)
    found = read(rtstruct_dataset(grid, {1: [contour(grid, SQUARE, k) for k in (3, 1, 2)]}), tmp_path, grid)
    assert np.array_equal(found.values == 1, square_mask(grid, (1, 2, 3)))
    (label,) = found.labels
    assert (label.voxels, label.facts.colour_rgb, label.facts.interpreted_type) == (60, (255, 128, 0), "GTV")
    assert found.notes == ()


@pytest.mark.parametrize("kind", ["CLOSED_PLANAR", "CLOSEDPLANAR_XOR"])
def test_a_contour_inside_another_is_a_hole(tmp_path, kind):
    grid = make_grid()
    contours = [contour(grid, SQUARE, 2, kind), contour(grid, INNER, 2, kind)]
    found = read(rtstruct_dataset(grid, {1: contours}), tmp_path, grid)
    assert np.array_equal(found.values == 1, square_mask(grid, (2,), hole=True))


def test_points_and_open_lines_are_left_out_and_named_and_an_empty_roi_stays_in_the_table(tmp_path):
    grid = make_grid()
    rois = {
        1: [contour(grid, SQUARE, 2), contour(grid, SQUARE, 3, "OPEN_PLANAR")],
        2: [contour(grid, [(3, 3)], 1.4, "POINT")],
        3: [],
    }
    found = read(rtstruct_dataset(grid, rois), tmp_path, grid)
    assert [(label.value, label.voxels) for label in found.labels] == [(1, 20), (2, 0), (3, 0)]
    assert found.notes == (
        "ROI 1: 1 points or open lines, which have no area, are left out",
        "ROI 2: 1 points or open lines, which have no area, are left out",
        "no voxel on the grid: ROI 2, 3",
    )


def test_a_roi_whose_contour_leaves_its_plane_is_left_out_as_a_whole_and_the_others_are_read(tmp_path):
    grid = make_grid()
    leaning = contour(grid, [(1.5, 1.5, 2), (6.5, 1.5, 2.8), (6.5, 5.5, 2.8)], 0)
    rois = {1: [contour(grid, SQUARE, 1), leaning], 2: [contour(grid, SQUARE, 1)]}
    found = read(rtstruct_dataset(grid, rois), tmp_path, grid)
    assert [label.value for label in found.labels] == [2]
    (left,) = found.left_out
    assert left.reason == "ROI 1: a contour leaves its plane by 2.00 mm against the slices, which are 2.50 mm apart"
    assert f"left out: {left.reason}" in found.notes


def test_contours_between_slices_were_drawn_on_another_series(tmp_path):
    grid = make_grid()
    dataset = rtstruct_dataset(grid, {1: [contour(grid, SQUARE, k + 0.4) for k in range(3)]})
    with pytest.raises(
        BadInputError, match=r"ROI 1: a contour lies 1\.00 mm from the nearest of slices 2\.50 mm apart"
    ):
        read(dataset, tmp_path, grid)


def test_a_contour_between_slices_that_names_its_image_lies_on_it_with_a_note(tmp_path):
    grid = make_grid()
    image = grid.slices[2].sop_instance_uid
    dataset = rtstruct_dataset(grid, {1: [contour(grid, SQUARE, 2.4, image=image)]})
    found = read(dataset, tmp_path, grid)
    assert np.array_equal(found.values == 1, square_mask(grid, (2,)))
    assert found.notes == ("ROI 1: 1 contours lie up to 1.00 mm from the slice they name and are taken to be on it",)


def test_rounding_of_positions_to_a_tenth_of_a_millimetre_is_no_other_plane(tmp_path):
    grid = make_grid(spacing_mm=(0.8, 0.9, 0.5))
    found = read(rtstruct_dataset(grid, {1: [contour(grid, SQUARE, 2.19)]}), tmp_path, grid)
    assert np.array_equal(found.values == 1, square_mask(grid, (2,)))


def test_contours_beyond_the_image_are_cut_and_those_beyond_the_slices_left_out_with_notes(tmp_path):
    grid = make_grid()
    wide = [(-5, 1.5), (6.5, 1.5), (6.5, 5.5), (-5, 5.5)]
    dataset = rtstruct_dataset(grid, {1: [contour(grid, wide, 0), contour(grid, wide, 7), contour(grid, wide, 3)]})
    found = read(dataset, tmp_path, grid)
    assert found.values[:7, 2:6, [0, 3]].all()
    assert found.labels[0].voxels == 56
    assert found.notes == (
        "ROI 1: 1 contours lie before the first slice or after the last and are left out",
        "ROI 1: 2 contours leave the image and are cut at its edge",
        "ROI 1: 2 slices between its first contour and its last have none and stay empty",
    )


def test_overlapping_rois_need_a_stack_and_numbers_that_are_no_values_are_replaced(tmp_path):
    grid = make_grid()
    rois = {0: [contour(grid, SQUARE, 1)], 70000: [contour(grid, INNER, 1)]}
    dataset = rtstruct_dataset(grid, rois)
    with pytest.raises(BadInputError, match="4 voxels are in several of the segments 1, 2"):
        read(dataset, tmp_path, grid)
    found = read(dataset, tmp_path, grid, Kind.SEGMENT_STACK)
    assert [(label.value, label.facts.number) for label in found.labels] == [(1, 0), (2, 70000)]
    assert found.values.shape == (*grid.shape, 1, 2)
    assert found.values.sum(axis=(0, 1, 2, 3)).tolist() == [20, 4]
    assert found.notes == ("ROI Numbers are no label values; values follow the order of the ROIs",)


def test_slices_of_a_resampled_volume_take_the_contours_of_the_nearest_source_slice(tmp_path):
    source = make_grid((11, 9, 3), (0.8, 0.9, 5.0))
    fine = make_grid((11, 9, 5), slices=source.slices, source_origin_index=np.array([[0, 0, 0], [0, 0, 2], [0, 0, 4]]))
    found = read(rtstruct_dataset(source, {1: [contour(source, SQUARE, 1)]}), tmp_path, fine)
    assert sorted(set(np.nonzero(found.values)[2].tolist())) == [2, 3]
    assert np.array_equal(found.values == 1, square_mask(fine, (2, 3)))


def test_a_roi_in_another_frame_of_reference_is_left_out_of_an_object_with_several(tmp_path):
    grid = make_grid()
    dataset = rtstruct_dataset(grid, {1: [contour(grid, SQUARE, 1)], 2: [contour(grid, SQUARE, 1)]})
    dataset.StructureSetROISequence[1].ReferencedFrameOfReferenceUID = uid("of a registered series")
    found = read(dataset, tmp_path, grid)
    assert [label.value for label in found.labels] == [1]
    assert found.notes == ("left out: ROI 2: it was drawn in another Frame of Reference",)


def test_contours_that_cost_minutes_to_fill_are_refused(tmp_path):
    grid = make_grid((8, 512, 1))
    zigzag = [(1 + n % 5, 511 * (n % 2)) for n in range(101_000)]
    path = save(rtstruct_dataset(grid, {1: [raw_points(grid, zigzag)]}), tmp_path / "object.dcm")
    with pytest.raises(BadInputError, match=r"cross the rows of the image 51[0-9]{6} times; at most 50000000 are read"):
        read_segments(annotation_of(path), grid, Limits())


def raw_points(grid, corners):
    made = contour(grid, SQUARE, 0)
    points = np.array([(*corner, 0, 1) for corner in corners]) @ grid.affine_lps.T
    data = b"\\".join(f"{value:.3f}".encode() for value in points[:, :3].ravel())
    made[Tag("ContourData")] = RawDataElement(Tag("ContourData"), "UN", len(data), data, 0, False, True)
    return made


def raw_contour(grid, data: bytes):
    made = contour(grid, SQUARE, 1)
    tag = Tag("ContourData")
    made[tag] = RawDataElement(tag, "DS", len(data), data, 0, False, True)
    return made


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"1\\2\\3\\4 ", "a contour has 4 numbers, which is no multiple of three"),
        (b"1\\2\\3\\4\\5\\6\\7\\8\\nan ", "a contour holds a number that is not finite"),
        (b"1\\2\\3\\4\\5\\6\\7\\8\\Phantom^Cube ", "a contour holds something that is no number"),
        (b"1\\2\\40\\4\\5\\40\\7\\8e33\\40", "a contour has a point kilometres away"),
    ],
)
def test_contour_data_that_is_no_list_of_points_leaves_its_roi_out(tmp_path, data, message):
    grid = make_grid()
    dataset = rtstruct_dataset(grid, {1: [raw_contour(grid, data)], 2: [contour(grid, SQUARE, 1)]})
    found = read(dataset, tmp_path, grid)
    assert [item.reason for item in found.left_out] == [f"ROI 1: {message}"]
    assert [label.value for label in found.labels] == [2]


def test_too_many_points_are_refused_before_they_are_parsed(tmp_path, monkeypatch):
    monkeypatch.setattr(rtstruct_header, "MAX_POINTS", 1000)
    grid = make_grid()
    data = b"\\".join([b"no number"] * 3003)
    found = annotation_of(save(rtstruct_dataset(grid, {1: [raw_contour(grid, data)]}), tmp_path / "object.dcm"))
    assert found.fault == "its contours have 1001 points; at most 1000 are read"


def test_an_object_without_rois_or_with_a_number_twice_is_no_readable_one(tmp_path):
    grid = make_grid()
    empty = annotation_of(save(rtstruct_dataset(grid, {}), tmp_path / "empty.dcm"))
    assert empty.fault == "it has no region of interest"
    assert match(empty, grid).reason == "cannot be read: it has no region of interest"
    dataset = rtstruct_dataset(grid, {1: []})
    dataset.StructureSetROISequence.append(dataset.StructureSetROISequence[0])
    assert annotation_of(save(dataset, tmp_path / "twice.dcm")).fault == "ROI Number 1 is given twice"


def test_names_appear_in_no_message(tmp_path):
    grid = make_grid()
    dataset = rtstruct_dataset(grid, {1: [contour(grid, SQUARE, 1.4)]})
    dataset.StructureSetROISequence[0].ROIName = "Phantom^Cube"
    annotation = annotation_of(save(dataset, tmp_path / "object.dcm"))
    assert "Phantom" not in repr(annotation)
    assert "Phantom" not in match(annotation, grid).reason
    with pytest.raises(BadInputError) as caught:
        read_segments(annotation, grid, Limits())
    assert "Phantom" not in f"{caught.value}{caught.value.remedy}"


def linked(path, grid, **changes):
    dataset = rtstruct_dataset(grid, {1: [contour(grid, SQUARE, 1)]})
    frame = dataset.ReferencedFrameOfReferenceSequence[0]
    series = frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence[0]
    if "frame" in changes:
        frame.FrameOfReferenceUID = changes["frame"]
        dataset.StructureSetROISequence[0].ReferencedFrameOfReferenceUID = changes["frame"]
    if "series" in changes:
        series.SeriesInstanceUID = changes["series"]
    if "images" in changes:
        for image in series.ContourImageSequence:
            image.ReferencedSOPInstanceUID = uid(image.ReferencedSOPInstanceUID, changes["images"])
    if changes.get("references") is False:
        del frame.RTReferencedStudySequence
    return annotation_of(save(dataset, path / "object.dcm"))


def test_references_to_instances_are_the_strongest_link(tmp_path):
    grid = make_grid()
    found = match(linked(tmp_path, grid), grid)
    assert (found.verdict, found.reason) == (Verdict.INSTANCES, "refers to 5 of the 5 instances of the series")


def test_wrong_instances_are_accepted_where_frame_of_reference_and_geometry_agree_and_that_is_said(tmp_path):
    grid = make_grid()
    found = match(linked(tmp_path, grid, images="elsewhere"), grid)
    assert found.verdict is Verdict.SERIES
    assert found.reason == (
        "refers to 5 instances that are not in the series; taken because Frame of Reference and geometry agree"
    )
    nowhere = match(linked(tmp_path, grid, images="elsewhere", series=uid("other")), grid)
    assert (nowhere.verdict, nowhere.reason) == (Verdict.GEOMETRY, found.reason)
    none = match(linked(tmp_path, grid, references=False), grid)
    assert none.reason == "refers to no instances; taken because Frame of Reference and geometry agree"


def test_a_reference_to_another_series_that_is_there_is_a_weaker_link(tmp_path):
    grid, other = make_grid(), uid("other")
    annotation = linked(tmp_path, grid, images="elsewhere", series=other)
    found = match(annotation, grid, present_series=frozenset({other}))
    assert found.verdict is Verdict.OTHER_SERIES
    assert found.is_accepted
    assert found.strength == 1


def test_another_frame_of_reference_is_refused_unless_the_instances_are_of_the_series(tmp_path):
    grid, other = make_grid(), uid("another frame of reference")
    kept = match(linked(tmp_path, grid, frame=other), grid)
    assert kept.is_accepted
    assert kept.reason.endswith("its Frame of Reference UID is another one: taken because instances and geometry agree")
    refused = match(linked(tmp_path, grid, frame=other, images="elsewhere"), grid)
    assert not refused.is_accepted
    assert "its Frame of Reference is another one" in refused.reason


def test_geometry_that_contradicts_the_references_is_refused(tmp_path):
    grid = make_grid()
    between = rtstruct_dataset(grid, {1: [contour(grid, SQUARE, 1.4)]})
    found = match(annotation_of(save(between, tmp_path / "object.dcm")), grid)
    assert found.reason == (
        "refers to 5 of the 5 instances of the series, but 0 of its 1 planes lie on slices, 1 between slices (up to "
        "1.00 mm away): references and geometry contradict each other"
    )
