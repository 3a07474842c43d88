import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from clara_stages.dicom_reader.annotations.polygon import fill_polygons


def square(low, high):
    return np.array([(low, low), (high, low), (high, high), (low, high)], float)


def is_inside(polygon, i, j):
    """The crossing number of one point, written out edge by edge."""
    inside = False
    for (i0, j0), (i1, j1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if (j0 <= j) != (j1 <= j) and i >= i0 + (j - j0) * (i1 - i0) / (j1 - j0):
            inside = not inside
    return inside


def test_a_square_between_pixel_centres_holds_the_centres_inside():
    mask = fill_polygons([square(0.5, 3.5)], 6, 5)
    assert mask.shape == (5, 6)
    assert mask.sum() == 9
    assert mask[1:4, 1:4].all()


def test_two_squares_with_a_common_edge_through_pixel_centres_share_no_pixel():
    left = np.array([(0, 0), (3, 0), (3, 6), (0, 6)], float)
    right = left + np.array([3.0, 0.0])
    one, other = (fill_polygons([part], 8, 8) for part in (left, right))
    assert not (one & other).any()
    assert np.array_equal(one | other, fill_polygons([np.array([(0, 0), (6, 0), (6, 6), (0, 6)], float)], 8, 8))


def test_a_polygon_inside_another_is_a_hole_and_one_inside_the_hole_an_island():
    mask = fill_polygons([square(0.5, 9.5), square(2.5, 7.5), square(4.5, 5.5)], 12, 12)
    assert mask.sum() == 81 - 25 + 1
    assert mask[5, 5]
    assert not mask[4, 4]


def test_a_keyhole_gives_the_same_mask_as_a_hole():
    keyhole = np.array(
        [(0.5, 0.5), (9.5, 0.5), (9.5, 9.5), (0.5, 9.5), (0.5, 5.2), (2.5, 5.2), (2.5, 7.5), (7.5, 7.5), (7.5, 2.5),
         (2.5, 2.5), (2.5, 5.2), (0.5, 5.2)]
    )  # fmt: skip
    assert np.array_equal(fill_polygons([keyhole], 12, 12), fill_polygons([square(0.5, 9.5), square(2.5, 7.5)], 12, 12))


def test_what_lies_beyond_the_image_is_cut_off():
    mask = fill_polygons([square(-100.5, 100.5)], 7, 5)
    assert mask.all()
    assert not fill_polygons([square(50, 60), square(-60, -50)], 7, 5).any()


@given(
    st.lists(
        st.tuples(st.floats(-3, 12, allow_subnormal=False), st.floats(-3, 12, allow_subnormal=False)),
        min_size=3,
        max_size=12,
    )
)
@settings(max_examples=100, deadline=None)
def test_every_pixel_is_decided_as_by_counting_crossings_one_by_one(corners):
    polygon = np.round(np.array(corners), 3)
    expected = np.array([[is_inside(polygon, i, j) for i in range(10)] for j in range(8)])
    assert np.array_equal(fill_polygons([polygon], 10, 8), expected)
