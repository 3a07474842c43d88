"""How a stage process dies: with its parent, and on SIGTERM after its own clean-up."""

import ctypes
import os
import signal
import sys
from types import FrameType

_PR_SET_PDEATHSIG = 1
"""prctl(2): the signal this process gets when its parent dies."""

PARENT_VARIABLE = "CLARA_PARENT_PID"
"""Set by the process runtime: the pid that must still be our parent."""


def die_with_parent() -> None:
    """Get SIGKILL when the parent named in the environment dies; exit at once if it is gone already.

    Without a named parent (a container, a command line) this does nothing. Linux only; elsewhere the operator's own
    clean-up is all there is.
    """
    parent = os.environ.get(PARENT_VARIABLE)
    if parent is None or not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):  # it died before prctl was called
        os._exit(128 + signal.SIGKILL)


def exit_on_sigterm() -> None:
    """Turn SIGTERM into SystemExit, so that ``finally`` blocks run."""

    def leave(signum: int, _frame: FrameType | None) -> None:
        sys.exit(128 + signum)

    signal.signal(signal.SIGTERM, leave)


def open_standard_streams() -> None:
    """Give stdin, stdout and stderr a place where the caller closed them.

    Else the next file that is opened gets their number, and what a library prints goes into it.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number, which is this one
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - for the process
