import json
from types import SimpleNamespace

import nibabel
import numpy as np
import pytest

from clara_stages.dicom_reader.annotations.find import find_annotations
from clara_stages.dicom_reader.annotations.output import write_segments
from clara_stages.dicom_reader.annotations.read import read_segments
from clara_stages.dicom_reader.limits import Limits
from clara_stages.kit import StageError
from clara_stages.kit.contract.kinds import KINDS, Kind
from tests.unit.dicom_reader.annotations.grids import annotation_of
from tests.unit.dicom_reader.annotations.objects import (
    OBLIQUE,
    contour,
    make_grid,
    rtstruct_dataset,
    save,
    seg_dataset,
)

SQUARE = [(1.5, 1.5), (6.5, 1.5), (6.5, 5.5), (1.5, 5.5)]
REQUIRED = {
    "value",
    "segment_number",
    "name",
    "voxels",
    "category",
    "type",
    "laterality",
    "anatomic_region",
    "colour_rgb",
}


def write(tmp_path, dataset, grid, kind):
    segments = read_segments(annotation_of(save(dataset, tmp_path / "object.dcm")), grid, Limits(), kind)
    folder = tmp_path / "out"
    folder.mkdir()
    write_segments(folder, segments, grid)
    assert sorted(path.name for path in folder.iterdir()) == sorted(KINDS[kind].required_files)
    return folder, json.loads((folder / "labels.json").read_text())


def test_a_label_map_has_the_affine_of_the_volume_and_a_complete_table(tmp_path):
    grid = make_grid(axes=OBLIQUE)
    rois = {1: [], 4: [contour(grid, SQUARE, 1)], 300: [contour(grid, SQUARE, 3)]}
    folder, table = write(tmp_path, rtstruct_dataset(grid, rois), grid, Kind.LABEL_MAP)
    image = nibabel.load(folder / "labels.nii")
    assert np.allclose(image.affine, np.diag([-1, -1, 1, 1]) @ grid.affine_lps, atol=1e-5)
    values = np.asarray(image.dataobj)
    assert (values.dtype.name, values.shape) == ("uint16", grid.shape)
    assert set(np.unique(values[:, :, 1])) == {0, 4}
    rows = table["labels"]
    assert [(row["value"], row["segment_number"], row["voxels"]) for row in rows] == [
        (1, None, 0),
        (4, 1, 20),
        (300, 2, 20),
    ]
    assert all(row.keys() >= REQUIRED for row in rows)
    assert rows[1]["name"] == "region 4"
    assert rows[1]["type"] == {"scheme": "SCT", "value": "228791009", "meaning": "Gross tumor volume"}
    assert table["algorithm"]["family"]["meaning"] == "Manual Processing"
    assert all(table[key] for key in ("intended_use", "series_description", "content_label"))
    assert table["notes"] == ["no voxel on the grid: ROI 1"]


def test_a_stack_has_one_channel_for_each_segment_with_voxels_and_the_table_says_which(tmp_path):
    grid = make_grid()
    rois = {1: [], 4: [contour(grid, SQUARE, 1)], 5: [contour(grid, SQUARE, 1)]}
    folder, table = write(tmp_path, rtstruct_dataset(grid, rois), grid, Kind.SEGMENT_STACK)
    values = np.asarray(nibabel.load(folder / "segments.nii").dataobj)
    assert (values.dtype.name, values.shape) == ("uint8", (*grid.shape, 1, 2))
    assert [(row["value"], row["channel"]) for row in table["labels"]] == [(1, None), (4, 0), (5, 1)]


def test_a_probability_map_holds_the_fractions_as_float32(tmp_path):
    grid = make_grid()
    values = np.full((9, 11), 50, np.uint8)
    folder, table = write(tmp_path, seg_dataset(grid, [(1, 0, values)], kind="FRACTIONAL"), grid, Kind.PROBABILITY_MAP)
    stored = np.asarray(nibabel.load(folder / "probabilities.nii").dataobj)
    assert (stored.dtype.name, stored.shape) == ("float32", (*grid.shape, 1, 1))
    assert np.unique(stored[:, :, 0]).tolist() == [0.25]
    assert table["source"]["kind"] == "fractional"


def test_equal_input_gives_equal_bytes(tmp_path):
    grid = make_grid()
    dataset = rtstruct_dataset(grid, {1: [contour(grid, SQUARE, 1)]})
    written = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        folder, _ = write(tmp_path / name, dataset, grid, Kind.LABEL_MAP)
        written.append([(folder / file).read_bytes() for file in ("labels.nii", "labels.json")])
    assert written[0] == written[1]


@pytest.mark.parametrize("make", ["seg", "rtstruct"])
def test_no_mutated_object_raises_anything_but_a_sentence(tmp_path, make):
    grid = make_grid()
    mask = np.random.default_rng(1).random((9, 11)) < 0.5
    dataset = (
        seg_dataset(grid, [(1, k, mask) for k in range(5)])
        if make == "seg"
        else rtstruct_dataset(grid, {1: [contour(grid, SQUARE, 1)], 2: [contour(grid, SQUARE, 3)]})
    )
    original = bytearray(save(dataset, tmp_path / "object.dcm").read_bytes())
    random, path = np.random.default_rng(2), tmp_path / "mutated.dcm"
    uid = "1.2.3"
    sop_class = str(dataset.SOPClassUID)
    for round_number in range(150):
        mutated = bytearray(original)
        for _ in range(int(random.integers(1, 6))):
            mutated[int(random.integers(132, len(mutated)))] = int(random.integers(256))
        if round_number % 5 == 0:
            mutated = mutated[: int(random.integers(140, len(mutated)))]
        path.write_bytes(mutated)
        instance = SimpleNamespace(
            path=path, label="file", sop_instance_uid=uid, series_instance_uid=uid, study_instance_uid=uid,
            sop_class_uid=sop_class,
        )  # fmt: skip
        (annotation,) = find_annotations(SimpleNamespace(instances=[instance]))
        try:
            found = read_segments(annotation, grid, Limits(), Kind.LABEL_MAP)
        except StageError:
            continue
        assert found.values.shape == grid.shape
