"""Exit code -> what Airflow does."""

from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from clara_ops.operators.outcome import (
    NOT_STARTED,
    StageFailedError,
    attempt_since_clear,
    exception_for,
    outcome_xcom,
    report_outcome,
)
from clara_stages.kit.contract import ErrorReport, ExitCode, ShortResult


def short(code: int) -> ShortResult:
    return ShortResult(exit_code=code, error=ErrorReport(code=code, message="found this", remedy="do that"))


@pytest.mark.parametrize(
    ("code", "bugs", "expected"),
    [
        (10, 1, AirflowSkipException),
        (21, 1, AirflowSkipException),
        (20, 1, AirflowFailException),
        (32, 1, AirflowFailException),
        (33, 1, AirflowFailException),
        (NOT_STARTED, 1, AirflowFailException),
        (30, 5, StageFailedError),
        (31, 5, StageFailedError),
        (-9, 5, StageFailedError),
        (143, 5, StageFailedError),
        (1, 1, StageFailedError),
        (1, 2, AirflowFailException),
        (77, 2, AirflowFailException),
    ],
)
def test_each_exit_code_is_one_decision(code, bugs, expected):
    assert type(exception_for(short(code), bugs=bugs)) is expected


def test_every_code_of_the_contract_but_success_is_decided():
    for code in set(ExitCode) - {ExitCode.COMPLETED}:
        assert "tried again" not in str(exception_for(short(code), bugs=9)), code


def test_the_text_carries_message_and_remedy():
    assert str(exception_for(short(20), bugs=1)) == "found this -> do that"


def test_the_outcome_names_code_and_error():
    assert outcome_xcom(short(21)) == {
        "exit_code": 21,
        "error": {"code": 21, "message": "found this", "remedy": "do that"},
    }


@pytest.mark.parametrize(("try_number", "max_tries", "attempt"), [(1, 5, 1), (2, 5, 2), (4, 8, 1), (5, 8, 2)])
def test_clearing_a_task_starts_its_attempts_anew(try_number, max_tries, attempt):
    ti = SimpleNamespace(try_number=try_number, max_tries=max_tries)
    assert attempt_since_clear(ti, 5) == attempt


class Tries:
    """A task's tries: XComs go with each, the state store stays."""

    def __init__(self):
        self.values, self.xcoms = {}, {}
        self.try_number, self.max_tries = 0, 5

    def get(self, key):
        return self.values.get(key)

    def set(self, key, value):
        self.values[key] = value

    def xcom_push(self, key, value):
        self.xcoms[key] = value

    def end(self, code):
        self.try_number += 1
        return type(report_outcome(short(code), {"ti": self, "task_state_store": self}, retries=5))


def test_a_bug_gets_its_one_retry_whatever_happened_before():
    task = Tries()
    assert [task.end(code) for code in (30, -9, 1, 30)] == [StageFailedError] * 4
    assert task.end(1) is AirflowFailException
    assert task.xcoms["outcome"]["exit_code"] == 1


def test_clearing_a_task_forgets_its_bugs():
    task = Tries()
    assert [task.end(1), task.end(1)] == [StageFailedError, AirflowFailException]
    task.max_tries = task.try_number + 5
    assert [task.end(1), task.end(1)] == [StageFailedError, AirflowFailException]
