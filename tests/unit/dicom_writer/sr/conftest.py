"""Measurement reports as the stage writes them, of every geometry."""

import functools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.seg.build import build as build_segmentation
from clara_stages.dicom_writer.sr.build import build
from clara_stages.dicom_writer.sr.check import check
from clara_stages.dicom_writer.sr.content import measurement_groups
from tests.support.writing import make_job


@dataclass(frozen=True, kw_only=True)
class Report:
    """One written report.

    Attributes:
        job: What it was written for.
        path: Its file.
        warnings: What the writer warned of.
    """

    job: Job
    path: Path
    warnings: list[str]

    @property
    def dataset(self) -> Dataset:
        return dcmread(self.path)

    @property
    def groups(self):
        return measurement_groups(self.dataset)

    @property
    def findings(self):
        return {finding.name for finding in check([self.path], self.job)}

    def change(self, edit):
        """Change the file."""
        dataset = self.dataset
        edit(dataset)
        dataset.save_as(self.path, enforce_file_format=True)


@pytest.fixture(scope="session")
def report_jobs(tmp_path_factory):
    """Jobs, by the arguments of ``make_job``; equal ones are made once."""

    @functools.cache
    def make(geometry: str, options: frozenset) -> Job:
        return make_job(tmp_path_factory.mktemp(geometry), geometry, **dict(options))

    return make


@pytest.fixture(scope="session")
def built_reports(report_jobs):
    """(Job, report, warnings), by the arguments of ``write`` but ``change``; equal ones are built once."""

    @functools.cache
    def make(geometry: str, with_seg: bool, options: frozenset) -> tuple[Job, Dataset, list[str]]:
        return build_report(report_jobs(geometry, options), with_seg)

    return make


def build_report(job, with_seg) -> tuple[Job, Dataset, list[str]]:
    warnings: list[str] = []
    job = replace(job, warn=warnings.append, written={})
    if with_seg and job.source.has_place and job.source.frame_of_reference_uid:
        silent = replace(job, warn=lambda _: None)  # what the SEG is warned of is not the report's
        job.written["seg"] = [dataset for _, dataset in build_segmentation(silent)]
    ((_, result),) = build(job)
    return job, result, warnings


@pytest.fixture
def write(report_jobs, built_reports, tmp_path):
    """Save the report of a job, beside a segmentation where there can be one.

    ``change`` makes another job of it, whose report is built anew; the other arguments are those of ``make_job``.
    """

    def run(geometry="axial", *, with_seg=True, change=None, **options: Any) -> Report:
        key = frozenset(options.items())
        if change:
            job, result, warnings = build_report(change(report_jobs(geometry, key)), with_seg)
        else:
            job, result, warnings = built_reports(geometry, with_seg, key)
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}-sr.dcm"
        result.save_as(path, enforce_file_format=True)
        return Report(job=job, path=path, warnings=warnings)

    return run
