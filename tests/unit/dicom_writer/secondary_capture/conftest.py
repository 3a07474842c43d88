"""Pictures as the stage writes them."""

import pytest

from clara_stages.dicom_writer.secondary_capture.build import build
from tests.support.writing import make_job, save_results


def write_pictures(job, folder):
    """The files of one job, in order."""
    return save_results(build(job), folder)


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """Geometry, and options of ``make_job`` -> (job, files); each made once."""
    made = {}

    def make(geometry="axial", **options):
        key = (geometry, *sorted(options.items()))
        if key not in made:
            folder = tmp_path_factory.mktemp(geometry)
            job = make_job(folder / "in", geometry, outputs=["sc"], **options)
            made[key] = job, write_pictures(job, folder / "out")
        return made[key]

    return make


@pytest.fixture(scope="session")
def write():
    """``write(job, folder)`` writes the pictures of a job."""
    return write_pictures
