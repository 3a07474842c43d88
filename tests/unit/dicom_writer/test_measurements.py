"""Measurements, against what is known of the shapes measured."""

from dataclasses import replace

import numpy as np
import pytest

from clara_stages.dicom_writer.inputs.segments import Form
from clara_stages.dicom_writer.measurements import measure_segments, unit_code
from tests.support.writing import make_job, on_slices

LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def with_mask(job, mask):
    """The job with one segment, where the mask is."""
    (label, *_) = job.segments.table.labels
    table = replace(job.segments.table, labels=(label,), absent=())
    values = np.where(mask, label.value, 0).astype(np.uint8)
    return replace(job, segments=replace(job.segments, values=values, table=table))


def box(job, i, j, k):
    mask = np.zeros(job.segments.shape, dtype=bool)
    mask[slice(*i), slice(*j), slice(*k)] = True
    return mask


def ball(job, radius_mm):
    affine = job.segments.affine_ras
    shape = job.segments.shape
    middle = affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    places = np.moveaxis(np.indices(shape), 0, -1) @ affine[:3, :3].T - middle
    return np.linalg.norm(places, axis=-1) <= radius_mm


@pytest.fixture(scope="module")
def axial(tmp_path_factory):
    return make_job(tmp_path_factory.mktemp("axial"))


def test_a_box_has_its_volume_and_its_diameters(axial):
    (found,) = measure_segments(with_mask(axial, box(axial, (5, 25), (10, 22), (3, 8))))
    assert found.voxels == 20 * 12 * 5
    assert found.volume_ml == pytest.approx(1200 * 2.0 * 2.25 * 5.0 / 1000)
    assert found.long_axis_mm == pytest.approx(np.hypot(20 * 2.0, 11 * 2.25))
    assert found.diameter_3d_mm == pytest.approx(np.linalg.norm([19 * 2.0, 11 * 2.25, 5 * 5.0]))
    assert (found.long_axis_slice, found.largest_slice) == (3, 3)
    assert found.slice_pixels == (0, 0, 0, 240, 240, 240, 240, 240, 0, 0, 0, 0, 0, 0)


def test_the_ends_of_the_long_axis_are_columns_and_rows_of_its_slice(axial):
    (found,) = measure_segments(with_mask(axial, box(axial, (5, 25), (10, 11), (3, 4))))
    assert sorted(found.long_axis_ends) == [(4.5, 10.0), (24.5, 10.0)]


@pytest.mark.parametrize("geometry", ["axial", "oblique", "sagittal", "feet_first", "tilted", "uneven", "enhanced"])
def test_a_ball_has_its_volume_and_diameter_in_every_geometry(geometry, tmp_path):
    job = make_job(tmp_path, geometry, shape=(80, 80, 36), reader=None)
    (found,) = measure_segments(with_mask(job, ball(job, 30.0)))
    assert found.volume_ml == pytest.approx(4 / 3 * np.pi * 27.0, rel=0.02)
    assert 59.0 <= found.diameter_3d_mm <= 65.0  # to the outer faces of slices that are 5 mm apart
    assert 58.0 <= found.long_axis_mm <= 62.5


def test_statistics_are_those_of_the_voxels(axial):
    mask = box(axial, (5, 25), (10, 22), (3, 8))
    values = np.asarray(axial.volume.values, dtype=np.float64)[mask]
    (found,) = measure_segments(with_mask(axial, mask))
    assert (found.minimum, found.maximum) == (values.min(), values.max())
    assert (found.mean, found.sd) == pytest.approx((values.mean(), values.std()))
    assert (found.unit, found.unit_code.value) == ("HU", "[hnsf'U]")


def test_one_voxel_has_a_spread_of_nothing_and_its_own_size(axial):
    (found,) = measure_segments(with_mask(axial, box(axial, (5, 6), (10, 11), (3, 4))))
    assert (found.sd, found.long_axis_mm, found.diameter_3d_mm) == (0.0, 2.25, 5.0)
    assert found.volume_ml == pytest.approx(2.0 * 2.25 * 5.0 / 1000)


def test_without_a_volume_there_are_no_statistics(axial):
    found = measure_segments(replace(axial, volume=None))
    assert {(one.mean, one.sd, one.minimum, one.maximum, one.unit_code) for one in found} == {(None,) * 5}
    assert all(one.volume_ml > 0 for one in found)


def test_values_that_are_no_numbers_give_no_statistics(axial):
    values = np.array(axial.volume.values, dtype=np.float32)
    values[axial.segments.values == 1] = np.nan
    found = measure_segments(replace(axial, volume=replace(axial.volume, values=values)))
    assert [one.mean is None for one in found] == [True, False, False]


def test_projections_have_no_volume_and_no_lengths(tmp_path):
    for found in measure_segments(make_job(tmp_path, "projection")):
        assert (found.volume_ml, found.long_axis_mm, found.long_axis_ends, found.diameter_3d_mm) == (None,) * 4
        assert found.mean is not None
        assert found.slice_pixels == (found.voxels,)


def test_overlapping_segments_are_measured_each_for_itself(tmp_path):
    job = make_job(tmp_path, form="segment_stack")
    found = measure_segments(job)
    assert [one.voxels for one in found] == [int((job.segments.values[..., n] > 0).sum()) for n in range(3)]
    assert sum(one.voxels for one in found) > int((job.segments.values > 0).any(axis=-1).sum())


def test_probabilities_are_measured_where_they_reach_one_half(tmp_path):
    job = make_job(tmp_path, form="probability_map")
    assert [one.voxels for one in measure_segments(job)] == [
        int((job.segments.values[..., n] >= 0.5).sum()) for n in range(3)
    ]
    assert job.segments.form is Form.PROBABILITY_MAP


@pytest.mark.parametrize("form", ["label_map", "segment_stack"])
def test_the_long_axis_of_tilted_slices_is_of_the_slices_themselves(form, tmp_path):
    job = make_job(tmp_path, "tilted", form=form)
    for found in measure_segments(job):
        shown = on_slices(job.source, job.segments.mask(found.label.segment_number))
        assert found.slice_pixels == tuple(int(mask.sum()) for mask in shown)
        (column, row), _ = found.long_axis_ends
        touched = shown[found.long_axis_slice]
        assert touched[round(row + 0.25), round(column + 0.25)] or touched[round(row - 0.25), round(column - 0.25)]


def test_segments_that_are_not_there_are_left_out_or_kept_with_no_volume(tmp_path):
    job = make_job(tmp_path, empty=["left kidney"])
    assert [one.label.name for one in measure_segments(job)] == ["liver", "aorta"]
    kept = measure_segments(replace(job, params=replace(job.params, empty_segments="keep")))
    assert [(one.label.name, one.voxels, one.volume_ml) for one in kept][2:] == [("left kidney", 0, 0.0)]
    assert (kept[2].largest_slice, kept[2].diameter_3d_mm, kept[2].mean) == (None, None, None)


def test_a_unit_that_nobody_knows_is_taken_for_ucum():
    assert (unit_code("mm2/s").scheme, unit_code("mm2/s").value) == ("UCUM", "mm2/s")
    assert unit_code("1").meaning == "no units"
