"""Clocks that passed midnight while their date stayed that of the beginning."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from clara_stages.dicom_reader.headers.frame import Frame
from clara_stages.dicom_reader.splitting.candidates import ACQUISITION_TIME, Candidate

_DAY_S = 86400.0

_LONGEST_PAUSE_S = _DAY_S / 2
"""No series of one date pauses for half a day; one that seems to began before midnight and ended after it."""


def over_midnight(candidate: Candidate, frames: Sequence[Frame]) -> Candidate:
    """Acquisition Time with what came after midnight on the next day, where all have one date and a pause says so.

    Other candidates, and a date that goes on with its times, stay as they are.
    """
    if candidate.attribute != ACQUISITION_TIME:
        return candidate
    raw = [candidate.read(frame) for frame in frames]
    times = sorted({value for value in raw if value is not None})
    if len(times) < 2 or len({value // _DAY_S for value in times}) > 1:
        return candidate
    pauses = np.diff(times)
    longest = int(np.argmax(pauses))
    if pauses[longest] <= _LONGEST_PAUSE_S:
        return candidate
    first_of_evening = times[longest + 1]

    def read(frame: Frame) -> float | None:
        value: float | None = candidate.read(frame)
        return value if value is None or value >= first_of_evening else value + _DAY_S

    return dataclasses.replace(candidate, read=read)
