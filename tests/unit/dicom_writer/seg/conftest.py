"""Segmentations as the stage writes them, of every geometry."""

import functools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.seg.build import build
from clara_stages.dicom_writer.seg.check import check
from tests.support.writing import make_job


@dataclass(frozen=True, kw_only=True)
class Written:
    """One written segmentation.

    Attributes:
        job: What it was written for.
        path: Its file.
        dataset: The file, read again.
        warnings: What the writer warned of.
        study: The source's files, which other tests use too.
    """

    job: Job
    path: Path
    dataset: Dataset
    warnings: list[str]
    study: Path

    @property
    def findings(self):
        """Names of what the check finds."""
        return {finding.name for finding in self.findings_in_full}

    @property
    def findings_in_full(self):
        return list(check([self.path], self.job))

    def change(self, edit):
        """Change the file."""
        dataset = dcmread(self.path)
        edit(dataset)
        dataset.save_as(self.path, enforce_file_format=True)


@pytest.fixture(scope="session")
def jobs(tmp_path_factory):
    """Jobs and the folders that they were made in; equal options make one."""

    @functools.cache
    def make(geometry: str, options: frozenset) -> tuple[Job, Path]:
        folder = tmp_path_factory.mktemp(geometry)
        return make_job(folder, geometry, **dict(options)), folder

    return make


@pytest.fixture(scope="session")
def built(jobs):
    """(Job, segmentation, warnings), by the arguments of ``write``; equal ones are built once."""

    @functools.cache
    def make(geometry: str, params: frozenset, options: frozenset) -> tuple[Job, Dataset, list[str]]:
        made, _ = jobs(geometry, options)
        warnings: list[str] = []
        job = replace(made, params=replace(made.params, **dict(params)), warn=warnings.append)
        ((_, result),) = build(job)
        return job, result, warnings

    return make


@pytest.fixture
def write(jobs, built, tmp_path):
    """Save the segmentation of a job; the arguments are those of ``make_job``."""

    def run(geometry="axial", params=None, **options: Any) -> Written:
        key = frozenset(options.items())
        job, result, warnings = built(geometry, frozenset((params or {}).items()), key)
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}-seg.dcm"
        result.save_as(path, enforce_file_format=True)
        study = jobs(geometry, key)[1] / "study"
        return Written(job=job, path=path, dataset=dcmread(path), warnings=warnings, study=study)

    return run
