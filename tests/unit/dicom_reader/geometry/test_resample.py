"""Slices become planes of an orthogonal volume: values, edges, padding, and the way back."""

import json

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from clara_stages.dicom_reader.geometry.grid import build_grid
from clara_stages.dicom_reader.geometry.resample import resample
from clara_stages.dicom_reader.geometry.stack import examine_stack
from clara_stages.dicom_reader.policy import GeometryPolicy
from tests.unit.dicom_reader.geometry.stacks import EVEN, OBLIQUE, stack, to_source_slices

EVEN_OUT = GeometryPolicy(spacing="resample")
TWO_SPACINGS = (0, 2.5, 5, 7.5, 12.5, 17.5, 22.5)


def resampling_of(planes, policy=EVEN_OUT):
    return build_grid(examine_stack(planes), policy).resampling


def noise(shape, dtype=np.int16):
    return np.random.default_rng(3).integers(-1024, 3000, shape).astype(dtype)


def test_a_shift_by_whole_pixels_copies_every_value():
    planes = stack(lean=(0, 0.36))  # one row of 0.9 mm for each slice
    values = noise((5, 10, 12))
    volume = resample(values, resampling_of(planes), -1024)
    assert volume.shape == (5, 14, 12)
    assert volume.dtype == np.int16
    for k in range(5):
        assert (volume[k, k : k + 10] == values[k]).all()
        assert (volume[k, :k] == -1024).all()
        assert (volume[k, k + 10 :] == -1024).all()


def test_a_shift_by_parts_of_a_pixel_is_linear_and_holds_the_edges_half_a_pixel():
    planes = stack((0, 2.5, 5, 7.5), size=(3, 4), lean=(0.8 * 0.25 / 2.5, 0))  # a quarter of a column for each slice
    values = np.array([[[0, 100, 200, 300]] * 3] * 4, dtype=np.int16)
    volume = resample(values, resampling_of(planes), -1024)
    assert volume[0, 0].tolist() == [0, 100, 200, 300, -1024]
    assert volume[1, 0].tolist() == [0, 75, 175, 275, -1024]
    assert volume[2, 0].tolist() == [0, 50, 150, 250, 300]
    assert volume[3, 0].tolist() == [-1024, 25, 125, 225, 300]


def test_values_are_rounded_and_floats_are_not():
    planes = stack((0, 2.5, 5), size=(3, 4), lean=(0.8 * 0.25 / 2.5, 0))
    values = np.array([[[0, 1, 2, 3]] * 3] * 3)
    assert resample(values.astype(np.int16), resampling_of(planes), 0)[1, 0].tolist() == [0, 1, 2, 3, 0]
    assert resample(values.astype(np.float32), resampling_of(planes), 0)[1, 0].tolist() == [0, 0.75, 1.75, 2.75, 0]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, np.float64])
def test_the_dtype_stays_and_large_values_stay_exact(dtype):
    planes = stack((0, 2.5, 5, 10, 15, 20), lean=(0, 0.1))
    top = 2**24 + 1 if np.dtype(dtype).itemsize >= 4 and dtype != np.float32 else 255
    volume = resample(np.full((6, 10, 12), top, dtype=dtype), resampling_of(planes), 0)
    assert volume.dtype == dtype
    assert set(np.unique(volume)) == {0, top}


def test_planes_between_slices_are_a_mixture_of_both():
    values = np.arange(7, dtype=np.int16)[:, None, None] * np.full((7, 10, 12), 100, dtype=np.int16)
    volume = resample(values, resampling_of(stack(TWO_SPACINGS)), -1024)
    assert volume[:, 5, 6].tolist() == [0, 100, 200, 300, 350, 400, 450, 500, 550, 600]
    assert (volume == volume[:, :1, :1]).all()


def test_a_voxel_that_one_of_two_slices_covers_is_the_nearer_ones_and_never_mixed_with_padding():
    planes = stack((0, 2, 4, 6, 12, 18, 24), size=(4, 4), pixel_spacing_mm=(1, 1), lean=(0.5, 0))
    values = np.full((7, 4, 4), 100, dtype=np.int16)
    values[4] = 400
    volume = resample(values, resampling_of(planes), -1024)
    assert volume[4, 0, 2:12].tolist() == [-1024, 100, 100, 100, 200, -1024, -1024, -1024, -1024, -1024]
    assert volume[5, 0, 2:12].tolist() == [-1024, -1024, -1024, -1024, 300, 400, 400, 400, -1024, -1024]


