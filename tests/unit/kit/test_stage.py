"""A stage by hand: exit code, short result, result.json last, nothing half-written."""

import json
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from clara_stages.kit.contract import ShortResult, StageResult

PROGRAM = """
import os, sys, time
from dataclasses import dataclass
from clara_stages.kit import *
from clara_stages.kit.files import write_text

@dataclass(frozen=True, kw_only=True)
class Params:
    do: str = "work"
    factor: float = 1.0
    names: list[str] | None = None

def main(io):
    params = io.params(Params)
    write_text(io.writes("report") / "report.txt", f"{params.factor} {sorted(os.listdir(io.reads('study')))}")
    io.progress(0.5, "half way")
    io.metric("slices", 3)
    io.warn("look here")
    {
        "work": lambda: None,
        "nothing": lambda: (_ for _ in ()).throw(NothingToDoError("no slice")),
        "bad": lambda: (_ for _ in ()).throw(BadInputError("found 1, expected 2", remedy="send 2")),
        "bug": lambda: 1 / 0,
        "memory": lambda: (_ for _ in ()).throw(MemoryError()),
        "sleep": lambda: (print("sleeping", flush=True), time.sleep(600)),
    }[params.do]()

run(main, stage="toy")
"""


def by_hand(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess:
    (tmp_path / "study").mkdir(exist_ok=True)
    (tmp_path / "study" / "a.dcm").write_text("x")
    command = [
        sys.executable,
        "-c",
        PROGRAM,
        "--input",
        f"study={tmp_path / 'study'}",
        "--output",
        str(tmp_path / "out"),
    ]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60)


def last_words(done: subprocess.CompletedProcess) -> ShortResult:
    short = ShortResult.from_line(done.stdout.splitlines()[-1])
    assert short is not None, done.stdout + done.stderr
    return short


def test_a_completed_stage_leaves_result_json_and_says_so(tmp_path):
    done = by_hand(tmp_path, "--param", "factor=2")
    short = last_words(done)
    result = StageResult.from_json((tmp_path / "out" / "result.json").read_text())
    assert done.returncode == 0
    assert short.completed
    assert (result.folders, result.metrics, result.warnings) == ({"report": "report"}, {"slices": 3}, ["look here"])
    assert short.digest == result.digest
    assert (tmp_path / "out" / "report" / "report.txt").read_text() == "2.0 ['a.dcm']"
    records = [json.loads(line) for line in done.stdout.splitlines()[:-1]]
    assert {"level": "info", "message": "half way", "progress": 0.5} in records
    assert records[1]["metric"] == {"name": "slices", "value": 3, "step": None}


@pytest.mark.parametrize(
    ("what", "code", "message"),
    [
        ("nothing", 10, "no slice"),
        ("bad", 20, "found 1, expected 2"),
        ("bug", 1, "ZeroDivisionError in stage toy"),
        ("memory", 32, "the stage ran out of memory"),
    ],
)
def test_a_stage_without_result_leaves_nothing_behind(tmp_path, what, code, message):
    done = by_hand(tmp_path, "--param", f"do={what}")
    assert done.returncode == code == last_words(done).exit_code
    assert last_words(done).error.message == message
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--param", "facto=2"], "unknown parameter 'facto'"),
        (["--param", "factor=two"], "parameter 'factor' is 'two' (str), expected float"),
        (["--param", "factor=true"], "parameter 'factor' is True (bool), expected float"),
        (["--param", "names=[1]"], "parameter 'names' is 1 (int), expected str"),
        (["--param", "factor"], "'factor' is not NAME=VALUE"),
        (["--input", "other=/nowhere"], "input 'other' is /nowhere, which is no folder"),
    ],
)
def test_a_wrong_command_line_is_bad_input_in_words(tmp_path, arguments, message):
    done = by_hand(tmp_path, *arguments)
    assert (done.returncode, last_words(done).error.message) == (20, message)


def test_a_folder_that_holds_something_is_not_written_into(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("precious")
    done = by_hand(tmp_path)
    assert done.returncode == 20
    assert "is not empty" in last_words(done).error.message
    assert (tmp_path / "out" / "mine").read_text() == "precious"


def test_sigterm_ends_a_stage_without_a_result(tmp_path):
    (tmp_path / "study").mkdir()
    command = [
        sys.executable,
        "-c",
        PROGRAM,
        "--input",
        f"study={tmp_path / 'study'}",
        "--output",
        str(tmp_path / "out"),
    ]
    stage = subprocess.Popen([*command, "--param", "do=sleep"], stdout=subprocess.PIPE, text=True)
    while "sleeping" not in stage.stdout.readline():
        time.sleep(0.01)
    stage.send_signal(signal.SIGTERM)
    stage.communicate(timeout=20)
    assert stage.returncode == 143
    assert not (tmp_path / "out" / "result.json").exists()


def test_a_request_in_the_environment_does_what_the_command_line_does(tmp_path, monkeypatch):
    (tmp_path / "study").mkdir()
    request = textwrap.dedent(
        f"""{{"contract": 1, "workflow": "W", "dag_run_id": "r", "stage": "s", "stage_key": "key",
        "inputs": {{"study": "{tmp_path / "study"}"}}, "output": "{tmp_path / "out"}", "params": {{"factor": 3}}}}"""
    )
    monkeypatch.setenv("CLARA_STAGE_REQUEST", request)
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    assert last_words(done).stage_key == "key"
    assert (tmp_path / "out" / "report" / "report.txt").read_text() == "3.0 []"
