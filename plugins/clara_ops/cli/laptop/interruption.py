"""Ctrl-C, SIGTERM and a closed terminal, as one exception that is raised once."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_PR_SET_PDEATHSIG = 1
"""prctl(2): the signal this process gets when its parent dies."""


class Interrupted(BaseException):
    """Someone asked this process to end.

    Attributes:
        signal_number: How.
    """

    def __init__(self, signal_number: int) -> None:
        self.signal_number = signal_number
        super().__init__(signal.Signals(signal_number).name)

    @property
    def exit_code(self) -> int:
        """The exit code a shell reports for a process that the signal ended."""
        return 128 + self.signal_number


class Interruption:
    """Raises ``Interrupted`` on the first signal; later ones, and those while stopping, call ``again``."""

    def __init__(self) -> None:
        self.again: Callable[[], None] = lambda: None
        self._is_stopping = False

    def stopping(self) -> None:
        """From here on a signal raises nothing."""
        self._is_stopping = True

    def receive(self, number: int, _frame: FrameType | None) -> None:
        """The signal handler."""
        if self._is_stopping:
            self.again()
            return
        self._is_stopping = True
        raise Interrupted(number)


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Within it SIGINT, SIGTERM and SIGHUP (unless under ``nohup``) become ``Interrupted``."""
    interruption = Interruption()
    _end_with_make()
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    former = {number: signal.signal(number, interruption.receive) for number in numbers}
    try:
        yield interruption
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _end_with_make() -> None:
    """A killed ``make`` must not leave its recipe behind; started by hand, this process may outlive its shell."""
    if "MAKELEVEL" in os.environ and sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
