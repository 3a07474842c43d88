import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from clara_stages.dicom_writer.rtstruct.polygons import draw_slice
from clara_stages.dicom_writer.rtstruct.rasterise import add_polygon

MASKS = st.one_of(
    arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9)),
    st.builds(
        lambda seed, part: np.random.default_rng(seed).random((17, 14)) < part,
        st.integers(0, 2**32 - 1),
        st.sampled_from([0.2, 0.5, 0.6, 0.75, 0.9]),
    ),
)
"""Small ones of any pattern, and larger ones with holes, islands in holes and corners that touch."""


def picture(*rows):
    return np.array([[pixel == "#" for pixel in row] for row in rows])


ISLAND_IN_A_HOLE = picture(
    "#########",
    "#.......#",
    "#.#####.#",
    "#.#...#.#",
    "#.#.#.#.#",
    "#.#...#.#",
    "#.#####.#",
    "#.......#",
    "#########",
)


def filled(polygons, shape):
    count = np.zeros(shape, dtype=np.int32)
    for polygon in polygons:
        add_polygon(count, polygon)
    return count


def signed_area(polygon):
    x, y = polygon.T
    return float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)) / 2)


@given(mask=MASKS)
@settings(max_examples=300, deadline=None)
def test_keyhole_polygons_enclose_exactly_the_mask_and_never_overlap(mask):
    drawn = draw_slice(mask, "keyhole")
    assert np.array_equal(filled(drawn.polygons, mask.shape), mask)
    assert len(drawn.polygons) == ndimage.label(mask)[1]  # parts that share an edge are one part
    assert not drawn.has_holes
    assert sum(map(signed_area, drawn.polygons)) == mask.sum()
    assert all(signed_area(polygon) > 0 for polygon in drawn.polygons)  # clockwise: y points down


@given(mask=MASKS)
@settings(max_examples=300, deadline=None)
def test_polygons_combined_by_xor_enclose_exactly_the_mask(mask):
    drawn = draw_slice(mask, "xor")
    assert np.array_equal(filled(drawn.polygons, mask.shape) % 2 == 1, mask)
    holes = ndimage.label(np.pad(~mask, 1, constant_values=True), structure=np.ones((3, 3)))[1] - 1
    assert len(drawn.polygons) == ndimage.label(mask)[1] + holes
    assert drawn.has_holes == (holes > 0)
    assert sum(signed_area(polygon) < 0 for polygon in drawn.polygons) == holes  # holes run the other way


@given(mask=MASKS, holes=st.sampled_from(["keyhole", "xor"]))
@settings(max_examples=300, deadline=None)
def test_sides_run_along_pixel_edges_and_every_point_is_a_turn(mask, holes):
    for polygon in draw_slice(mask, holes).polygons:
        assert np.array_equal(polygon % 1, np.full(polygon.shape, 0.5))
        sides = np.sign(np.roll(polygon, -1, axis=0) - polygon)
        assert (np.abs(sides).sum(axis=1) == 1).all()
        turned = np.einsum("ij,ij->i", sides, np.roll(sides, 1, axis=0))
        assert (turned == 0).all()  # neither straight on nor back the way it came


@pytest.mark.parametrize("holes", ["keyhole", "xor"])
def test_a_closed_polygon_ends_beside_its_first_point_in_the_row(holes):
    for polygon in draw_slice(ISLAND_IN_A_HOLE, holes).polygons:
        assert polygon[0, 1] == polygon[-1, 1]
        assert polygon[0, 0] != polygon[-1, 0]


def test_an_island_in_a_hole_is_a_polygon_of_its_own():
    assert len(draw_slice(ISLAND_IN_A_HOLE, "keyhole").polygons) == 3
    assert len(draw_slice(ISLAND_IN_A_HOLE, "xor").polygons) == 5


def test_a_ring_is_one_line_that_runs_in_and_out_through_one_channel():
    (polygon,) = draw_slice(picture("###", "#.#", "###"), "keyhole").polygons
    assert (polygon + 0.5).tolist() == [
        [1, 0], [1, 2], [2, 2], [2, 1], [1, 1], [1, 0], [3, 0], [3, 3], [0, 3], [0, 0],
    ]  # fmt: skip


def test_pixels_that_touch_in_a_corner_are_two_polygons():
    drawn = draw_slice(picture("#.", ".#"), "keyhole")
    assert [polygon.tolist() for polygon in drawn.polygons] == [
        [[0.5, -0.5], [0.5, 0.5], [-0.5, 0.5], [-0.5, -0.5]],
        [[1.5, 0.5], [1.5, 1.5], [0.5, 1.5], [0.5, 0.5]],
    ]


def test_a_mask_that_fills_the_image_is_drawn_along_its_border():
    (polygon,) = draw_slice(np.ones((3, 5), dtype=bool), "keyhole").polygons
    assert polygon.tolist() == [[4.5, -0.5], [4.5, 2.5], [-0.5, 2.5], [-0.5, -0.5]]


def test_an_empty_mask_has_no_polygon():
    assert draw_slice(np.zeros((4, 4), dtype=bool), "keyhole").polygons == []


def test_two_holes_above_each_other_are_joined_one_through_the_other():
    mask = picture("#####", "#.#.#", "#####", "#.###", "#####")
    (polygon,) = draw_slice(mask, "keyhole").polygons
    assert np.array_equal(filled([polygon], mask.shape), mask)
