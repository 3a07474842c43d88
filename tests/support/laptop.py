"""Starting the laptop system as a person does, from the command line, in a home of the test's own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

from clara_ops.cli.laptop.processes import processes_of

ROOT = Path(__file__).parents[2]

START_TIMEOUT_S = 180.0
"""A busy continuous integration machine is many times slower than a laptop."""


class Command:
    """A running command line with its output in a file."""

    def __init__(self, arguments: list[str], log: Path) -> None:
        self.log = log
        # As in a terminal, where nobody has set it; make's variables would change how the command ends.
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "CLARA_"))}
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self.log.read_text(errors="replace")

    def wait_for(self, happened: Callable[[], bool], timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until something is true; fails with the output when the command ends first or takes too long."""
        deadline = time.monotonic() + timeout_s
        while not happened():
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.output}"
            assert time.monotonic() < deadline, f"not after {timeout_s:.0f} s:\n{self.output}"
            time.sleep(0.1)

    def end(self, number: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=60)


@contextmanager
def command(arguments: list[str], home: Path, log: Path):
    """A command that runs an instance in ``home``; at the end all of it is gone, whatever the test found."""
    running = Command(arguments, log)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.terminate()
            running.process.wait(timeout=60)
        wait_until_gone(home)


def wait_until_gone(home: Path) -> None:
    """Fail when processes of the instance are left after half a minute."""
    deadline = time.monotonic() + 30
    while left := processes_of(str(home)):
        assert time.monotonic() < deadline, [process.cmdline() for process in left]
        time.sleep(0.1)
