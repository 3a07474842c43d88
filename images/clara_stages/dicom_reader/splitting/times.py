"""Time points: which frames of one quantity, at the same places, were acquired together."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clara_stages.dicom_reader.splitting.clusters import Floats, Labels

LOST_PART = 0.1
"""A time point that lacks up to this part of its places (at least one) has lost slices; one that lacks more is another
extent, so that the frames are separate volumes."""


@dataclass(frozen=True, kw_only=True)
class TimePoints:
    """One stack a time point.

    Attributes:
        stacks: Indices of frames, earliest first.
        broken_off: Indices of the frames of the last time point where the scan ended within it; else empty.
    """

    stacks: tuple[Labels, ...]
    broken_off: Labels


def join_time_points(stacks: Sequence[Labels], places: Labels) -> TimePoints | None:
    """Time points of one 4D, or None where the stacks are something else.

    All stacks cover the same places, at least two. One last stack may have fewer, because scans are broken off; it is
    handed back apart. Where most stacks cover the same places and others lost a slice, they are time points as well:
    it is the 4D that must be refused, and not the rest of it read.

    Args:
        stacks: Indices into ``places``, earliest first.
        places: The place of each frame.
    """
    none = np.empty(0, dtype=np.int64)
    covered = [np.sort(places[stack]) for stack in stacks]
    if len(stacks) < 2 or any(not np.diff(item).all() for item in covered):
        return None
    keys = [item.tobytes() for item in covered]
    counts = Counter(keys)
    usual = max(counts, key=lambda key: (counts[key], len(key), key))
    others = [index for index, key in enumerate(keys) if key != usual]
    usual_places = covered[keys.index(usual)]
    if counts[usual] < 2 or len(usual_places) < 2:
        return None
    if not others:
        return TimePoints(stacks=tuple(stacks), broken_off=none)
    if not all(np.isin(covered[index], usual_places).all() for index in others):
        return None
    if others == [len(stacks) - 1] and len(covered[-1]) >= 2:
        return TimePoints(stacks=tuple(stacks[:-1]), broken_off=stacks[-1])
    lost = max(1.0, LOST_PART * len(usual_places))
    few_lost = all(len(usual_places) - len(covered[index]) <= lost for index in others)
    return TimePoints(stacks=tuple(stacks), broken_off=none) if few_lost and len(others) < counts[usual] else None


def by_windows(times: Floats, places: Labels, rows: Labels) -> list[Labels]:
    """Time points of a clock that runs on from slice to slice: a new one begins where a place comes again.

    Unlike counting per place this does not shift the slices of one place by a time point where one is lost, but for a
    lost first slice: the slice that takes its place is the next time point's. So the same is done backwards, where
    only a lost last slice does that. Where both differ, the right way acquires the places in one and the same order
    and takes less time; without a pause between time points both take the same, and the right one goes along the stack.

    Empty where frames of one instant repeat a place, where neither way is in order, and where nothing decides.

    Args:
        times: Of each of ``rows``.
        places: Of each of ``rows``.
        rows: Indices of frames.
    """
    order = np.lexsort((places, times))
    instants = np.split(order, np.flatnonzero(np.diff(times[order])) + 1)
    if any(len(set(places[instant].tolist())) < len(instant) for instant in instants):
        return []
    forward, backward = _sweep(instants, places), _sweep(instants[::-1], places)[::-1]
    ways = [forward]
    if list(map(sorted, forward)) != list(map(sorted, backward)):
        ways = _likelier([way for way in (forward, backward) if _is_in_one_order(way, times, places)], times, places)
    return [rows[window] for window in ways[0]] if len(ways) == 1 else []


def _likelier(ways: list[list[list[int]]], times: Floats, places: Labels) -> list[list[list[int]]]:
    """The ways that take the least time, and of several those that go along the stack."""
    durations = [_duration(way, times) for way in ways]
    shortest = [way for way, duration in zip(ways, durations, strict=True) if duration == min(durations)]
    along = [way for way in shortest if _goes_along(max(way, key=len), times, places)]
    return along if len(shortest) > 1 else shortest


def _goes_along(window: list[int], times: Floats, places: Labels) -> bool:
    """Whether a time point was acquired from one end of the stack to the other."""
    steps = np.diff(places[window][np.argsort(times[window], kind="stable")])
    return bool((steps > 0).all() or (steps < 0).all())


def _sweep(instants: Sequence[Labels], places: Labels) -> list[list[int]]:
    windows: list[list[int]] = [[]]
    seen: set[int] = set()
    for instant in instants:
        here = places[instant].tolist()
        if not seen.isdisjoint(here):
            windows.append([])
            seen = set()
        seen.update(here)
        windows[-1] += instant.tolist()
    return windows


def _is_in_one_order(windows: list[list[int]], times: Floats, places: Labels) -> bool:
    """Whether all windows come to their places in the order of the fullest one."""
    fullest = max(windows, key=len)
    turn = dict(zip(places[fullest].tolist(), np.unique(times[fullest], return_inverse=True)[1].tolist(), strict=True))
    for window in windows:
        turns = [turn.get(place, -1) for place in places[window].tolist()]
        in_time = [turns[index] for index in np.lexsort((turns, times[window]))]
        if in_time != sorted(in_time) or in_time[0] < 0:
            return False
    return True


def _duration(windows: list[list[int]], times: Floats) -> float:
    return round(sum(float(np.ptp(times[window])) for window in windows), 3)


def by_rank(times: Floats, places: Labels, rows: Labels) -> list[Labels]:
    """Time points as the k-th frame in time at each place, for times that count from a trigger.

    Empty where places have different numbers of frames (a lost one would shift those after it) or one place has two
    frames of one time.
    """
    order = np.lexsort((times, places))
    ordered_places, ordered_times = places[order], times[order]
    counts = np.unique(ordered_places, return_counts=True)[1]
    if len(set(counts.tolist())) != 1:
        return []
    table = order.reshape(len(counts), int(counts[0]))
    if not (np.diff(ordered_times.reshape(table.shape), axis=1) > 0).all():
        return []
    return [rows[column] for column in table.T]


def runs_place_by_place(times: Floats, places: Labels) -> bool:
    """Whether all frames of one place were acquired before those of the next, as in a cine of slices."""
    ids = np.unique(places, return_inverse=True)[1].reshape(-1)
    first = np.full(int(ids.max()) + 1, np.inf)
    last = np.full(len(first), -np.inf)
    np.minimum.at(first, ids, times)
    np.maximum.at(last, ids, times)
    order = np.argsort(first, kind="stable")
    return bool((last[order][:-1] < first[order][1:]).all())
