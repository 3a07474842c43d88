"""What programs of others make of a written structure set."""

import subprocess

import numpy as np
import pytest
import SimpleITK as sitk

from tests.support.peers import require_program
from tests.support.writing import on_slices
from tests.support.writing_sources import GEOMETRIES

PLACED = sorted(set(GEOMETRIES) - {"projection", "no_frame_of_reference"})

PLASTIMATCH_READS = ["axial", "coronal", "feet_first", "oblique", "sagittal"]
"""It reads no multi-frame image, and makes an even, upright stack of uneven and of tilted slices."""

_XOR_IS_NEW = "Unrecognized enumerated value = <CLOSEDPLANAR_XOR>"
"""The dciodvfy of 2022 says so of a contour type that the Standard has since 2019 (PS3.3 Table C.8-42)."""

pytestmark = pytest.mark.peers


@pytest.mark.parametrize("holes", ["keyhole", "xor"])
@pytest.mark.parametrize("geometry", PLACED)
def test_dciodvfy_finds_no_error(job_of, write, geometry, holes):
    program = require_program("dciodvfy")
    job, _ = job_of(geometry, params={"holes": holes})
    found = subprocess.run([program, "-new", write(job)], capture_output=True, text=True, check=False).stderr
    assert found.splitlines()[0] == "RTStructureSet"
    faults = [line for line in found.splitlines() if line.startswith(("Error", "Warning"))]
    assert [line for line in faults if holes == "keyhole" or _XOR_IS_NEW not in line] == []


@pytest.mark.parametrize("geometry", PLASTIMATCH_READS)
def test_plastimatch_finds_the_same_voxels(job_of, write, tmp_path, geometry):
    program = require_program("plastimatch")
    job, folder = job_of(geometry)
    subprocess.run(
        [
            *(program, "convert", "--input", write(job), "--referenced-ct", folder / "read" / "source"),
            *("--output-prefix", tmp_path / "masks", "--prefix-format", "nii.gz"),
        ],
        capture_output=True,
        check=True,
    )
    for label in job.segments.table.labels:
        found = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "masks" / f"{label.name}.nii.gz"))) > 0
        expected = on_slices(job.source, job.segments.mask(label.segment_number))
        assert expected.sum() > 300
        assert 2 * (found & expected).sum() / (found.sum() + expected.sum()) >= 0.99, label.name
        assert np.array_equal(found, expected)
