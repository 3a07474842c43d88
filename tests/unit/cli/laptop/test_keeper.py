import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clara_ops.cli.laptop.processes import processes_of

OWNER = """
import os, pathlib, subprocess, sys, time
from clara_ops.cli.laptop.home import Home
from clara_ops.cli.laptop.keeper import Keeper

home = Home(pathlib.Path(sys.argv[1]))
lock = home.lock()
home.prepare()
keeper = Keeper(home, (lock,), grace_s=float(sys.argv[2]))
code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
stubborn = subprocess.Popen(
    [sys.executable, "-c", code], stdout=subprocess.PIPE, env={**os.environ, "CLARA_INSTANCE": home.marker}
)
stubborn.stdout.readline()
(home.run / "stubborn.pid").write_text(str(stubborn.pid))
print("running", flush=True)
if sys.stdin.readline() == "stop\\n":
    import threading
    threading.Timer(0.5, keeper.hurry).start()
    keeper.stop()
    print("stopped", flush=True)
time.sleep(60)
"""


@pytest.fixture
def owner(tmp_path):
    """A function that starts an instance of one stubborn process."""
    started = []

    def run(grace_s: float) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", OWNER, str(tmp_path), str(grace_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={name: value for name, value in os.environ.items() if name != "CLARA_INSTANCE"},
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()


def wait_until_gone(home: Path) -> None:
    deadline = time.monotonic() + 30
    while processes_of(str(home)) or any((home / "run").glob("*.pid")):
        assert time.monotonic() < deadline, "something is left"
        time.sleep(0.05)


def test_when_the_owner_is_killed_its_instance_ends_with_it(owner, tmp_path):
    process = owner(0.2)
    os.kill(process.pid, signal.SIGKILL)
    wait_until_gone(tmp_path)


def test_a_stop_can_be_hurried_past_its_grace(owner, tmp_path):
    process = owner(600.0)
    process.stdin.write("stop\n")
    process.stdin.flush()
    assert process.stdout.readline() == "stopped\n"
    wait_until_gone(tmp_path)
