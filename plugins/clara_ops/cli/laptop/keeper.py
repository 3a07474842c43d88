"""The keeper: a process that ends an instance when asked to, and when the process that started it is gone.

It reads one pipe. ``stop`` or the pipe's end (the other side was killed) ends every process of the instance; ``kill``
ends the grace at once. It lives in a session of its own, so that Ctrl-C in a terminal never reaches it.
"""

import argparse
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from clara_ops.cli.laptop.processes import end_processes

STOP, KILL = b"s", b"k"

GRACE_S = 8.0
"""From SIGTERM to SIGKILL: more than the few seconds Airflow's components take, less than anyone's patience."""


class Keeper:
    """The handle of the process that started the instance."""

    def __init__(self, marker: str, run_folder: Path, inherited: tuple[int, ...]) -> None:
        command = [sys.executable, "-m", __name__, marker, str(run_folder)]
        reading, self._pipe = os.pipe()
        self._process = subprocess.Popen(
            command, stdin=reading, pass_fds=inherited, start_new_session=True, stdout=subprocess.DEVNULL
        )
        os.close(reading)

    @property
    def is_alive(self) -> bool:
        """Whether it still keeps."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End every process of the instance and return when they are gone."""
        self._tell(STOP)
        self._process.wait()

    def hurry(self) -> None:
        """End the grace of a stop that is under way."""
        self._tell(KILL)

    def _tell(self, word: bytes) -> None:
        try:
            os.write(self._pipe, word)
        except BrokenPipeError:  # it has ended
            return


def main(argv: list[str] | None = None) -> None:
    """Wait for the end of the instance, then make it so."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("marker")
    parser.add_argument("run_folder", type=Path)
    arguments = parser.parse_args(argv)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    word = os.read(0, 1)
    end_processes(arguments.marker, 0.0 if word == KILL else GRACE_S, _hurried)
    for file in (*arguments.run_folder.glob("*.pid"), arguments.run_folder / "ports.json"):
        file.unlink(missing_ok=True)


def _hurried(wait_s: float) -> bool:
    readable, _, _ = select.select([0], [], [], wait_s)
    if not readable:
        return False
    word = os.read(0, 1)
    if not word:  # nobody is left to say more: the pipe stays readable, so wait here
        time.sleep(wait_s)
    return word == KILL


if __name__ == "__main__":
    main()
