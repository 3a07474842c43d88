"""Exit code of a stage -> what Airflow does with the task."""

from typing import Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from clara_stages.kit.contract import ErrorReport, ExitCode, ShortResult

OUTCOME_XCOM_KEY = "outcome"
"""XCom of a stage that gave no result: exit code and error, for ``close`` and the UI."""


class StageFailedError(AirflowException):
    """A stage failed in a way that a later attempt may not: Airflow retries."""


_OUTCOME: dict[int, type[Exception]] = {
    ExitCode.NOTHING_TO_DO: AirflowSkipException,
    ExitCode.OUT_OF_SCOPE: AirflowSkipException,  # the study's state becomes "not analysed"
    ExitCode.BAD_INPUT: AirflowFailException,  # the same bytes fail again
    ExitCode.OUT_OF_MEMORY: AirflowFailException,  # the same limit is reached again
    ExitCode.TIMED_OUT: AirflowFailException,
    ExitCode.UNAVAILABLE: StageFailedError,
    ExitCode.RESOURCE_BUSY: StageFailedError,
}

KILLED_CODES = frozenset({128 + 9, 128 + 15, -9, -15, 128 + 2, -2})
"""SIGKILL, SIGTERM, SIGINT from outside, as a shell or as ``subprocess`` says it: retried."""

_BUG_TRIES = 2
"""Anything unexpected is a bug: one retry, in case it was the machine, and then the truth."""


def exception_for(short: ShortResult, *, attempt: int) -> Exception:
    """The exception that makes Airflow skip, fail or retry the task.

    Args:
        short: A short result that is not completed.
        attempt: 1 for the first attempt since the task was last cleared.
    """
    report = short.error or ErrorReport(code=short.exit_code, message=f"the stage ended with {short.exit_code}")
    text = f"{report.message} -> {report.remedy}" if report.remedy else report.message
    if short.exit_code in _OUTCOME:
        return _OUTCOME[short.exit_code](text)
    if short.exit_code in KILLED_CODES or attempt < _BUG_TRIES:
        return StageFailedError(text)
    return AirflowFailException(f"{text} (failed in the same way {attempt} times: not tried again)")


def outcome_xcom(short: ShortResult) -> dict[str, Any]:
    """What ``close`` reads of a stage that gave no result."""
    error = short.error
    return {
        "exit_code": short.exit_code,
        "error": {"code": error.code, "message": error.message, "remedy": error.remedy} if error else None,
    }


def result_xcom(short: ShortResult, **timings: float) -> dict[str, Any]:
    """The return value of a stage's task: where its result lies, and how long the stage itself took."""
    return {
        **timings,
        "io_folder": short.io_folder,
        "folders": short.folders,
        "metrics": short.metrics,
        "warnings": short.warnings,
        "stage_key": short.stage_key,
        "digest": short.digest,
    }


def attempt_since_clear(ti: Any, retries: int) -> int:
    """1 for the first attempt since the task was last cleared: clearing raises ``max_tries`` by the tries used."""
    return max(1, int(ti.try_number) - (int(ti.max_tries) - retries))
