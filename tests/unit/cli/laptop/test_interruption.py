import os
import signal

import pytest

from clara_ops.cli.laptop.interruption import Interrupted, interruptible


@pytest.fixture
def signals_as_usual():
    """Where the tests run under nohup, a hang-up is ignored, and stays so on purpose."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_raises_once_and_the_next_one_only_hurries(number, signals_as_usual):
    hurried = []
    with interruptible() as interruption:
        interruption.again = lambda: hurried.append(number)
        with pytest.raises(Interrupted) as raised:
            os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
    assert raised.value.exit_code == 128 + number
    assert hurried == [number]


def test_while_stopping_a_signal_raises_nothing():
    hurried = []
    with interruptible() as interruption:
        interruption.again = lambda: hurried.append("again")
        interruption.stopping()
        os.kill(os.getpid(), signal.SIGTERM)
    assert hurried == ["again"]


def test_the_former_handlers_come_back():
    before = signal.getsignal(signal.SIGINT)
    with interruptible():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
