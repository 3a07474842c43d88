"""The stage as a process on a hostile machine: full disk, closed streams, signals, another stage in its folder."""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from clara_stages.dicom_reader.limits import Limits
from clara_stages.dicom_reader.pixels.pixel_file import PixelFile
from clara_stages.dicom_reader.pixels.stored_values import read_frames
from clara_stages.kit import ResourceBusyError
from clara_stages.kit.command_line import BY_HAND
from clara_stages.kit.contract import ExitCode, ShortResult, folder_digest
from tests.support.reading import plans_of
from tests.support.series import write_ct_series


def command(study: Path, output: Path, *arguments: str) -> list[str]:
    stage = [sys.executable, "-m", "clara_stages.dicom_reader"]
    return [*stage, "--input", f"study={study}", "--output", str(output), *arguments]


def run(study: Path, output: Path, *arguments: str, **options) -> tuple[subprocess.CompletedProcess, ShortResult]:
    done = subprocess.run(
        command(study, output, *arguments), capture_output=True, text=True, timeout=120, check=False, **options
    )
    short = ShortResult.from_line(done.stdout.splitlines()[-1])
    assert short is not None
    assert short.exit_code == done.returncode, done.stdout + done.stderr
    assert done.stderr == ""
    return done, short


def compress(syntax):
    def change(_k, dataset):
        dataset.PixelRepresentation = 0
        dataset.compress(syntax, generate_instance_uid=False)

    return change


def small_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))


def test_a_full_disk_is_no_fault_of_the_study(tmp_path):
    write_ct_series(tmp_path / "in", shape=(128, 128, 8))
    _, short = run(tmp_path / "in", tmp_path / "out", preexec_fn=small_files)
    assert (short.exit_code, short.error.message) == (ExitCode.RESOURCE_BUSY, "the disk is full (EFBIG)")
    assert list((tmp_path / "out").iterdir()) == []


def test_no_room_to_inflate_a_file_is_no_damage_to_it(tmp_path, monkeypatch):
    def change(_k, dataset):
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian

    write_ct_series(tmp_path, shape=(8, 8, 4), change=change)
    frames = plans_of(tmp_path)[0].frames

    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(ResourceBusyError, match=r"the disk is full \(ENOSPC\)"):
        list(read_frames(frames, Limits()))


def test_no_memory_for_an_image_is_no_damage_to_it(tmp_path, monkeypatch):
    write_ct_series(tmp_path, shape=(8, 8, 4))
    frames = plans_of(tmp_path)[0].frames

    def greedy(_self, _index):
        raise MemoryError

    monkeypatch.setattr(PixelFile, "read_native", greedy)
    with pytest.raises(MemoryError):
        list(read_frames(frames, Limits()))


@pytest.mark.parametrize("below", [".", "below"])
def test_an_output_that_cannot_be_a_folder_is_bad_input(tmp_path, below):
    write_ct_series(tmp_path / "in")
    (tmp_path / "file").write_text("mine")
    _, short = run(tmp_path / "in", tmp_path / "file" / below)
    assert short.exit_code == ExitCode.BAD_INPUT
    assert "the output folder cannot be made" in short.error.message
    assert (tmp_path / "file").read_text() == "mine"


def test_names_of_any_bytes_are_read_and_reported_as_utf_8(tmp_path):
    study = Path(os.fsdecode(os.fsencode(tmp_path) + b"/in\xff"))
    first = write_ct_series(study)[0]
    first.rename(Path(os.fsdecode(os.fsencode(study) + b"/\xfe\n.dcm")))
    (study / "self").symlink_to("/proc/self/mem")
    locale = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    _, short = run(study, Path(f"{study}-out"), env=locale)
    assert short.metrics["slices"] == 6
    assert short.warnings == ["1 of 7 files were left out: 1 a link out of the study folder"]


