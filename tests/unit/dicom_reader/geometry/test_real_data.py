"""What the geometry of real scanners gives, case by case; expectations come from the headers, by hand."""

import nibabel
import numpy as np
import pytest

from clara_stages.dicom_reader.geometry.grid import NoStackError, build_grid
from clara_stages.dicom_reader.geometry.resample import resample
from clara_stages.dicom_reader.geometry.stack import examine_stack
from clara_stages.dicom_reader.policy import GeometryPolicy
from clara_stages.kit import BadInputError
from tests.support.data import case
from tests.unit.dicom_reader.geometry.stacks import read_planes, read_slices, to_source_slices

pytestmark = pytest.mark.data

FINDINGS = {
    "hard-gantry-tilt": {
        "tilt": "each slice lies 1.21 mm beside the one before it, so that the stack leans 14.0 degrees "
        "(tilted gantry)",
    },
    "hard-missing-slice": {
        "missing": "the gap between slices 3 and 4 of 4 is 10.00 mm, the usual gap 5.00 mm: 1 slice is missing there",
    },
    "hard-tilt-and-missing-slice": {
        "tilt": "each slice lies 0.21 mm beside the one before it, so that the stack leans 15.5 degrees "
        "(tilted gantry)",
        "missing": "the gap between slices 3 and 4 of 4 is 1.50 mm, the usual gap 0.75 mm: 1 slice is missing there",
    },
    "hard-one-position": {"one_place": "the series has 4 images at 1 position: that is no stack"},
    "hard-two-orientations": {
        "orientations": "the series mixes 2 orientations: 2 images along (0.016, 0.993, 0.115, -0.039, 0.116, -0.993); "
        "2 images along (0.999, -0.011, -0.040, 0.021, 0.970, 0.244); one volume has one",
        "pixel_spacings": "the series mixes 2 pixel spacings (mm): 2 images with 0.32 x 0.32, 2 images with 0.555556 x "
        "0.555556; one volume has one",
    },
    "hard-two-slices": {},
    "hard-localizer": {
        "orientations": "the series mixes 3 orientations: 5 images along (1.000, 0.000, 0.000, 0.000, 0.000, -1.000); "
        "5 images along (1.000, 0.000, 0.000, 0.000, 1.000, 0.000); 3 images along (0.000, 1.000, 0.000, 0.000, 0.000, "
        "-1.000); one volume has one",
    },
    "hard-missing-slice-mr": {
        "missing": "the gap between slices 13 and 14 of 18 is 6.00 mm, the usual gap 3.00 mm: 1 slice is missing there",
    },
    "hard-duplicate-position": {
        "repeated": "the series has 6 images at 5 positions: position 5 of 5 along the normal is the first that has 2, "
        "the others have 1",
        "missing": "the gap between slices 3 and 4 of 5 is 115.00 mm, the usual gap 32.50 mm: slices are missing "
        "there, for it is more than 5 times the smallest gap (2 such gaps, after slices 1, 3)",
        "variable_spacing": "the gap between slices 2 and 3 of 5 is 7.50 mm, the usual gap 32.50 mm: uneven spacing",
    },
    "ct-abdomen": {},
    "mr-rtstruct/image": {},
    "hard-oblique-kanji-charset": {},
    "hard-per-slice-rescale": {},
}

GRIDS = {
    "hard-gantry-tilt": ((512, 521, 4), (0.41796875, 0.41796875, 4.85148)),
    "hard-two-slices": ((256, 256, 2), (1, 1, 1)),
    "ct-abdomen": ((512, 512, 41), (0.796875, 0.796875, 5)),
    "mr-rtstruct/image": ((384, 384, 40), (0.5234375, 0.5234375, 5.2)),
    "hard-oblique-kanji-charset": ((64, 64, 4), (2.34375, 2.34375, 4)),
    "hard-per-slice-rescale": ((64, 28, 4), (6.39995861, 4, 0.5)),
}

NO_STACKS = {"hard-one-position", "hard-two-orientations", "hard-localizer"}


@pytest.mark.parametrize("name", FINDINGS)
def test_each_real_case_is_named_in_words_or_becomes_its_grid(name):
    report = examine_stack(read_planes(name))
    assert {finding.kind: finding.message for finding in report.findings} == FINDINGS[name]
    if name in GRIDS:
        grid = build_grid(report)
        assert grid.shape == GRIDS[name][0]
        assert grid.spacing_mm == pytest.approx(GRIDS[name][1], abs=1e-5)
        assert grid.unevenness_mm < 1e-4
    else:
        with pytest.raises(NoStackError if name in NO_STACKS else BadInputError):
            build_grid(report, GeometryPolicy(tilt="shear", spacing="resample"))


@pytest.mark.parametrize("name", [name for name in GRIDS if name != "hard-gantry-tilt"])
def test_the_affine_puts_each_pixel_where_the_header_says(name):
    planes = read_planes(name)
    grid = build_grid(examine_stack(planes))
    for k, index in enumerate(grid.order):
        plane = planes[index]
        row, column = np.array(plane.orientation_lps[:3]), np.array(plane.orientation_lps[3:])
        i, j = plane.columns - 1, plane.rows - 1
        at = (
            np.array(plane.position_lps_mm)
            + row * plane.pixel_spacing_mm[1] * i
            + column * plane.pixel_spacing_mm[0] * j
        )
        assert grid.affine_lps @ [i, j, k, 1] == pytest.approx([*at, 1], abs=1e-3)


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("hard-oblique-kanji-charset", "001_ground_truth.nii.gz"),
        ("hard-per-slice-rescale", "002_non_isotropic_ground_truth.nii.gz"),
    ],
)
def test_the_grid_has_the_corners_of_the_reference(name, reference):
    grid = build_grid(examine_stack(read_planes(name)))
    image = nibabel.load(case(name) / reference)

    def corners(affine, shape):
        index = np.array(np.meshgrid(*[(0, size - 1) for size in shape], [1])).reshape(4, -1)
        points = (affine @ index)[:3].T
        return points[np.lexsort(np.round(points, 1).T)]

    assert corners(grid.affine_ras, grid.shape) == pytest.approx(corners(image.affine, image.shape), abs=0.01)


def test_the_tilted_scan_keeps_its_pixels_and_finds_them_again():
    datasets, planes = read_slices("hard-gantry-tilt")
    grid = build_grid(examine_stack(planes))
    values = np.stack([datasets[index].pixel_array for index in grid.order]).astype(np.int16)
    volume = resample(values, grid.resampling, -1024)
    assert volume.shape == grid.shape[::-1]
    for k, index in enumerate(grid.order):
        origin = grid.affine_lps @ [*grid.resampling.source_origin_index[k], 1]
        assert origin[:3] == pytest.approx(planes[index].position_lps_mm, abs=1e-9)
    whole = grid.resampling.shift_pixels[:, 1]
    assert np.diff(whole) == pytest.approx([-5 * 0.2419218955997 / 0.41796875] * 3)
    assert (volume[3, :512] == values[3]).all()  # the highest slice shifts by nothing, the others up to 8.68 rows
    labels = np.repeat(np.arange(521)[None, :, None], 4, axis=0) * np.ones((1, 1, 512), int)
    found = to_source_slices(labels, grid.resampling.to_json())
    assert found[0, :, 0].tolist() == list(range(9, 521))
    assert found[3, :, 0].tolist() == list(range(512))
