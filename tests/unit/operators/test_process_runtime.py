"""A stage is a child that never outlives its task, inherits nothing secret and says why it ended."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest

from clara_ops.dag.stage_task import StageLimits
from clara_ops.operators.process_runtime import ProcessRun, stage_environment
from clara_ops.operators.stage_log import StageLog

SHORT = '{"short_result": {"exit_code": %d, "outcome": %s, "io_folder": "/x", "stage_key": "k"}}'


class Lines:
    def __init__(self):
        self.lines = []

    def info(self, template, *args):
        self.lines.append(("info", template % args))

    def warning(self, template, *args):
        self.lines.append(("warning", template % args))

    def error(self, template, *args):
        self.lines.append(("error", template % args))


def start(tmp_path: Path, program: str, **limits) -> tuple[ProcessRun, Lines]:
    logger = Lines()
    values = {"cpu": 1.0, "memory_mib": 4096, "gpu": 0, "timeout_s": 60, **limits}
    run = ProcessRun(
        command=[sys.executable, "-c", textwrap.dedent(program)],
        environment=stage_environment({"CLARA_STAGE_REQUEST": "{}"}),
        folder=tmp_path,
        limits=StageLimits(**values),
        term_grace_s=2,
        log=StageLog(logger),
    )
    return run, logger


def gone(pid: int) -> bool:
    """Whether a process has ended; an orphan may stay a zombie where nothing reaps."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_the_short_result_is_the_answer_and_the_other_lines_are_the_log(tmp_path):
    run, logger = start(
        tmp_path,
        f"""
        print('{{"level": "warning", "message": "half way", "progress": 0.5}}')
        print("plain words")
        print('{SHORT % (0, '"completed"')}')
        """,
    )
    assert run.wait().completed
    assert logger.lines == [("warning", "[50 %] half way"), ("info", "plain words")]


def test_a_short_result_that_contradicts_the_exit_status_is_not_believed(tmp_path):
    run, _ = start(tmp_path, f"print('{SHORT % (0, chr(34) + 'completed' + chr(34))}'); raise SystemExit(3)")
    short = run.wait()
    assert short.exit_code == 3
    assert "exit status 3 and no short result" in short.error.message


def test_success_without_a_short_result_is_no_success(tmp_path):
    short = start(tmp_path, "pass")[0].wait()
    assert (short.exit_code, short.completed) == (1, False)


def test_a_killed_stage_is_named_by_its_signal(tmp_path):
    short = start(tmp_path, "import os; os.kill(os.getpid(), 9)")[0].wait()
    assert short.exit_code == -9
    assert "killed by SIGKILL" in short.error.message


def test_the_time_out_ends_the_whole_tree(tmp_path):
    run, _ = start(
        tmp_path,
        """
        import subprocess, sys, pathlib, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        pathlib.Path("pid").write_text(str(child.pid))
        time.sleep(600)
        """,
        timeout_s=2,
    )
    short = run.wait()
    assert short.exit_code == 33
    assert "longer than its time-out of 2 s" in short.error.message
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_stage_that_ignores_sigterm_is_killed_after_the_grace(tmp_path):
    run, _ = start(tmp_path, "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)", timeout_s=1)
    assert run.wait().exit_code == 33


def test_the_memory_limit_is_the_stage_s_own(tmp_path):
    run, _ = start(tmp_path, "import time; x = bytearray(300 << 20); time.sleep(600)", memory_mib=200)
    short = run.wait()
    assert short.exit_code == 32
    assert "its limit is 200 MiB" in short.error.message


def test_cancel_from_a_signal_handler_ends_the_stage(tmp_path):
    run, _ = start(tmp_path, "import time; time.sleep(600)")
    threading.Timer(0.3, run.cancel).start()
    short = run.wait()
    assert (short.exit_code, short.error.message) == (143, "the task was ended from outside")


def test_a_stage_inherits_nothing_of_airflow(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "secret")
    monkeypatch.setenv("AIRFLOW_CONN_CLARA_ADAPTER", "secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    run, logger = start(
        tmp_path, "import os, sys; print(sorted(k for k, v in os.environ.items() if v == 'secret'), sys.stdin.read())"
    )
    run.wait()
    assert logger.lines == [("info", "[]")]


_OURS = (
    "from clara_stages.kit.process import die_with_parent; die_with_parent();"
    "import time; print('ready', flush=True); time.sleep(600)"
)
_FOREIGN = "import time; print('ready', flush=True); time.sleep(600)"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="PR_SET_PDEATHSIG is Linux's")
@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, "-c", _OURS],
        [sys.executable, "-m", "clara_stages.kit.launch", sys.executable, "-c", _FOREIGN],
    ],
    ids=["a stage of ours", "a program that does not know us"],
)
def test_a_stage_dies_when_its_task_is_killed(command):
    """The parent is killed with SIGKILL, so nothing but the kernel can end the child."""
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(
                """
                import os, subprocess, sys, time
                child = subprocess.Popen(sys.argv[1:], env={**os.environ, "CLARA_PARENT_PID": str(os.getpid())},
                                         stdout=subprocess.PIPE, text=True)
                child.stdout.readline()
                print(child.pid, flush=True)
                time.sleep(600)
                """
            ),
            *command,
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 20
    while not gone(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert gone(child)


def test_the_environment_carries_the_parent_s_pid():
    assert stage_environment({})["CLARA_PARENT_PID"] == str(os.getpid())
    assert json.loads(stage_environment({"CLARA_STAGE_REQUEST": "{}"})["CLARA_STAGE_REQUEST"]) == {}
