"""Exit code of a stage -> what Airflow does with the task."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from clara_stages.kit.contract import ErrorReport, ExitCode, ShortResult, StageRequest

OUTCOME_XCOM_KEY = "outcome"
"""XCom of a stage that gave no result: exit code and error, for ``close`` and the UI."""


NOT_STARTED = 125
"""No program or no image, or no node in time: no status of a stage, but what `docker run` ends with."""


class StageFailedError(AirflowException):
    """A stage failed in a way that a later attempt may not: Airflow retries."""


_OUTCOME: dict[int, type[Exception]] = {
    ExitCode.NOTHING_TO_DO: AirflowSkipException,
    ExitCode.OUT_OF_SCOPE: AirflowSkipException,  # the study's state becomes "not analysed"
    ExitCode.BAD_INPUT: AirflowFailException,  # the same bytes fail again
    ExitCode.OUT_OF_MEMORY: AirflowFailException,  # the same limit is reached again
    ExitCode.TIMED_OUT: AirflowFailException,
    NOT_STARTED: AirflowFailException,  # a person has to install, correct or free something
    ExitCode.UNAVAILABLE: StageFailedError,
    ExitCode.RESOURCE_BUSY: StageFailedError,
}

KILLED_CODES = frozenset({128 + 9, 128 + 15, -9, -15, 128 + 2, -2})
"""SIGKILL, SIGTERM, SIGINT from outside, as a shell or as ``subprocess`` says it: retried."""

_BUG_TRIES = 2
"""Anything unexpected is a bug: one retry, in case it was the machine, and then the truth."""

_BUGS_KEY = "clara_bugs"
"""In the task's state store, which outlives an attempt: numbers of the tries that ended in a bug."""


def exception_for(short: ShortResult, *, bugs: int) -> Exception:
    """The exception that makes Airflow skip, fail or retry the task.

    Args:
        short: A short result that is not completed.
        bugs: Attempts since the task was last cleared that ended in a bug, this one included.
    """
    report = short.error or ErrorReport(code=short.exit_code, message=f"the stage ended with {short.exit_code}")
    text = f"{report.message} -> {report.remedy}" if report.remedy else report.message
    if short.exit_code in _OUTCOME:
        return _OUTCOME[short.exit_code](text)
    if short.exit_code in KILLED_CODES or bugs < _BUG_TRIES:
        return StageFailedError(text)
    return AirflowFailException(f"{text} (attempt {bugs} that ended unexpectedly: not tried again)")


def report_outcome(short: ShortResult, context: Any, *, retries: int) -> Exception:
    """Leave the reason for ``close``; returns the exception that ends the task as the exit code says."""
    context["ti"].xcom_push(key=OUTCOME_XCOM_KEY, value=outcome_xcom(short))
    expected = short.exit_code in _OUTCOME or short.exit_code in KILLED_CODES
    return exception_for(short, bugs=0 if expected else _count_bugs(context, retries))


@contextmanager
def refusals_reported(context: Any) -> Iterator[None]:
    """What fails for good before the stage starts leaves its reason for ``close``, too."""
    try:
        yield
    except AirflowFailException as error:
        report = ErrorReport(code=int(ExitCode.BAD_INPUT), message=str(error))
        context["ti"].xcom_push(
            key=OUTCOME_XCOM_KEY, value=outcome_xcom(ShortResult(exit_code=report.code, error=report))
        )
        raise


def outcome_xcom(short: ShortResult) -> dict[str, Any]:
    """What ``close`` reads of a stage that gave no result."""
    return {"exit_code": short.exit_code, "error": dataclasses.asdict(short.error) if short.error else None}


def result_xcom(short: ShortResult, request: StageRequest, **timings: float) -> dict[str, Any]:
    """The return value of a stage's task: where its result lies, and how long the stage itself took.

    Folder and key are those of the request: a program without the kit may name others or none, and results of two
    studies under one key would be sent under the same UIDs.
    """
    return {
        **timings,
        "io_folder": request.output,
        "folders": short.folders,
        "metrics": short.metrics,
        "warnings": short.warnings,
        "stage_key": request.stage_key,
        "digest": short.digest,
    }


def attempt_since_clear(ti: Any, retries: int) -> int:
    """1 for the first attempt since the task was last cleared: clearing raises ``max_tries`` by the tries used."""
    return max(1, int(ti.try_number) - (int(ti.max_tries) - retries))


def _count_bugs(context: Any, retries: int) -> int:
    ti, store = context["ti"], context.get("task_state_store")
    attempt = attempt_since_clear(ti, retries)
    if store is None:
        return attempt
    earlier = [number for number in store.get(_BUGS_KEY) or [] if 0 < ti.try_number - number < attempt]
    store.set(_BUGS_KEY, [*earlier, ti.try_number])
    return len(earlier) + 1
