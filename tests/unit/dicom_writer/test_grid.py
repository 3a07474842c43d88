import numpy as np
import pytest

from clara_stages.dicom_writer.grid import check_same_grid
from clara_stages.dicom_writer.label_map import load_label_map
from clara_stages.dicom_writer.source_series import load_source_series
from clara_stages.kit import BadInputError

NAMES = ["axial", "feet first", "prone", "coronal", "sagittal", "oblique"]


def loaded(labels, source):
    return load_label_map(labels), load_source_series(source)


@pytest.mark.parametrize("name", NAMES)
def test_labels_on_the_source_grid_are_accepted(build, name):
    check_same_grid(*loaded(*build.inputs(name)))


def shift(i=0.0, j=0.0, k=0.0):
    change = np.eye(4)
    change[:3, 3] = i, j, k
    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (np.diag([1, 1, -1, 1]), r"slice 5 of labels\.nii lies 25\.000 mm from that of the source series"),
        (np.diag([-1, 1, 1, 1]), r"a row of labels\.nii ends 16\.500 mm from the end of the source's row"),
        (np.diag([1, -1, 1, 1]), "a column of"),
        (np.diag([1.02, 1, 1, 1]), r"a row of labels\.nii ends 0\.165 mm .* at most 0\.075 mm is one grid"),
        (np.diag([1, 1, 1.1, 1]), r"slice 5 of labels\.nii lies 1\.250 mm"),
        (shift(k=1), r"lies 2\.500 mm .* at most 0\.250 mm"),
        (shift(i=1), r"slice \d of labels\.nii lies 0\.750 mm"),
        (shift(i=0.25), r"labels\.nii is shifted by 0\.188 mm inside the slices .* at most 0\.100 mm"),
    ],
)
def test_a_flipped_scaled_or_shifted_map_is_refused_with_the_distance(build, change, words):
    instances = build.instances("oblique")
    labels = build.labels(build.example_values(), build.affine_ras(instances) @ change)
    with pytest.raises(BadInputError, match=words):
        check_same_grid(*loaded(labels, build.source(instances)))


def test_slices_that_the_reader_takes_for_even_are_accepted(build):
    instances = build.instances()
    affine = build.affine_ras(instances)
    for instance, drift_mm in zip(instances[1:-1], (0.2, -0.1, 0.15, -0.2), strict=True):
        x, y, z = map(float, instance.ImagePositionPatient)
        instance.ImagePositionPatient = [x, y, round(z + drift_mm, 4)]
    check_same_grid(*loaded(build.labels(build.example_values(), affine), build.source(instances)))


def test_another_shape_is_refused_with_both(build):
    instances = build.instances()
    labels = build.labels(build.example_values((12, 9, 5)), build.affine_ras(instances))
    with pytest.raises(BadInputError, match=r"shape \(i, j, k\) = \(12, 9, 5\), the source series has \(12, 9, 6\)"):
        check_same_grid(*loaded(labels, build.source(instances)))


def test_an_affine_in_lps_is_refused(build):
    instances = build.instances()
    lps = np.diag([-1, -1, 1, 1]) @ build.affine_ras(instances)
    with pytest.raises(BadInputError, match="a row of"):
        check_same_grid(*loaded(build.labels(build.example_values(), lps), build.source(instances)))
