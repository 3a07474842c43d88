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

from clara_ops.cli.laptop.home import Home
from clara_ops.cli.laptop.processes import end_processes

STOP, KILL = b"s", b"k"


class Keeper:
    """The handle of the process that started the instance."""

    def __init__(self, home: Home, inherited: tuple[int, ...], grace_s: float) -> None:
        command = [sys.executable, "-m", __name__, str(home.root), str(grace_s)]
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
    parser.add_argument("home", type=Path)
    parser.add_argument("grace_s", type=float)
    arguments = parser.parse_args(argv)
    home = Home(arguments.home)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    word = os.read(0, 1)
    home.ports_file.unlink(missing_ok=True)  # at once: whoever waits for the next start must not read this one's
    end_processes(home.marker, 0.0 if word == KILL else arguments.grace_s, _hurried)
    home.clear_run()


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
