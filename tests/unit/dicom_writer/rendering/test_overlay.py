"""Outlines and fills."""

import numpy as np
import pytest

from clara_stages.dicom_writer.rendering.overlay import DASH_PIXELS, FILL_PERCENT, Layer, draw_segments, outline

RED, BLUE = (255, 0, 0), (0, 0, 255)


def square(size, start, stop):
    mask = np.zeros((size, size), dtype=bool)
    mask[start:stop, start:stop] = True
    return mask


def layer(colour, mask):
    return Layer(colour=colour, box=(slice(0, mask.shape[0]), slice(0, mask.shape[1])), mask=mask)


def test_an_outline_lies_inside_and_is_as_thick_as_asked():
    mask = square(12, 2, 10)
    for thickness in (1, 2, 3):
        line = outline(mask, thickness)
        assert not (line & ~mask).any()
        assert np.array_equal(mask & ~line, square(12, 2 + thickness, 10 - thickness))


def test_an_outline_is_closed_at_the_edge_of_the_image():
    assert outline(np.ones((5, 5), dtype=bool), 1).sum() == 16


def test_a_segment_of_one_pixel_is_all_outline():
    picture = draw_segments(np.full((9, 9), 100, dtype=np.uint8), [layer(RED, square(9, 4, 5))], 3)
    assert tuple(picture[4, 4]) == RED
    assert (picture.reshape(-1, 3) == RED).all(axis=1).sum() == 1


def test_a_fill_lets_the_image_through_and_leaves_the_rest_alone():
    grey = np.arange(400, dtype=np.int64).reshape(20, 20).astype(np.uint8)
    mask = square(20, 4, 16)
    picture = draw_segments(grey, [layer(RED, mask)], 1)
    inside = square(20, 5, 15)
    assert np.array_equal(picture[~mask], np.repeat(grey[~mask][:, None], 3, axis=1))
    expected = grey[inside] * (1 - FILL_PERCENT / 100) + 255 * FILL_PERCENT / 100
    assert np.abs(picture[inside][:, 0] - expected).max() <= 0.51
    assert np.abs(picture[inside][:, 1] - grey[inside] * (1 - FILL_PERCENT / 100)).max() <= 0.51


def test_a_segment_inside_another_keeps_its_whole_outline():
    outer, inner = square(30, 2, 28), square(30, 10, 20)
    for layers in ([layer(RED, outer), layer(BLUE, inner)], [layer(BLUE, inner), layer(RED, outer)]):
        picture = draw_segments(np.full((30, 30), 50, dtype=np.uint8), layers, 1)
        assert (picture[outline(inner, 1)] == BLUE).all()
        assert (picture[outline(outer, 1)] == RED).all()


@pytest.mark.parametrize("count", [2, 3, 5])
def test_segments_that_are_equal_share_their_outline_in_dashes(count):
    mask = square(60, 5, 55)
    colours = [(50 * number, 255 - 50 * number, 0) for number in range(count)]
    picture = draw_segments(np.zeros((60, 60), dtype=np.uint8), [layer(colour, mask) for colour in colours], 1)
    line = picture[outline(mask, 1)]
    shares = [(line == colour).all(axis=1).mean() for colour in colours]
    assert sum(shares) == pytest.approx(1)
    assert min(shares) > 0.5 / count
    assert DASH_PIXELS > 1


def test_fills_do_not_depend_on_the_order_of_segments():
    first, second = layer(RED, square(20, 2, 14)), layer(BLUE, square(20, 6, 18))
    grey = np.full((20, 20), 90, dtype=np.uint8)
    forth, back = draw_segments(grey, [first, second], 1), draw_segments(grey, [second, first], 1)
    both_inside = square(20, 7, 13)
    assert np.array_equal(forth[both_inside], back[both_inside])


def test_an_image_without_a_segment_stays_grey():
    grey = np.arange(9, dtype=np.uint8).reshape(3, 3)
    assert np.array_equal(draw_segments(grey, [], 1), np.repeat(grey[..., None], 3, axis=2))
