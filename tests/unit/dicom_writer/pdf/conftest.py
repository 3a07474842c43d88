"""Reports as the stage writes them."""

import pytest

from clara_stages.dicom_writer.pdf.build import build
from tests.support.writing import make_job, save_results


def write_report(job, folder):
    """The file of one job."""
    (file,) = save_results(build(job), folder)
    return file


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """Geometry, and options of ``make_job`` -> (job, file); each made once."""
    made = {}

    def make(geometry="axial", **options):
        key = (geometry, *sorted(options.items()))
        if key not in made:
            folder = tmp_path_factory.mktemp(geometry)
            job = make_job(folder / "in", geometry, outputs=["pdf"], **options)
            made[key] = job, write_report(job, folder / "out")
        return made[key]

    return make


@pytest.fixture(scope="session")
def write():
    """``write(job, folder)`` writes the report of a job."""
    return write_report
