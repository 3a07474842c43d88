"""How long the dose had decayed when the scan began: the two instants, each from what the headers say of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clara_stages.dicom_reader.values.pet_header import PetHeader

CLOCK_TOLERANCE_S = 1.0
"""Series Time is often written without the fraction that Acquisition Time has, and some scanners round it up: a scan
may seem to begin microseconds after its first image. A second of F-18 is 0.01 % of SUV."""

SCAN_START_SPREAD_S = 10.0
"""How far the starts computed from single images may lie apart: frame times are whole seconds on some scanners. Ten
seconds of F-18 are 0.1 % of SUV; several injections or mixed series differ by minutes."""

INJECTION_SPREAD_S = 60.0
"""How far Start DateTime and Start Time of one injection may differ. They are one event, typed or copied twice."""

MAX_HALF_LIVES = 6.0
"""1.6 % of the dose is left: nobody starts a scan later (F-18: 11 h). A longer time is a wrong date or half-life."""

DATELESS_HALF_LIFE_S = 6 * 3600.0
"""With a longer half-life (Cu-64, Zr-89, I-124) scans are made on later days, and a time without its date may mean
any of them."""

DYNAMIC_DELAY_S = 120.0
"""How long after its start a dynamic scan may get its injection: the first frames show the body without the tracer."""

_REWRITTEN = "the series time is absent or later than the first acquisition"

_DAY_S = 86_400.0
_MINUTE_S = 60.0


class UnknownTimeError(ValueError):
    """Why an instant is not known, as the end of a sentence."""


@dataclass(frozen=True, kw_only=True)
class DecayInterval:
    """The time between injection and scan.

    Attributes:
        seconds: Negative where a dynamic scan began before the injection.
        scan_start_from: What the start of the scan was taken from.
    """

    seconds: float
    scan_start_from: str


def find_decay_interval(headers: Sequence[PetHeader], half_life_s: float) -> DecayInterval:
    """From the injection to the instant that START corrects decay to.

    Raises:
        UnknownTimeError: An instant is not known, or the two cannot both be right.
    """
    scan_start_s, source = _find_scan_start(headers, half_life_s)
    header = headers[0]
    injection_s = _dated_injection(header)
    if injection_s is None:
        injection_s = _injection_before(header, scan_start_s, half_life_s)
    elapsed_s = scan_start_s - injection_s
    if injection_s % _DAY_S == 0 and scan_start_s % _DAY_S == 0:
        raise UnknownTimeError("injection and scan are both at 00:00:00, as de-identification may leave them")
    if elapsed_s < 0 and not _is_dynamic_delay(header, elapsed_s):
        raise UnknownTimeError(f"the injection is {-elapsed_s / _MINUTE_S:.1f} min after the start of the scan")
    if elapsed_s > MAX_HALF_LIVES * half_life_s:
        raise UnknownTimeError(
            f"the scan begins {elapsed_s / half_life_s:.1f} half-lives after the injection, accepted are "
            f"{MAX_HALF_LIVES:g}"
        )
    return DecayInterval(seconds=elapsed_s, scan_start_from=source)


def _find_scan_start(headers: Sequence[PetHeader], half_life_s: float) -> tuple[float, str]:
    """When the scan began, and where that is from.

    The Series Time is not always it: a series that was reconstructed or processed again may have that time instead.
    """
    header = headers[0]
    if header.decay_reference_s is not None:
        return header.decay_reference_s, "decay correction time"
    starts = [item.acquisition_start_s for item in headers if item.acquisition_start_s is not None]
    if len(starts) < len(headers):
        raise UnknownTimeError(
            f"{len(headers) - len(starts)} of {len(headers)} images have no Acquisition Date and Time"
        )
    first_s = min(starts)
    if header.series_start_s is not None and header.series_start_s <= first_s + CLOCK_TOLERANCE_S:
        return header.series_start_s, "series time"
    start_s, source = _ge_scan_start(headers), f"GE's scan time, for {_REWRITTEN}"
    if start_s is None:
        start_s = _computed_scan_start(headers, half_life_s)
        source = f"scan start by frame reference times, for {_REWRITTEN}"
    if start_s > first_s + CLOCK_TOLERANCE_S:
        raise UnknownTimeError("every known start of the scan is later than its first acquisition")
    return start_s, source


def _ge_scan_start(headers: Sequence[PetHeader]) -> float | None:
    starts = {header.ge_scan_start_s for header in headers}
    if len(starts) > 1:
        raise UnknownTimeError(f"the images have {len(starts)} different GE scan times (0009,xx0D)")
    return starts.pop()


def _computed_scan_start(headers: Sequence[PetHeader], half_life_s: float) -> float:
    """The start of the scan from each frame's own times.

    Frame Reference Time is the offset from the start of the scan to the instant in the frame when activity was at its
    mean, and decay puts that instant before the middle of the frame.
    """
    starts = [_frame_scan_start(header, half_life_s) for header in headers]
    spread_s = max(starts) - min(starts)
    if spread_s > SCAN_START_SPREAD_S:
        raise UnknownTimeError(f"{_REWRITTEN}, and the frames tell starts of the scan {spread_s:.0f} s apart")
    return float(np.median(starts))


def _frame_scan_start(header: PetHeader, half_life_s: float) -> float:
    acquisition_s, reference_ms = header.acquisition_start_s, header.frame_reference_time_ms or 0
    duration_ms = header.frame_duration_ms or 0
    if acquisition_s is None or reference_ms <= 0 or duration_ms <= 0:
        raise UnknownTimeError(
            f"{_REWRITTEN}, and Frame Reference Time (0054,1300) or Actual Frame Duration (0018,1242), which tell "
            "the start of the scan, is absent or 0"
        )
    return acquisition_s + _mean_activity_s(duration_ms / 1000, half_life_s) - reference_ms / 1000


def _mean_activity_s(duration_s: float, half_life_s: float) -> float:
    """When within a frame a decaying source has the mean activity of the frame, in seconds from its start."""
    decay_constant = math.log(2) / half_life_s
    decay = decay_constant * duration_s
    return math.log(decay / -math.expm1(-decay)) / decay_constant


def _dated_injection(header: PetHeader) -> float | None:
    """The injection where its date is known, or None."""
    if header.injection_s is None:
        return None
    if header.injection_time_of_day_s is None:
        if header.injection_zone_unknown:
            raise UnknownTimeError(
                "Radiopharmaceutical Start DateTime (0018,1078) has a time zone, the other times have none"
            )
        return header.injection_s
    difference_s = abs(header.injection_s - header.injection_time_of_day_s) % _DAY_S
    if min(difference_s, _DAY_S - difference_s) > INJECTION_SPREAD_S:
        raise UnknownTimeError(
            "Radiopharmaceutical Start DateTime (0018,1078) and Start Time (0018,1072) are different times of day"
        )
    return header.injection_s


def _injection_before(header: PetHeader, scan_start_s: float, half_life_s: float) -> float:
    """The injection by its time of day: on the day of the scan, or on the day before where midnight lies between."""
    time_of_day_s = header.injection_time_of_day_s
    if time_of_day_s is None:
        raise UnknownTimeError("Radiopharmaceutical Start DateTime (0018,1078) and Start Time (0018,1072) are absent")
    if half_life_s > DATELESS_HALF_LIFE_S:
        raise UnknownTimeError(
            f"the injection has a time but no date, and with a half-life of {half_life_s / 3600:.0f} h it may have "
            "been days before"
        )
    same_day_s = scan_start_s - scan_start_s % _DAY_S + time_of_day_s
    if same_day_s <= scan_start_s or _is_dynamic_delay(header, scan_start_s - same_day_s):
        return same_day_s
    is_crossing = scan_start_s - (same_day_s - _DAY_S) <= MAX_HALF_LIVES * half_life_s
    return same_day_s - _DAY_S if is_crossing else same_day_s


def _is_dynamic_delay(header: PetHeader, elapsed_s: float) -> bool:
    """Whether the injection came so soon after the start of a dynamic scan that it belongs to it."""
    return header.series_type == "DYNAMIC" and -DYNAMIC_DELAY_S <= elapsed_s <= 0
