"""``run`` in this process: what a stage's last line does, step by step."""

import json
import logging
import os
import signal
import sys
from dataclasses import dataclass

import pytest

from clara_stages.kit import (
    BadInputError,
    NothingToDoError,
    OutOfMemoryError,
    OutOfScopeError,
    PeerUnavailableError,
    ResourceBusyError,
    run,
)
from clara_stages.kit import stage as stage_module
from clara_stages.kit.contract import (
    RESULT_FILE,
    ExitCode,
    ShortResult,
    StageRequest,
    StageResult,
    folder_digest,
)


@dataclass(frozen=True, kw_only=True)
class Params:
    word: str = "x"


@pytest.fixture
def quiet_process(monkeypatch):
    """``run`` changes the process: logging, umask, the SIGTERM handler, all put back here."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    umask, handler = os.umask(0o022), signal.getsignal(signal.SIGTERM)
    monkeypatch.delenv("CLARA_STAGE_REQUEST", raising=False)
    monkeypatch.delenv("CLARA_PARENT_PID", raising=False)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    os.umask(umask)
    signal.signal(signal.SIGTERM, handler)


def by_hand(monkeypatch, capsys, main, *arguments) -> ShortResult:
    monkeypatch.setattr(sys, "argv", ["stage", *arguments])
    with pytest.raises(SystemExit) as ended:
        run(main, stage="toy")
    short = ShortResult.from_line(capsys.readouterr().out.splitlines()[-1])
    assert short.exit_code == ended.value.code
    return short


def write_word(io):
    (io.writes("words") / "word.txt").write_text(io.params(Params).word)


def test_a_stage_by_hand_writes_its_result_last(monkeypatch, capsys, tmp_path, quiet_process):
    short = by_hand(monkeypatch, capsys, write_word, "--output", str(tmp_path / "out"), "--param", "word=hello")
    result = StageResult.from_json((tmp_path / "out" / RESULT_FILE).read_text())
    assert (short.completed, short.digest, short.folders) == (True, result.digest, {"words": "words"})
    assert (tmp_path / "out" / "words" / "word.txt").read_text() == "hello"
    assert set(result.software) == {"clara-stages"}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NothingToDoError("found none"), ExitCode.NOTHING_TO_DO),
        (BadInputError("found none", remedy="send one"), ExitCode.BAD_INPUT),
        (OutOfScopeError("found none"), ExitCode.OUT_OF_SCOPE),
        (PeerUnavailableError("found none"), ExitCode.UNAVAILABLE),
        (ResourceBusyError("found none"), ExitCode.RESOURCE_BUSY),
        (OutOfMemoryError("found none"), ExitCode.OUT_OF_MEMORY),
    ],
)
def test_each_error_is_one_exit_code_and_leaves_nothing(monkeypatch, capsys, tmp_path, quiet_process, error, code):
    def main(io):
        write_word(io)
        (io.output / "loose").write_text("x")
        io.warn("look")
        raise error

    short = by_hand(monkeypatch, capsys, main, "--output", str(tmp_path / "out"))
    assert (short.exit_code, short.error.message, short.warnings) == (code, "found none", ["look"])
    assert list((tmp_path / "out").iterdir()) == []


def test_the_same_input_has_the_same_key_whoever_made_it(monkeypatch, capsys, tmp_path, quiet_process):
    """A stage's output is known by the stage's key, a plain folder by its bytes."""
    (tmp_path / "plain").mkdir()
    by_hand(monkeypatch, capsys, write_word, "--output", str(tmp_path / "made"))
    keys = {}

    def main(io):
        keys.update(io.request.input_keys)
        assert (io.has_input("made"), io.has_input("nothing")) == (True, False)
        with pytest.raises(BadInputError, match="input 'nothing' is not given"):
            io.reads("nothing")

    inputs = [f"made={tmp_path / 'made' / 'words'}", f"plain={tmp_path / 'plain'}"]
    arguments = [word for item in inputs for word in ("--input", item)]
    by_hand(monkeypatch, capsys, main, *arguments, "--output", str(tmp_path / "out"))
    made = StageResult.from_json((tmp_path / "made" / RESULT_FILE).read_text())
    assert keys["made"] == f"{made.stage_key}:words"
    assert len(keys["plain"]) == 64


def test_a_container_says_its_last_words_to_kubernetes(monkeypatch, capsys, tmp_path, quiet_process):
    message = tmp_path / "termination-log"
    message.touch()
    monkeypatch.setattr(stage_module, "_TERMINATION_LOG", message)
    by_hand(monkeypatch, capsys, write_word, "--output", str(tmp_path / "out"))
    assert ShortResult.from_line(message.read_text()).completed


def test_a_request_that_is_none_is_bad_input(monkeypatch, capsys, quiet_process):
    monkeypatch.setenv("CLARA_STAGE_REQUEST", '["no"]')
    short = by_hand(monkeypatch, capsys, write_word)
    assert short.exit_code == ExitCode.BAD_INPUT
    assert "the request is a JSON list, expected an object" in short.error.message


def test_a_request_names_its_output(monkeypatch, capsys, tmp_path, quiet_process):
    request = StageRequest(workflow="W", dag_run_id="r", stage="s", stage_key="k", output=str(tmp_path / "out"))
    monkeypatch.setenv("CLARA_STAGE_REQUEST", request.to_json())
    short = by_hand(monkeypatch, capsys, write_word)
    assert (short.stage_key, short.io_folder) == ("k", str(tmp_path / "out"))


def test_a_traceback_and_a_warning_are_one_line_of_json_each(monkeypatch, capsys, tmp_path, quiet_process):
    def main(io):
        io.progress(0.5, "half")
        raise ZeroDivisionError

    monkeypatch.setattr(sys, "argv", ["stage", "--output", str(tmp_path / "out")])
    with pytest.raises(SystemExit):
        run(main, stage="toy")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {"level": "info", "message": "half", "progress": 0.5}
    assert "Traceback" in lines[1]["message"]


def test_sigterm_leaves_through_the_front_door(monkeypatch, capsys, tmp_path, quiet_process):
    cleaned = []

    def main(io):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            cleaned.append(True)

    monkeypatch.setattr(sys, "argv", ["stage", "--output", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as ended:
        run(main, stage="toy")
    assert (ended.value.code, cleaned) == (143, [True])


def raised_anew(cause):
    """As pydicom does, to say which element it was: without the number."""
    error = OSError("With tag (7FE0,0010) got exception")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (OSError(28, "No space left on device", "/data/Jones"), ExitCode.RESOURCE_BUSY, "the disk is full (ENOSPC)"),
        (OSError(122, "Quota exceeded"), ExitCode.RESOURCE_BUSY, "the disk is full (EDQUOT)"),
        (OSError(12, "Cannot allocate memory"), ExitCode.OUT_OF_MEMORY, "the stage ran out of memory"),
        (MemoryError(), ExitCode.OUT_OF_MEMORY, "the stage ran out of memory"),
        (raised_anew(OSError(28, "No space left on device")), ExitCode.RESOURCE_BUSY, "the disk is full (ENOSPC)"),
        (
            RuntimeError("can't start new thread"),
            ExitCode.RESOURCE_BUSY,
            "no thread can be started: memory or the number of processes is at its limit",
        ),
        (OSError(5, "Input/output error", "/data/Jones"), 1, "OSError in stage toy"),
    ],
)
def test_what_this_machine_lacks_is_no_bug(monkeypatch, capsys, tmp_path, quiet_process, error, code, words):
    def main(io):
        write_word(io)
        raise error

    short = by_hand(monkeypatch, capsys, main, "--output", str(tmp_path / "out"))
    assert (short.exit_code, short.error.message) == (code, words)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_traceback_names_no_file(monkeypatch, capsys, tmp_path, quiet_process):
    def main(io):
        try:
            (tmp_path / "Jones").read_text()
        except OSError as error:
            raise ValueError("broken") from error

    monkeypatch.setattr(sys, "argv", ["stage", "--output", str(tmp_path / "out")])
    with pytest.raises(SystemExit):
        run(main, stage="toy")
    log = capsys.readouterr().out
    assert "ValueError: broken" in log
    assert "No such file or directory" in log
    assert str(tmp_path / "Jones") not in log
    assert "/Jones" not in log


def test_an_input_that_cannot_be_read_counts_by_its_name(monkeypatch, capsys, tmp_path, quiet_process):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "mem").symlink_to("/proc/self/mem")
    short = by_hand(
        monkeypatch, capsys, write_word, "--input", f"x={tmp_path / 'in'}", "--output", str(tmp_path / "out")
    )
    assert short.completed


def test_the_keys_by_hand_are_those_of_the_inputs_before_the_stage_wrote(monkeypatch, capsys, tmp_path, quiet_process):
    """Hashing goes on while the stage works; where the output lies inside the input it is no part of it."""
    (tmp_path / "a").write_text("1")
    found = []

    def main(io):
        write_word(io)
        found.append(io.request)

    inputs = ["--input", f"study={tmp_path}", "--output", str(tmp_path / "out")]
    short = by_hand(monkeypatch, capsys, main, *inputs)
    (tmp_path / "out" / RESULT_FILE).unlink()
    (tmp_path / "out" / "words" / "word.txt").unlink()
    assert found[0].input_keys == {"study": folder_digest(tmp_path)}
    assert found[0].stage_key == short.stage_key != ""


def test_a_linked_source_is_in_the_digest_as_any_file(monkeypatch, capsys, tmp_path, quiet_process):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_text("1")

    def main(io):
        io.will_link([io.reads("study") / "a"])
        os.link(io.reads("study") / "a", io.writes("source") / "b")

    inputs = ["--input", f"study={tmp_path / 'in'}", "--output", str(tmp_path / "out")]
    short = by_hand(monkeypatch, capsys, main, *inputs)
    (tmp_path / "out" / RESULT_FILE).unlink()
    assert short.digest == folder_digest(tmp_path / "out")
