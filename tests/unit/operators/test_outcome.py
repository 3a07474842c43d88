"""Exit code -> what Airflow does."""

from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from clara_ops.operators.outcome import StageFailedError, attempt_since_clear, exception_for, outcome_xcom
from clara_stages.kit.contract import ErrorReport, ExitCode, ShortResult


def short(code: int) -> ShortResult:
    return ShortResult(exit_code=code, error=ErrorReport(code=code, message="found this", remedy="do that"))


@pytest.mark.parametrize(
    ("code", "attempt", "expected"),
    [
        (10, 1, AirflowSkipException),
        (21, 1, AirflowSkipException),
        (20, 1, AirflowFailException),
        (32, 1, AirflowFailException),
        (33, 1, AirflowFailException),
        (30, 5, StageFailedError),
        (31, 5, StageFailedError),
        (-9, 5, StageFailedError),
        (143, 5, StageFailedError),
        (1, 1, StageFailedError),
        (1, 2, AirflowFailException),
        (77, 2, AirflowFailException),
    ],
)
def test_each_exit_code_is_one_decision(code, attempt, expected):
    assert type(exception_for(short(code), attempt=attempt)) is expected


def test_every_code_of_the_contract_but_success_is_decided():
    for code in set(ExitCode) - {ExitCode.COMPLETED}:
        assert "tried again" not in str(exception_for(short(code), attempt=9)), code


def test_the_text_carries_message_and_remedy():
    assert str(exception_for(short(20), attempt=1)) == "found this -> do that"


def test_the_outcome_names_code_and_error():
    assert outcome_xcom(short(21)) == {
        "exit_code": 21,
        "error": {"code": 21, "message": "found this", "remedy": "do that"},
    }


@pytest.mark.parametrize(("try_number", "max_tries", "attempt"), [(1, 5, 1), (2, 5, 2), (4, 8, 1), (5, 8, 2)])
def test_clearing_a_task_starts_its_attempts_anew(try_number, max_tries, attempt):
    ti = SimpleNamespace(try_number=try_number, max_tries=max_tries)
    assert attempt_since_clear(ti, 5) == attempt
