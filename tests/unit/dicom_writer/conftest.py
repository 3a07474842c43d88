"""Running the stage in this process, on inputs that were made once."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydicom import dcmread

from clara_stages.dicom_writer.params import OUTPUT_NAMES
from clara_stages.kit.contract import StageRequest
from clara_stages.kit.contract.request import REQUEST_VARIABLE
from tests.support.writing import write_inputs

IMAGES = Path(__file__).parents[3] / "images"


class Run:
    """What one run of the stage left: its short result, its folder, its objects."""

    def __init__(self, short, output: Path):
        self.short, self.output = short, output

    @property
    def warnings(self):
        return self.short.warnings

    @property
    def error(self):
        return self.short.error.message if self.short.error else ""

    @property
    def entries(self):
        return json.loads((self.output / "instances/instances.json").read_text())["instances"]

    @property
    def headers(self):
        return [dcmread(self.output / "instances" / entry["file"]) for entry in self.entries]

    @property
    def left(self):
        """Every file below the output folder, by its relative name."""
        return sorted(str(path.relative_to(self.output)) for path in self.output.rglob("*") if path.is_file())


def request_of(inputs, output, stage_key="k", **params):
    """The request that the operator would make."""
    return StageRequest(
        workflow="w", dag_run_id="r", stage="write", stage_key=stage_key, output=str(output),
        inputs={name: str(folder) for name, folder in inputs.items()}, params=params,
    )  # fmt: skip


def run_here(inputs, output, stage_key="k", **params):
    """Run the stage as ``kit.run`` does, but in this process."""
    # By name: pytest must not take a __main__ module for its own.
    main = importlib.import_module("clara_stages.dicom_writer.__main__")
    kit = importlib.import_module("clara_stages.kit.stage")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(REQUEST_VARIABLE, request_of(inputs, output, stage_key, **params).to_json())
        patch.setattr("sys.argv", ["x"])
        return Run(kit._attempt(main.main, "dicom_writer", "2"), output)


@pytest.fixture
def run_writer(tmp_path):
    """Runs the stage here: ``run_writer(inputs, name="out", stage_key="k", **params)``."""

    def run(inputs, *, name="out", **given):
        return run_here(inputs, tmp_path / name, **given)

    return run


@pytest.fixture(scope="session")
def axial_inputs(tmp_path_factory):
    """Label map, source and volume of an axial CT; shared, so never changed."""
    return write_inputs(tmp_path_factory.mktemp("axial") / "inputs")


@pytest.fixture(scope="session")
def all_written(axial_inputs, tmp_path_factory):
    """One run that wrote every output of the axial CT; shared, so never changed."""
    return run_here(axial_inputs, tmp_path_factory.mktemp("all_written") / "out", outputs=list(OUTPUT_NAMES)[::-1])


@pytest.fixture
def writer_process(tmp_path):
    """Starts the stage as a process, by hand or as a task does: ``writer_process(inputs, name="out", **params)``."""

    def start(inputs, *, name="out", as_a_task_into=None, **params):
        command = [sys.executable, "-m", "clara_stages.dicom_writer"]
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(IMAGES)}
        if as_a_task_into is not None:
            environment[REQUEST_VARIABLE] = request_of(inputs, as_a_task_into, **params).to_json()
        else:
            command += ["--output", str(tmp_path / name)]
            for key, folder in inputs.items():
                command += ["--input", f"{key}={folder}"]
            for key, value in params.items():
                command += ["--param", f"{key}={json.dumps(value)}"]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip

    return start


@pytest.fixture
def run_process(writer_process):
    """Runs the stage by hand as a process; returns its short result and its log."""

    def run(inputs, **given):
        process = writer_process(inputs, **given)
        log, complaints = process.communicate(timeout=300)
        assert complaints == ""
        short = json.loads(log.splitlines()[-1])["short_result"]
        assert process.returncode == short["exit_code"], short
        return short, log

    return run
