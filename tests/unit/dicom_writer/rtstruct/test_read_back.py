"""What dicom_reader makes of a written structure set, on the grid it made the volume on."""

import json
import shutil

import nibabel
import numpy as np
import pytest

from tests.support.reading import run_stage
from tests.support.writing import on_slices
from tests.support.writing_sources import GEOMETRIES

READABLE = sorted(set(GEOMETRIES) - {"projection", "no_frame_of_reference", "enhanced_4d"})
"""A label map has no time points: the reader refuses annotations of a 4D volume."""


def read_back(folder, path, form, **params):
    shutil.copytree(folder / "study", path.parent / "study")
    shutil.copy(path, path.parent / "study" / "rtstruct.dcm")
    run_stage(path.parent / "study", path.parent / "out", annotations=form, **params)
    output = path.parent / "out" / form
    name = "labels.nii" if form == "label_map" else "segments.nii"
    document = json.loads((output / "labels.json").read_text())
    return np.asarray(nibabel.load(output / name).dataobj), document["labels"]


@pytest.mark.parametrize("holes", ["keyhole", "xor"])
@pytest.mark.parametrize("geometry", READABLE)
def test_dicom_reader_finds_the_same_voxels_on_every_source_slice(job_of, write, geometry, holes):
    job, folder = job_of(geometry, params={"holes": holes})
    values, labels = read_back(folder, write(job), "label_map", **GEOMETRIES[geometry])
    for label in labels:
        expected = on_slices(job.source, job.segments.mask(label["value"]))
        assert expected.any()
        assert np.array_equal(on_slices(job.source, values == label["value"]), expected)
    assert [label["name"] for label in labels] == ["liver", "left kidney", "aorta"]


def test_dicom_reader_finds_overlapping_segments_and_their_meaning(job_of, write):
    job, folder = job_of("axial", form="segment_stack")
    values, labels = read_back(folder, write(job), "segment_stack")
    for label in labels:
        assert np.array_equal(values[:, :, :, 0, label["channel"]] > 0, job.segments.mask(label["value"]))
    assert [label["type"]["value"] for label in labels] == ["10200004", "64033007", "15825003"]
    assert {(label["algorithm_type"], label["interpreted_type"]) for label in labels} == {("AUTOMATIC", "ORGAN")}
    assert [tuple(label["colour_rgb"]) for label in labels] == [
        label.colour_rgb for label in job.segments.table.labels
    ]  # fmt: skip
