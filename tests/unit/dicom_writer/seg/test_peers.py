"""Segmentations as other people's programs read them, and as our own reader does."""

import json
import shutil
import subprocess

import highdicom
import nibabel
import numpy as np
import pytest

from clara_stages.dicom_reader.__main__ import main as read_study
from clara_stages.kit import StageIO
from clara_stages.kit.contract import StageRequest
from tests.support.peers import require_program
from tests.support.writing import BODIES, on_slices
from tests.support.writing_sources import GEOMETRIES

EVEN = ["axial", "oblique", "sagittal", "coronal", "feet_first", "enhanced", "enhanced_4d"]
"""Stacks of even, perpendicular slices."""

PLACED = [*EVEN, "tilted", "uneven"]

FORMS = ["label_map", "segment_stack", "probability_map"]


def indices_of(path, affine_ras):
    """Voxel indices ``(i, j, k)`` on another grid of all voxels of a NIfTI file that are not 0."""
    image = nibabel.load(path)
    voxels = np.argwhere(np.asarray(image.dataobj) > 0)
    to_grid = np.linalg.inv(affine_ras) @ image.affine
    found = voxels @ to_grid[:3, :3].T + to_grid[:3, 3]
    assert np.abs(found - found.round()).max() < 0.02
    return {tuple(index) for index in found.round().astype(int)}


@pytest.mark.peers
@pytest.mark.parametrize("geometry", EVEN)
@pytest.mark.parametrize("form", FORMS[:2])
def test_dcmqi_reads_every_segment_where_it_is(write, tmp_path, geometry, form):
    program = require_program("segimage2itkimage")
    written = write(geometry, form=form)
    output = tmp_path / "dcmqi"
    output.mkdir()
    command = [program, "--inputDICOM", written.path, "--outputDirectory", output, "-t", "nifti", "-p", "s"]
    subprocess.run([*map(str, command)], check=True, capture_output=True, timeout=60)
    segments = written.job.segments
    for label in segments.table.labels:
        expected = {tuple(index) for index in np.argwhere(segments.mask(label.segment_number))}
        assert indices_of(output / f"s-{label.segment_number}.nii.gz", segments.affine_ras) == expected
    (described,) = json.loads((output / "s-meta.json").read_text())["segmentAttributes"][:1]
    assert described[0]["SegmentedPropertyTypeCodeSequence"]["CodeMeaning"] == "Liver"


@pytest.mark.peers
@pytest.mark.parametrize(
    ("geometry", "form"), [*((name, FORMS[0]) for name in PLACED), *(("tilted", form) for form in FORMS[1:])]
)
def test_dciodvfy_finds_no_error(write, geometry, form):
    """It knows no Label Map Segmentation."""
    program = require_program("dciodvfy")
    written = write(geometry, form=form)
    run = subprocess.run([program, str(written.path)], capture_output=True, text=True, timeout=60)
    assert [line for line in (run.stdout + run.stderr).splitlines() if line.startswith("Error")] == []


@pytest.mark.parametrize("geometry", PLACED)
@pytest.mark.parametrize("segmentation_type", ["BINARY", "LABELMAP"])
def test_highdicom_reads_every_slice_of_the_source(write, geometry, segmentation_type):
    written = write(geometry, params={"segmentation_type": segmentation_type})
    source, segments = written.job.source, written.job.segments
    segmentation = highdicom.seg.segread(written.path)
    if source.slices[0].frame is not None:
        found = segmentation.get_pixels_by_source_frame(
            source.slices[0].sop_instance_uid,
            [item.frame for item in source.slices],
            assert_missing_frames_are_empty=True,
        )
    else:
        found = segmentation.get_pixels_by_source_instance(
            [item.sop_instance_uid for item in source.slices], assert_missing_frames_are_empty=True
        )
    for channel, label in enumerate(segments.table.labels):
        np.testing.assert_array_equal(found[..., channel], on_slices(source, segments.mask(label.segment_number)))


@pytest.mark.parametrize("geometry", EVEN)
def test_highdicom_reads_the_volume(write, geometry):
    written = write(geometry)
    segments = written.job.segments
    volume = highdicom.seg.segread(written.path).get_volume(combine_segments=True)
    to_grid = np.linalg.inv(np.diag([-1.0, -1.0, 1.0, 1.0]) @ segments.affine_ras) @ volume.affine
    found = np.argwhere(volume.array)
    indices = (found @ to_grid[:3, :3].T + to_grid[:3, 3]).round().astype(int)
    rebuilt = np.zeros(segments.shape, dtype=int)
    rebuilt[tuple(indices.T)] = volume.array[tuple(found.T)]
    np.testing.assert_array_equal(rebuilt, segments.numbers())


@pytest.mark.parametrize("geometry", [name for name in PLACED if name != "enhanced_4d"])
@pytest.mark.parametrize(
    ("form", "segmentation_type", "read_as"),
    [
        ("label_map", "BINARY", "label_map"),
        ("label_map", "LABELMAP", "label_map"),
        ("segment_stack", "BINARY", "segment_stack"),
    ],
)
def test_our_reader_reads_what_was_written(write, tmp_path, geometry, form, segmentation_type, read_as):
    """On every source slice: between slices of varying distances the reader fills in. It reads no labels of 4D."""
    written = write(geometry, form=form, params={"segmentation_type": segmentation_type})
    study, output = tmp_path / "study", tmp_path / "again"
    shutil.copytree(written.study, study)
    shutil.copy(written.path, study / "seg.dcm")
    output.mkdir()
    params = {**GEOMETRIES[geometry], "select": 'series.modality != "SEG"', "annotations": read_as}
    request = StageRequest(
        workflow="w", dag_run_id="r", stage="read", stage_key="k", output=str(output), inputs={"study": str(study)},
        params=params,
    )  # fmt: skip
    read_study(StageIO(request))
    labels = json.loads((output / read_as / "labels.json").read_text())["labels"]
    assert [label["name"] for label in labels] == [body.name for body in BODIES]
    segments, source = written.job.segments, written.job.source
    name = "labels.nii" if read_as == "label_map" else "segments.nii"
    found = np.asarray(nibabel.load(output / read_as / name).dataobj)
    for channel, label in enumerate(labels):
        mask = found == label["value"] if read_as == "label_map" else found[..., 0, channel] > 0
        expected = segments.mask(label["segment_number"])
        np.testing.assert_array_equal(on_slices(source, mask), on_slices(source, expected))
