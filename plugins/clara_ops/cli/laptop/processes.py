"""Finding and ending all processes of an instance, however they came to be."""

import contextlib
import os
import time
from collections.abc import Callable

import psutil

from clara_ops.cli.laptop.environment import MARKER_VARIABLE

KILL_WAIT_S = 10.0
"""After SIGKILL a process goes as soon as the kernel gets to it; longer is a disk that hangs."""


def processes_of(marker: str) -> list[psutil.Process]:
    """Live processes that carry the marker, and all their descendants; never this process or its ancestors."""
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARKER_VARIABLE) == marker:
                # A stage's environment is an allow-list: what it starts is found as a descendant.
                for member in (process, *process.children(recursive=True)):
                    if member.pid not in own and member.status() != psutil.STATUS_ZOMBIE:
                        found[member.pid] = member
    return list(found.values())


def end_processes(marker: str, grace_s: float, hurry: Callable[[float], bool]) -> int:
    """SIGTERM to the components of an instance, SIGKILL after the grace to whatever is left; returns how many.

    Args:
        marker: The instance.
        grace_s: From SIGTERM to SIGKILL.
        hurry: Waits the given seconds; true ends the grace at once.
    """
    known = set(processes_of(marker))
    found = len(known)
    pids = {process.pid for process in known}
    for process in known:
        with contextlib.suppress(psutil.Error):
            if process.ppid() not in pids:  # a component; its children are its own to end in order
                process.terminate()
    deadline = time.monotonic() + grace_s
    while _left(known, marker) and time.monotonic() < deadline and not hurry(0.1):
        pass
    deadline = time.monotonic() + KILL_WAIT_S
    while (left := _left(known, marker)) and time.monotonic() < deadline:
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(0.05)
    return found


def _left(known: set[psutil.Process], marker: str) -> list[psutil.Process]:
    """Those of ``known`` that live; new ones are added to it, since a descendant is not found without its parent."""
    known.update(processes_of(marker))
    left = []
    for process in known:
        with contextlib.suppress(psutil.Error):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                left.append(process)
    return left
