"""Good results of every output, and what the gate says once one of their files is altered."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.gate import dciodvfy
from clara_stages.dicom_writer.gate.finding import Finding, Severity
from clara_stages.dicom_writer.gate.gate import examine
from clara_stages.dicom_writer.header.file_meta import set_file_meta
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.outputs import OUTPUTS
from clara_stages.dicom_writer.quiet_libraries import quiet_libraries
from tests.support.writing import make_job


class Results:
    """What one run wrote."""

    def __init__(self, job: Job, folder: Path, outputs: list[str]):
        self.job, self.folder = job, folder
        self.files: dict[str, list[Path]] = {}
        with quiet_libraries():
            for output in outputs:
                self.files[output] = [self._write(output, *built) for built in OUTPUTS[output].build(job)]

    def _write(self, output: str, name: str, result: Dataset) -> Path:
        set_file_meta(result)
        path = self.folder / name
        result.save_as(path, enforce_file_format=True)
        result.pop("PixelData", None)
        self.job.written.setdefault(output, []).append(result)
        return path

    def dataset(self, output: str, index: int = 0) -> Dataset:
        return dcmread(self.files[output][index])

    def examine(self, job: Job | None = None) -> list[Finding]:
        with quiet_libraries():
            return examine(self.files, job or self.job)

    def after(
        self, output: str, change: Callable[[Dataset], object], index: int = 0, accept=(), second_opinion: bool = False
    ) -> list[Finding]:
        """What the gate finds once ``change`` was made to one file; only its output and what that refers to is read.

        By itself, as where ``dciodvfy`` is not installed, unless a second opinion is asked for.
        """
        dataset = self.dataset(output, index)
        change(dataset)
        altered = self.folder / "altered" / self.files[output][index].name
        altered.parent.mkdir(exist_ok=True)
        with quiet_libraries():
            dataset.save_as(altered, enforce_file_format=True)
        files = {name: paths for name, paths in self.files.items() if name == output or (output, name) == ("sr", "seg")}
        files[output] = [altered if number == index else path for number, path in enumerate(files[output])]
        job = replace(self.job, params=replace(self.job.params, accept=list(accept))) if accept else self.job
        with quiet_libraries(), pytest.MonkeyPatch.context() as patch:
            if not second_opinion:
                patch.setattr(dciodvfy, "program", lambda: None)
            return examine(files, job)


def errors(findings: list[Finding]) -> set[str]:
    return {finding.name for finding in findings if finding.severity is Severity.ERROR}


@pytest.fixture(scope="session")
def results_of(tmp_path_factory):
    """``results_of(geometry, outputs, **options of make_job)``: each built once."""
    built: dict[tuple, Results] = {}

    def make(geometry="axial", outputs=("seg",), **options) -> Results:
        key = (geometry, tuple(outputs), repr(sorted(options.items())))
        if key not in built:
            folder = tmp_path_factory.mktemp("gate")
            job = make_job(folder / "inputs", geometry, outputs=outputs, **options)
            results = folder / "results"
            results.mkdir()
            built[key] = Results(job, results, list(outputs))
        return built[key]

    return make


@pytest.fixture(scope="session")
def errors_of():
    """The names of the errors among findings."""
    return errors


@pytest.fixture
def examine_all():
    """``examine_all(job, folder)``: what the gate finds in everything that the job asks for."""

    def findings(job, folder):
        folder.mkdir()
        return Results(job, folder, job.params.chosen).examine()

    return findings
