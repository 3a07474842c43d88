"""Dates and times of results: of the source, not of the clock, so that a re-run gives the same bytes."""

import datetime
import re
from collections.abc import Callable, Iterable

from pydicom.dataset import Dataset

_PAIRS = (
    ("ContentDate", "ContentTime"),
    ("AcquisitionDate", "AcquisitionTime"),
    ("SeriesDate", "SeriesTime"),
    ("StudyDate", "StudyTime"),
)

UNKNOWN_TIME = datetime.datetime(1900, 1, 1)  # noqa: DTZ001 - DICOM times have no zone of their own
"""Where no source instance states a date: Content Date is Type 1 in a SEG (PS3.3 C.8.20.2), so one must stand there,
and this one nobody takes for real."""

_TIME = re.compile(r"(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,6}))?)?)?")
"""TM (PS3.5 6.2): hours, then optional minutes, seconds and fraction."""


def latest_source_time(instances: Iterable[Dataset]) -> datetime.datetime | None:
    """The latest moment that any instance states as its content, acquisition, series or study time.

    A date without a usable time counts as its midnight. The result is naive: it lies in the source's time zone.

    Returns:
        The moment, or None where no instance has a valid date.
    """
    moments = [
        moment
        for instance in instances
        for date, time in _PAIRS
        if (moment := _moment(instance.get(date), instance.get(time))) is not None
    ]
    return max(moments, default=None)


def result_moment(instances: Iterable[Dataset], warn: Callable[[str], None]) -> datetime.datetime:
    """``latest_source_time``, or ``UNKNOWN_TIME`` with a warning."""
    moment = latest_source_time(instances)
    if moment is None:
        warn(f"the source states no date: the result's dates are {UNKNOWN_TIME:%Y-%m-%d}")
    return moment or UNKNOWN_TIME


def date_text(moment: datetime.datetime) -> str:
    """As a DA value."""
    return f"{moment:%Y%m%d}".zfill(8)


def time_text(moment: datetime.datetime) -> str:
    """As a TM value, with a fraction only where there is one."""
    return f"{moment:%H%M%S.%f}" if moment.microsecond else f"{moment:%H%M%S}"


def _moment(date: object, time: object) -> datetime.datetime | None:
    try:
        day = datetime.datetime.strptime(str(date or "").strip(), "%Y%m%d")  # noqa: DTZ007 - see UNKNOWN_TIME
    except ValueError:
        return None
    match = _TIME.fullmatch(str(time or "").strip())
    if match is None:
        return day
    hour, minute, second, fraction = (match[1], match[2] or 0, match[3] or 0, (match[4] or "").ljust(6, "0"))
    try:
        # A leap second (60) is allowed in TM, but not in datetime.
        return day.replace(hour=int(hour), minute=int(minute), second=min(int(second), 59), microsecond=int(fraction))
    except ValueError:
        return day
