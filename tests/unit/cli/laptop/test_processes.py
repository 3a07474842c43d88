import os
import signal
import subprocess
import sys

import psutil
import pytest

from clara_ops.cli.laptop.processes import end_processes, processes_of

SLEEP = "import time; time.sleep(60)"


@pytest.fixture
def start(tmp_path):
    """A function that starts python code as a process of the instance in ``tmp_path``."""
    started = []

    def run(code: str, marker: str | None = None) -> subprocess.Popen[str]:
        environment = {**os.environ, "CLARA_INSTANCE": marker or str(tmp_path), "SPT_NOENV": "1"}
        process = subprocess.Popen(
            [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


def never_hurry(wait_s: float) -> bool:
    signal.sigtimedwait([], wait_s)
    return False


def test_only_processes_with_the_marker_are_found(start, tmp_path):
    ours, other = start(SLEEP), start(SLEEP, marker=f"{tmp_path}-other")
    found = {process.pid for process in processes_of(str(tmp_path))}
    assert ours.pid in found
    assert other.pid not in found


def test_a_descendant_with_another_environment_and_session_is_ended_too(start, tmp_path):
    code = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {SLEEP!r}], env={{}}, start_new_session=True)\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    parent = start(code)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    assert end_processes(str(tmp_path), 0.0, lambda _: True) == 2
    parent.wait()
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_process_that_ends_in_order_is_not_killed(start, tmp_path):
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); print('ready', flush=True); time.sleep(60)"
    )
    process = start(code)
    assert process.stdout is not None
    process.stdout.readline()
    end_processes(str(tmp_path), 30.0, never_hurry)
    assert process.wait() == 7


def test_a_process_that_ignores_sigterm_is_killed_after_the_grace(start, tmp_path):
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    process = start(code)
    assert process.stdout is not None
    process.stdout.readline()
    end_processes(str(tmp_path), 0.3, never_hurry)
    assert process.wait() == -signal.SIGKILL


def test_a_process_that_renames_itself_keeps_its_marker(start, tmp_path):
    code = "import setproctitle, time; setproctitle.setproctitle('x' * 2000); print('r', flush=True); time.sleep(60)"
    process = start(code)
    assert process.stdout is not None
    process.stdout.readline()
    assert process.pid in {found.pid for found in processes_of(str(tmp_path))}