def test_an_axis_that_nifti_cannot_count_is_refused(tmp_path):
    write_ct_series(tmp_path / "in", shape=(32768, 2, 4))
    _, short = run(tmp_path / "in", tmp_path / "out")
    assert short.exit_code == ExitCode.BAD_INPUT
    assert "an axis of the volume has 32768 voxels; NIfTI-1 holds at most 32767" in short.error.message


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_change_nothing(tmp_path, closed):
    write_ct_series(tmp_path / "in", change=compress(RLELossless))
    shell = ["bash", "-c", f'exec "$@" {closed}', "x", *command(tmp_path / "in", tmp_path / "out")]
    assert subprocess.run(shell, capture_output=True, timeout=120, check=False).returncode == 0
    assert json.loads((tmp_path / "out" / "result.json").read_text())["metrics"]["slices"] == 6


def test_the_result_stands_where_nobody_reads_the_log(tmp_path):
    write_ct_series(tmp_path / "in")
    with subprocess.Popen(
        command(tmp_path / "in", tmp_path / "out"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as stage:
        stage.stdout.close()
        assert stage.stderr.read() == b""
    assert stage.returncode == 0
    assert (tmp_path / "out" / "result.json").exists()


def test_the_digest_is_that_of_the_files_as_they_lie_there(tmp_path):
    write_ct_series(tmp_path / "in", change=lambda _k, dataset: setattr(dataset, "RescaleSlope", "0.5"))
    _, short = run(tmp_path / "in", tmp_path / "out")
    (tmp_path / "out" / "result.json").unlink()
    assert short.digest == folder_digest(tmp_path / "out")


@pytest.fixture(scope="module")
def long_study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("long")
    values = np.random.default_rng(0).integers(0, 2000, (512, 512, 24)).astype(np.int16)
    write_ct_series(folder, shape=values.shape, values=values, change=compress(JPEG2000Lossless))
    return folder


def decoders_of(stage: subprocess.Popen) -> list[psutil.Process]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and stage.poll() is None:
        found = psutil.Process(stage.pid).children(recursive=True)
        if found:
            return found
        time.sleep(0.005)
    raise AssertionError("the stage started no decoder")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_stage_that_is_ended_leaves_no_result_and_no_decoder(tmp_path, long_study, number):
    with subprocess.Popen(command(long_study, tmp_path / "out"), stdout=subprocess.PIPE) as stage:
        decoders = decoders_of(stage)
        stage.send_signal(number)
        stage.communicate(timeout=60)
    assert stage.returncode in (-number, 128 + number)
    assert psutil.wait_procs(decoders, timeout=10)[1] == []
    assert not (tmp_path / "out" / "result.json").exists()
    if number is signal.SIGTERM:
        assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_in_which_a_stage_writes_is_refused_and_left_alone(tmp_path, long_study):
    request = {
        "contract": 1, "workflow": BY_HAND, "dag_run_id": BY_HAND, "stage": "read", "stage_key": "k",
        "inputs": {"study": str(long_study)}, "output": str(tmp_path / "out"), "params": {},
    }  # fmt: skip
    environment = {**os.environ, "CLARA_STAGE_REQUEST": json.dumps(request)}
    program = [sys.executable, "-m", "clara_stages.dicom_reader"]
    with subprocess.Popen(program, stdout=subprocess.DEVNULL, env=environment) as first:
        decoders_of(first)
        second = subprocess.run(program, capture_output=True, text=True, env=environment, timeout=60, check=False)
        assert second.returncode == ExitCode.BAD_INPUT
        assert "another stage writes into this output folder now" in second.stdout
        assert first.wait(60) == 0
    assert json.loads((tmp_path / "out" / "result.json").read_text())["metrics"]["slices"] == 24


def test_files_that_vanish_while_they_are_read_are_named_by_uid_alone(tmp_path):
    study = tmp_path / "Jones^Mary"
    paths = write_ct_series(study)
    plan = plans_of(study)[0]
    for path in paths:
        path.unlink()
    faults = {str(item) for item in read_frames(plan.frames, Limits())}
    assert faults == {"the file cannot be opened (FileNotFoundError)"}
