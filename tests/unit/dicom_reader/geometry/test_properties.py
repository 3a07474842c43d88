"""What must hold for every stack: any orientation, spacing, tilt, order, loss and repetition."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydicom.valuerep import format_number_as_ds

from clara_stages.dicom_reader.geometry.findings import FindingKind
from clara_stages.dicom_reader.geometry.grid import Grid, build_grid
from clara_stages.dicom_reader.geometry.plane import Plane
from clara_stages.dicom_reader.geometry.resample import resample
from clara_stages.dicom_reader.geometry.stack import examine_stack
from clara_stages.dicom_reader.policy import GeometryPolicy
from clara_stages.kit import BadInputError
from tests.unit.dicom_reader.geometry.stacks import stack, tangent, to_source_slices

# The same examples each time: a test that fails on some days only helps nobody.
checked = settings(max_examples=150, deadline=None, derandomize=True, database=None)

EVERYTHING = GeometryPolicy(tilt="resample", spacing="resample")
AXES = [np.array(axis, float) * sign for axis in ((1, 0, 0), (0, 1, 0), (0, 0, 1)) for sign in (1, -1)]


@st.composite
def orientations(draw):
    """Six cosines: along the axes, with flips, or anywhere."""
    if draw(st.booleans()):
        row = draw(st.sampled_from(AXES))
        column = draw(st.sampled_from([axis for axis in AXES if abs(axis @ row) < 0.5]))
        return (*row, *column)
    w, x, y, z = draw(st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: sum(v * v for v in q) > 0.1))
    w, x, y, z = np.array([w, x, y, z]) / math.sqrt(w * w + x * x + y * y + z * z)
    row = (1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w))
    column = (2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w))
    return (*row, *column)


@st.composite
def leans(draw, least=0.3, most=30.0):
    """A tilt in degrees, and how the stack goes sideways along row and column."""
    degrees, around = draw(st.floats(least, most)), draw(st.sampled_from([0, 90, 180, 270]) | st.floats(0, 360))
    around = math.radians(around)
    return degrees, (tangent(degrees) * math.cos(around), tangent(degrees) * math.sin(around))


def slices(least=4, most=30):
    return st.integers(least, most)


gaps_mm = st.floats(0.2, 12)
shapes = {
    "orientation": orientations(),
    "origin": st.tuples(*[st.floats(-900, 900)] * 3),
    "size": st.tuples(st.integers(2, 9), st.integers(2, 9)),
    "pixel_spacing_mm": st.tuples(st.floats(0.1, 6), st.floats(0.1, 6)),
}
made_of = st.fixed_dictionaries(shapes)


def written(plane):
    """The plane as decimal strings of at most 16 characters say it (PS3.5 6.2)."""
    return dataclasses.replace(
        plane,
        position_lps_mm=tuple(float(format_number_as_ds(value)) for value in plane.position_lps_mm),
        orientation_lps=tuple(float(format_number_as_ds(value)) for value in plane.orientation_lps),
        pixel_spacing_mm=tuple(float(format_number_as_ds(value)) for value in plane.pixel_spacing_mm),
    )


def pixel_lps_mm(plane, i, j):
    """Where a pixel lies: the equation of PS3.3 C.7.6.2.1.1, shape ``(..., 3)``."""
    row, column = np.array(plane.orientation_lps[:3]), np.array(plane.orientation_lps[3:])
    between_rows, between_columns = plane.pixel_spacing_mm
    i, j = np.asarray(i, float)[..., None], np.asarray(j, float)[..., None]
    return np.array(plane.position_lps_mm) + row * between_columns * i + column * between_rows * j


def distance_mm(grid: Grid, planes):
    """The largest error of the affine over all corners of all slices."""
    made = grid.resampling
    origins = [(0, 0, k) for k in range(len(planes))] if made is None else made.source_origin_index
    errors = []
    for index, origin in zip(grid.order, origins, strict=True):
        plane = planes[index]
        for i in (0, plane.columns - 1):
            for j in (0, plane.rows - 1):
                at = grid.affine_lps @ [*np.add(origin, [i, j, 0]), 1]
                errors.append(np.linalg.norm(at[:3] - pixel_lps_mm(plane, i, j)))
    return max(errors)


def indices_in_source(grid, below):
    """For each voxel its index ``(slice, j, i)`` in the slice below or above its plane."""
    made = grid.resampling
    k, j, i = np.indices(grid.shape[::-1])
    at = (made.lower if below else made.upper)[k]
    return at, j - made.shift_pixels[at, 1], i - made.shift_pixels[at, 0]


def covered(grid):
    """Voxels of which all slices that they come from have a pixel on either side."""
    columns, rows, _ = grid.resampling.source_shape
    inside = np.ones(grid.shape[::-1], dtype=bool)
    for below in (True, False):
        _, j, i = indices_in_source(grid, below)
        inside &= (j >= -1e-9) & (j <= rows - 1 + 1e-9) & (i >= -1e-9) & (i <= columns - 1 + 1e-9)
    return inside


@checked
@given(made_of, slices(2), gaps_mm, st.booleans(), st.randoms(use_true_random=False))
def test_the_affine_puts_every_pixel_where_its_header_says(shape, count, gap_mm, as_text, random):
    planes = stack(np.arange(count) * gap_mm, **shape)
    random.shuffle(planes)
    planes = [written(plane) for plane in planes] if as_text else planes
    report = examine_stack(planes)
    assert report.findings == ()
    grid = build_grid(report)
    assert distance_mm(grid, planes) <= 1e-4
    assert grid.spacing_mm[2] == pytest.approx(gap_mm, abs=1e-6)
    assert np.linalg.det(grid.affine_ras) > 0
    assert grid.unevenness_mm <= 1e-4


@checked
@given(made_of, slices(2), gaps_mm, leans(0), st.permutations(range(30)), st.booleans())
def test_the_order_of_files_changes_nothing(shape, count, gap_mm, lean, order, is_uneven):
    places = np.arange(count) * gap_mm
    places[count // 2 :] += is_uneven * gap_mm * 0.7
    planes = stack(places, lean=lean[1], **shape)
    order = [index for index in order if index < count]
    one, other = examine_stack(planes), examine_stack([planes[index] for index in order])
    assert one.findings == other.findings
    assert [order[index] for index in other.order] == list(one.order) == list(range(count))
    first, second = build_grid(one, EVERYTHING), build_grid(other, EVERYTHING)
    assert (first.affine_lps == second.affine_lps).all()
    assert first.shape == second.shape


@checked
@given(made_of, slices(4), gaps_mm, leans(0), st.data(), st.booleans())
def test_a_lost_inner_slice_is_always_refused_and_named(shape, count, gap_mm, lean, data, as_text):
    lost = data.draw(st.integers(1, count - 2))
    planes = stack(np.delete(np.arange(count), lost) * gap_mm, lean=lean[1], **shape)
    report = examine_stack([written(plane) for plane in planes] if as_text else planes)
    missing = [finding for finding in report.findings if finding.kind == FindingKind.MISSING]
    assert len(missing) == 1
    assert f"the gap between slices {lost} and {lost + 1} of {count - 1} is " in missing[0].message
    assert missing[0].message.endswith("1 slice is missing there")
    assert report.kinds <= {FindingKind.MISSING, FindingKind.TILT}
    with pytest.raises(BadInputError, match="1 slice is missing"):
        build_grid(report, EVERYTHING)


@checked
@given(made_of, st.lists(st.booleans(), min_size=3, max_size=40), gaps_mm)
def test_any_loss_that_leaves_unequal_gaps_is_refused(shape, kept, gap_mm):
    places = np.flatnonzero([True, *kept, True])
    assume(len(np.unique(np.diff(places))) > 1)
    report = examine_stack(stack(places * gap_mm, **shape))
    assert report.kinds & {FindingKind.MISSING, FindingKind.VARIABLE_SPACING, FindingKind.REPEATED}
    with pytest.raises(BadInputError, match="gap"):
        build_grid(report)


@checked
@given(made_of, slices(1, 20), gaps_mm, st.lists(st.integers(0, 19), min_size=1, max_size=30), leans(0))
def test_a_repeated_place_is_always_refused(shape, count, gap_mm, repeated, lean):
    planes = stack(np.arange(count) * gap_mm, lean=lean[1], **shape)
    report = examine_stack([*planes, *(planes[index % count] for index in repeated)])
    shared = {FindingKind.REPEATED, FindingKind.SEVERAL_VOLUMES, FindingKind.ONE_PLACE}
    assert len(report.kinds & shared) == 1
    assert report.kinds <= shared | {FindingKind.TILT}
    with pytest.raises(BadInputError, match=f"{count + len(repeated)} images at {count} position"):
        build_grid(report, EVERYTHING)


@checked
@given(made_of, slices(3), gaps_mm, leans(), st.booleans(), st.randoms(use_true_random=False))
def test_a_tilt_is_found_with_its_angle_and_undone_exactly(shape, count, gap_mm, lean, as_text, random):
    degrees, sideways = lean
    planes = stack(np.arange(count) * gap_mm, lean=sideways, **shape)
    random.shuffle(planes)
    planes = [written(plane) for plane in planes] if as_text else planes
    report = examine_stack(planes)
    assert report.tilt_degrees == pytest.approx(degrees, abs=1e-4)
    is_more_than_rounding = (count - 1) * gap_mm * tangent(degrees) > 0.11
    assume(is_more_than_rounding)
    assert [finding.kind for finding in report.findings] == [FindingKind.TILT]
    assert f"leans {report.tilt_degrees:.1f} degrees" in report.findings[0].message
    straight, sheared = build_grid(report), build_grid(report, GeometryPolicy(tilt="shear"))
    assert distance_mm(straight, planes) <= 1e-4
    assert distance_mm(sheared, planes) <= 1e-4
    sides = straight.affine_lps[:3, :3]
    assert sides.T @ sides == pytest.approx(np.diag(np.square(straight.spacing_mm)), abs=1e-6)
    assert straight.spacing_mm == pytest.approx(sheared.spacing_mm)


@checked
@given(made_of, leans(0, 30), st.lists(st.sampled_from([1.0, 1.6, 2.0, 3.5]), min_size=3, max_size=12), st.booleans())
def test_a_linear_field_is_the_same_field_in_the_resampled_volume(shape, lean, steps, is_integer):
    planes = stack(np.concatenate([[0], np.cumsum(steps)]), lean=lean[1], **shape)
    report = examine_stack(planes)
    assume(report.kinds and report.kinds <= {FindingKind.TILT, FindingKind.VARIABLE_SPACING})
    grid = build_grid(report, EVERYTHING)
    assume(math.prod(grid.shape) < 200_000)
    j, i = np.indices(shape["size"])
    direction = np.array([3.0, -5.0, 4.0])
    centre = np.array(planes[0].position_lps_mm)
    field = np.stack([(pixel_lps_mm(planes[index], i, j) - centre) @ direction for index in grid.order])
    volume = resample(np.rint(field).astype(np.int16) if is_integer else field, grid.resampling, 30000)
    k, j, i = np.indices(volume.shape)
    points = np.stack([i, j, k], axis=-1) @ grid.affine_lps[:3, :3].T + grid.affine_lps[:3, 3]
    inside = covered(grid)
    error = np.abs(volume - (points - centre) @ direction)[inside]
    assert error.max(initial=0) <= (1.1 if is_integer else 0.02)
    if is_integer:
        assert (volume[inside] != 30000).all()


@checked
@given(st.lists(st.floats(0.01, 5), min_size=3, max_size=40) | st.lists(st.floats(1, 5), min_size=3, max_size=40))
def test_uneven_stacks_are_covered_from_end_to_end_and_every_slice_is_used(gaps):
    places = np.concatenate([[0], np.cumsum(gaps)])
    report = examine_stack(stack(places))
    assume(report.kinds == {FindingKind.VARIABLE_SPACING})
    grid = build_grid(report, EVERYTHING)
    made = grid.resampling
    step = grid.spacing_mm[2]
    assert (grid.shape[2] - 1) * step == pytest.approx(places[-1])
    assert grid.shape[2] <= 5 * len(places)
    assert step <= report.smallest_gap_mm * 1.1
    at = places[made.lower] * (1 - made.weight) + places[made.upper] * made.weight
    assert at == pytest.approx(np.linspace(0, places[-1], grid.shape[2]), abs=1e-3)
    used = np.maximum(np.bincount(made.lower, 1 - made.weight, len(places)), 0)
    used += np.bincount(made.upper, made.weight, len(places))
    assert (used > 0).all()


@checked
@given(made_of, leans(0.5, 30), slices(3, 12), gaps_mm)
def test_every_source_pixel_gets_its_label_back_from_the_voxel_nearest_to_it(shape, lean, count, gap_mm):
    report = examine_stack(stack(np.arange(count) * gap_mm, lean=lean[1], **shape))
    assume(report.findings)
    grid = build_grid(report)
    assume(math.prod(grid.shape) < 200_000)
    made = grid.resampling
    values = np.random.default_rng(0).integers(1, 3000, made.source_shape[::-1]).astype(np.int16)
    back = to_source_slices(resample(values, made, 0), made.to_json())
    assert (back > 0).all()  # nothing is cut: where a pixel was, a value is
    for at, index in ((0, "i"), (1, "j")):
        numbers = np.indices(grid.shape[::-1])[{"i": 2, "j": 1}[index]]
        pixels = np.indices(values.shape)[{"i": 2, "j": 1}[index]]
        away = to_source_slices(numbers, made.to_json()) - pixels - made.source_origin_index[:, at][:, None, None]
        assert np.abs(away).max() <= 0.5 + 1e-9


numbers = st.one_of(st.none(), st.floats(), st.floats(-1e3, 1e3), st.sampled_from([0.0, 1.0, -1.0, 1e308, 5e-324]))


@st.composite
def hostile_planes(draw):
    def several(count):
        drawn = draw(st.lists(numbers, min_size=count, max_size=count))
        return None if None in drawn else tuple(drawn)

    return Plane(
        rows=draw(st.integers(0, 65535)),
        columns=draw(st.integers(0, 65535)),
        position_lps_mm=several(3),
        orientation_lps=draw(st.sampled_from([(1.0, 0, 0, 0, 1, 0), several(6), several(draw(st.integers(0, 7)))])),
        pixel_spacing_mm=draw(st.sampled_from([(1.0, 1.0), several(2)])),
        frame_of_reference_uid=draw(st.sampled_from(["", "1.2", "x"])),
    )


@settings(checked, max_examples=600)
@given(st.lists(hostile_planes() | st.sampled_from(stack()), max_size=8))
@pytest.mark.filterwarnings("error")
def test_no_header_breaks_the_examination_and_only_a_clean_report_makes_a_grid(planes):
    report = examine_stack(planes)
    assert all(finding.message and finding.remedy for finding in report.findings)
    try:
        grid = build_grid(report, EVERYTHING)
    except BadInputError:
        assert report.findings
    else:
        assert np.isfinite(grid.affine_lps).all()
        assert min(grid.spacing_mm) > 0
