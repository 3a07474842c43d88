"""Jobs of every geometry, made once, and structure sets written from them."""

from pathlib import Path

import pytest

from clara_stages.dicom_writer.header.file_meta import set_file_meta
from clara_stages.dicom_writer.rtstruct.build import build
from tests.support.writing import make_job


@pytest.fixture(scope="session")
def job_of(tmp_path_factory):
    """Makes the job of a geometry, whose folder is its second value; equal calls get the same."""
    made = {}

    def make(geometry="axial", **options):
        key = (geometry, repr(sorted(options.items())))
        if key not in made:
            folder = tmp_path_factory.mktemp(geometry)
            made[key] = make_job(folder, geometry, outputs=("rtstruct",), **options), folder
        return made[key]

    return make


@pytest.fixture
def write(tmp_path):
    """Builds and saves the structure set of a job as the stage does: its path."""

    def build_and_save(job, name="rtstruct.dcm") -> Path:
        ((_, dataset),) = build(job)
        set_file_meta(dataset)
        dataset.save_as(tmp_path / name, enforce_file_format=True)
        return tmp_path / name

    return build_and_save
