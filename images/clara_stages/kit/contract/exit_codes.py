"""What a stage's exit status means. The operator's table of outcomes is keyed by this enum."""

from enum import IntEnum, StrEnum


class ExitCode(IntEnum):
    """Exit status of a stage process or container."""

    COMPLETED = 0
    """A result lies in the output folder."""
    NOTHING_TO_DO = 10
    """No result and no fault: the task is skipped."""
    BAD_INPUT = 20
    """The same bytes would fail again: no retry."""
    OUT_OF_SCOPE = 21
    """The study lies outside what the bundle or object is made for: skipped, the study is "not analysed"."""
    UNAVAILABLE = 30
    """A peer (adapter, PACS, Triton) did not answer: retry with back-off."""
    RESOURCE_BUSY = 31
    """GPU or disk is taken: retry with back-off."""
    OUT_OF_MEMORY = 32
    """The stage reached its own memory limit: no retry, raise the limit."""
    TIMED_OUT = 33
    """The stage reached its own time-out: no retry, raise the time-out."""


class Outcome(StrEnum):
    """``outcome`` of a result: how a stage that did not fail ended."""

    COMPLETED = "completed"
    NOTHING_TO_DO = "nothing_to_do"