def test_padding_must_be_a_value_of_the_dtype_and_the_shape_that_of_the_source():
    made = resampling_of(stack(lean=(0, 0.2)))
    with pytest.raises(ValueError, match="padding -1024 is no value of uint8"):
        resample(np.zeros((5, 10, 12), np.uint8), made, -1024)
    with pytest.raises(ValueError, match="padding nan is no value of int16"):
        resample(np.zeros((5, 10, 12), np.int16), made, float("nan"))
    with pytest.raises(ValueError, match=r"shape \(5, 12, 10\), expected \(5, 10, 12\)"):
        resample(np.zeros((5, 12, 10), np.int16), made, 0)
    assert np.isnan(resample(np.zeros((5, 10, 12), np.float32), made, float("nan"))).any()


def test_progress_is_said_for_each_plane():
    said = []
    made = resampling_of(stack(lean=(0, 0.2)))
    resample(noise((5, 10, 12)), made, 0, progress=lambda done, total: said.append((done, total)))
    assert said == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


@pytest.mark.parametrize("lean", [(0, 0.36), (0, -0.25), (0.21, 0), (-0.3, 0.17), (0.4, -0.4)])
@pytest.mark.parametrize("places", [EVEN, TWO_SPACINGS])
def test_labels_come_back_onto_the_source_slices(lean, places):
    """Every pixel gets back the label of the voxel nearest to it, at most half a voxel away."""
    made = resampling_of(stack(places, orientation=OBLIQUE, lean=lean))
    transform = json.loads(json.dumps(made.to_json()))
    columns, rows, planes = made.shape
    k, j, i = np.indices((planes, rows, columns))
    back_i, back_j, back_k = (to_source_slices(index, transform) for index in (i, j, k))
    for index, (at_i, at_j, at_k) in enumerate(made.source_origin_index):
        assert np.abs(back_i[index] - (at_i + np.arange(12))).max() <= 0.5 + 1e-9
        assert np.abs(back_j[index] - (at_j + np.arange(10)[:, None])).max() <= 0.5 + 1e-9
        assert np.abs(back_k[index] - at_k).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("lean", [(0, 0.36), (0.64, -0.36)])
def test_a_shift_by_whole_pixels_is_undone_exactly(lean):
    values = noise((5, 10, 12))
    made = resampling_of(stack(lean=lean))
    assert (to_source_slices(resample(values, made, 0), made.to_json()) == values).all()


def test_a_ball_keeps_its_centre_and_size_when_a_stack_is_straightened():
    planes = stack(
        np.arange(40) * 1.5, size=(64, 64), origin=(-32, -32, 0), pixel_spacing_mm=(1.0, 1.0), lean=(0.1, 0.3)
    )
    grid = build_grid(examine_stack(planes))
    inside = np.array([-22 + 12.3, -15 + 12.2, 30.4])  # beside the middle of the leaning stack

    def ball(points):
        return (1000 / (1 + np.exp(2 * (np.linalg.norm(points - inside, axis=-1) - 10)))).astype(np.int16)

    j, i = np.indices((64, 64))
    source = np.stack([ball(np.array(p.position_lps_mm) + np.stack([i, j, 0 * i], -1)) for p in planes])
    volume = resample(source, grid.resampling, 0)
    k, j, i = np.nonzero(volume > 500)
    centre = (grid.affine_lps @ [i.mean(), j.mean(), k.mean(), 1])[:3]
    assert centre == pytest.approx(inside, abs=0.1)
    assert len(k) * 1.5 == pytest.approx(4 / 3 * np.pi * 10**3, rel=0.01)


@pytest.mark.parametrize("lean", [(0, 0.25), (0.31, -0.2)])
@pytest.mark.parametrize("places", [EVEN, TWO_SPACINGS])
def test_inside_the_slices_the_values_are_those_of_another_linear_interpolation(lean, places):
    grid = build_grid(examine_stack(stack(places, orientation=OBLIQUE, lean=lean)), EVEN_OUT)
    made = grid.resampling
    values = noise((len(places), 10, 12), np.float64)
    volume = resample(values, made, -5000)
    k, j, i = np.indices(volume.shape)
    below, above = made.lower[k], made.upper[k]
    origins = made.source_origin_index
    expected, inside = np.zeros(volume.shape), np.ones(volume.shape, dtype=bool)
    for at, weight in ((below, 1 - made.weight[k]), (above, made.weight[k])):
        there = np.stack([at, j - origins[at, 1], i - origins[at, 0]])
        expected = expected + weight * map_coordinates(values, there, order=1)
        inside &= (there >= 0).all(axis=0) & (there[1] <= 9) & (there[2] <= 11)
    assert inside.sum() > 200
    assert volume[inside] == pytest.approx(expected[inside], abs=1e-6)
