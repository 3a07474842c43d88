import threading
import time

import pytest

from clara_stages.dicom_adapter import completeness
from clara_stages.dicom_adapter.completeness import CompletenessClock


class Completed:
    def __init__(self):
        self.keys: list[tuple[str, str]] = []
        self.changed = threading.Event()
        self.fail_times = 0

    def __call__(self, called, study):
        if self.fail_times:
            self.fail_times -= 1
            raise OSError("disk full")
        self.keys.append((called, study))
        self.changed.set()


@pytest.fixture
def completed():
    return Completed()


@pytest.fixture
def clock(completed):
    made = CompletenessClock(lambda title: 0.05 if title == "FAST" else 3600.0, completed)
    made.start()
    yield made
    made.stop()


def test_a_study_is_complete_after_its_association_ended_and_the_quiet_period_passed(clock, completed):
    clock.received("FAST", "1.2", "one")
    assert not completed.changed.wait(0.3)
    clock.association_ended("one")
    assert completed.changed.wait(10)
    assert completed.keys == [("FAST", "1.2")]


def test_a_study_with_two_senders_waits_for_both(clock, completed):
    clock.received("FAST", "1.2", "one")
    clock.received("FAST", "1.2", "two")
    clock.association_ended("one")
    assert not completed.changed.wait(0.3)
    clock.association_ended("two")
    assert completed.changed.wait(10)


def test_one_study_in_its_quiet_period_delays_no_other(clock, completed):
    clock.received("SLOW", "1.2", "one")
    clock.received("FAST", "1.2", "one")
    clock.association_ended("one")
    assert completed.changed.wait(10)
    assert completed.keys == [("FAST", "1.2")]


def test_a_study_of_an_earlier_process_waits_for_its_quiet_period_only(clock, completed):
    clock.received("FAST", "1.2", None)
    assert completed.changed.wait(10)


def test_a_study_that_cannot_be_completed_is_tried_again(clock, completed, monkeypatch):
    monkeypatch.setattr(completeness, "RETRY_S", 0.05)
    completed.fail_times = 2
    clock.received("FAST", "1.2", None)
    assert completed.changed.wait(10)


def test_stopping_does_not_wait_for_quiet_periods(completed):
    clock = CompletenessClock(lambda _: 3600.0, completed)
    clock.start()
    clock.received("SLOW", "1.2", None)
    started = time.monotonic()
    clock.stop()
    assert time.monotonic() - started < 3600
    assert completed.keys == []
