"""Why places occur several times in a series: the attributes that tell its volumes apart."""

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from clara_stages.dicom_reader.headers.frame import Frame
from clara_stages.dicom_reader.splitting.candidates import (
    ACQUISITION_NUMBER,
    ACQUISITION_TIME,
    CLOCKS,
    CONTENT_TIME,
    OF_ONE_VOLUME,
    RESCALE,
    SEPARATORS,
    STACK_ID,
    TIMES,
    Candidate,
    dimension_candidate,
)
from clara_stages.dicom_reader.splitting.clusters import Floats, Labels, runs
from clara_stages.dicom_reader.splitting.columns import UNKNOWN, Column, build_column
from clara_stages.dicom_reader.splitting.interleaved import EVEN_PART, alternate, are_interleaved
from clara_stages.dicom_reader.splitting.midnight import over_midnight
from clara_stages.dicom_reader.splitting.places import Places
from clara_stages.dicom_reader.splitting.quantities import modality_of
from clara_stages.dicom_reader.splitting.steps import Group, Leaf, Step, build_steps, gaps_are_even
from clara_stages.dicom_reader.splitting.times import by_rank, by_windows, join_time_points, runs_place_by_place

COVERED_PART = 0.6
"""A group that has this part of all places is one of several volumes of them, even where it lost some. Of two groups
that share the places of one volume at random, one has less."""

_MOST_DIMENSIONS = 8
"""Dimensions of a multi-frame object that are looked at; objects have two to five."""

_CYCLES = ("trigger_time_ms",)
"""Times that begin again at each place: counted per place."""

_VARYING = ("coil", "image_type")
"""Separators of which nothing follows where they do not divide a series: vendors change them from slice to slice."""

_RUNNING = ("frame_reference_time_ms", *CLOCKS)
"""Times that run on from slice to slice."""


class Explainer:
    """Finds the volumes among frames that each have a place."""

    def __init__(self, frames: Sequence[Frame], places: Places) -> None:
        self._frames = frames
        self._places = places
        self._columns: dict[str, Column] = {}
        self._times: dict[str, Floats | None] = {}
        self._candidates = [over_midnight(candidate, frames) for candidate in TIMES]

    def explain(self, rows: Labels, steps: tuple[Step, ...] = (), *, may_pair: bool = True) -> list[Leaf]:
        """The volumes among some frames.

        Nothing is divided where all frames lie at one place, nor where each place occurs once and they are no
        interleaved stacks. What no attribute explains stays together, so that geometry can say which places are
        repeated.

        Args:
            rows: Indices of the frames.
            steps: How they were found.
            may_pair: Whether a time may also separate volumes that another time divides into time points.
        """
        distinct = len(set(self._places.ids[rows].tolist()))
        if distinct == 1:
            return [Leaf(rows=rows, steps=steps)]
        if distinct == len(rows):
            return self._interleaved(rows, steps) or [Leaf(rows=rows, steps=steps)]
        separated = self._divide(self._separators, rows, steps, may_pair=may_pair)
        if separated:
            return separated
        return (
            self._over_time(rows, steps)
            or (may_pair and self._pairs_of_times(rows, steps))
            or self._divide(self._last_resorts, rows, steps, may_pair=may_pair)
            or [Leaf(rows=rows, steps=steps, is_explained=False)]
        )

    def stacks(self, rows: Labels) -> list[Group]:
        """Groups of different Stack ID where they lie apart; empty where there is one, or where they share places.

        A stack is what its writer says belongs together (PS3.3 C.7.6.16.2.2.2), also where no place is repeated.
        """
        column = self._column(STACK_ID)
        labels, places = column.labels[rows], self._places.ids[rows]
        found = sorted(set(labels.tolist()))
        covered = [set(places[labels == label].tolist()) for label in found]
        lie_apart = sum(map(len, covered)) == len(set(places.tolist()))
        if len(found) < 2 or UNKNOWN in found or not lie_apart or min(map(len, covered)) < STACK_ID.least_places:
            return []
        return self._groups(column, rows)

    @cached_property
    def _separators(self) -> list[Column]:
        columns = [self._column(candidate) for candidate in SEPARATORS]
        origin = Candidate(
            attribute="field_of_view", words="field of view", read=lambda frame: None, name="field{}", numbered=True
        )
        origins = self._places.origins
        columns.append(Column(candidate=origin, labels=origins, values=tuple(range(int(origins.max()) + 1))))
        return [column for column in columns if column.labels.min() != column.labels.max()]

    @cached_property
    def _last_resorts(self) -> list[Column]:
        longest = max(len(frame.attributes.dimension_index_values) for frame in self._frames)
        candidates = [STACK_ID, *map(dimension_candidate, range(min(longest, _MOST_DIMENSIONS))), RESCALE]
        return [self._column(candidate) for candidate in candidates]

    def _interleaved(self, rows: Labels, steps: tuple[Step, ...]) -> list[Leaf]:
        """Stacks that lie between each other; empty where there is one stack."""
        along_mm = self._places.along_mm[rows]
        if len(set(self._places.orientations[rows].tolist())) > 1:
            return []
        is_even = gaps_are_even(np.sort(along_mm), EVEN_PART)
        columns = [column for column in self._separators if not is_even or column.candidate.attribute in OF_ONE_VOLUME]
        if not is_even or modality_of(self._frames[0]) == "ct":  # MR acquires every second slice of one stack in turns
            columns.append(self._column(ACQUISITION_NUMBER))
        for column in columns:
            if (alternate if is_even else are_interleaved)(column.labels[rows], along_mm):
                return [
                    Leaf(rows=group.rows, steps=(*steps, group.step), note="between the slices of another stack")
                    for group in self._groups(column, rows)
                ]
        return []

    def _column(self, candidate: Candidate) -> Column:
        if candidate.attribute not in self._columns:
            self._columns[candidate.attribute] = build_column(candidate, self._frames)
        return self._columns[candidate.attribute]

    def _divide(
        self, columns: Sequence[Column], rows: Labels, steps: tuple[Step, ...], *, may_pair: bool
    ) -> list[Leaf]:
        for column in columns:
            if self._separates(column, rows):
                return [
                    leaf
                    for group in self._groups(column, rows)
                    for leaf in self.explain(group.rows, (*steps, group.step), may_pair=may_pair)
                ]
        return []

    def _separates(self, column: Column, rows: Labels) -> bool:
        """Whether grouping by an attribute gives volumes of the same places, or stacks that overlap.

        Each group shares a place with another, and has most places or is an even stack; else a slice that was sent
        twice would be split away by whatever attribute happens to differ there.
        """
        labels, places = column.labels[rows], self._places.ids[rows]
        if labels.min() == labels.max():
            return False
        ids, inverse = np.unique(places, return_inverse=True)
        pairs = np.unique((labels - UNKNOWN) * len(ids) + inverse.reshape(-1))
        group_of, place_of = pairs // len(ids), pairs % len(ids)
        shared = np.bincount(place_of, minlength=len(ids)) > 1
        for start, end in runs(group_of):
            members = place_of[start:end]
            if len(members) < column.candidate.least_places or not shared[members].any():
                return False
            if len(members) < COVERED_PART * len(ids) and not self._is_stack(ids, members):
                return False
        return True

    def _is_stack(self, ids: Labels, members: Labels) -> bool:
        """Whether places have no gap among all places, or lie evenly."""
        if members[-1] - members[0] + 1 == len(members):
            return True
        return gaps_are_even(self._along_mm[ids[members]], EVEN_PART)

    @cached_property
    def _along_mm(self) -> Floats:
        along_mm = np.zeros(int(self._places.ids.max()) + 1)
        along_mm[self._places.ids] = self._places.along_mm
        return along_mm

    def _groups(self, column: Column, rows: Labels) -> list[Group]:
        labels = column.labels[rows]
        found = sorted(set(labels.tolist()), key=lambda label: (label == UNKNOWN, label))
        steps = build_steps(column.candidate, [column.value(label) for label in found])
        return [Group(rows=rows[labels == label], step=step) for label, step in zip(found, steps, strict=True)]

    def _over_time(self, rows: Labels, steps: tuple[Step, ...]) -> list[Leaf]:
        """One 4D, and beside it the last time point where the scan was broken off; else empty."""
        places = self._places.ids[rows]
        for candidate in self._candidates:
            times = self._times_of(candidate)
            if times is None or not np.isfinite(times[rows]).all():
                continue
            for stacks in self._ways(candidate, times[rows], places, rows):
                points = join_time_points(stacks, self._places.ids)
                if points is None:
                    continue
                if candidate.attribute == CONTENT_TIME and self._knows_acquisition(rows):
                    return _made_apart(candidate, steps, stacks)
                values = _time_values(candidate, times, stacks)
                leaves = _time_leaves(candidate, steps, points.stacks, points.broken_off, values)
                mixed = self._first_mixed(points.stacks)
                if mixed is None:
                    return leaves
                if all(len(set(mixed.labels[stack].tolist())) == 1 for stack in points.stacks):
                    whole = self._groups(mixed, np.concatenate(points.stacks))
                    parts = [leaf for group in whole for leaf in self.explain(group.rows, (*steps, group.step))]
                    return parts + leaves[1:]
        return []

    def _first_mixed(self, stacks: Sequence[Labels]) -> Column | None:
        """A separator that differs between time points at one place: then they are of several quantities.

        Separators come first, but one of their groups may be too small for a stack of its own: a volume broken off.
        """
        rows = np.concatenate(stacks)
        places = self._places.ids[rows]
        for column in self._separators:
            if column.candidate.attribute in _VARYING:
                continue
            pairs = np.unique(np.stack((places, column.labels[rows])), axis=1)
            if pairs.shape[1] > len(np.unique(places)):
                return column
        return None

    def _knows_acquisition(self, rows: Labels) -> bool:
        return all(self._frames[row].attributes.acquisition_time_s is not None for row in rows)

    def _ways(self, candidate: Candidate, times: Floats, places: Labels, rows: Labels) -> Iterator[list[Labels]]:
        """The ways in which a time may tell time points apart: by its value, in running windows, by rank."""
        labels = self._column(candidate).labels[rows]
        order = np.argsort(labels, kind="stable")
        yield [rows[order[start:end]] for start, end in runs(labels[order])]
        if candidate.attribute in _RUNNING:
            yield by_windows(times, places, rows)
        sliced = candidate.attribute == ACQUISITION_TIME and runs_place_by_place(times, places)
        if sliced or candidate.attribute in _CYCLES:
            yield by_rank(times, places, rows)

    def _times_of(self, candidate: Candidate) -> Floats | None:
        """Times of all frames, NaN where the header does not say it; None where all are the same."""
        if candidate.attribute not in self._times:
            raw = [candidate.read(frame) for frame in self._frames]
            times = np.array([np.nan if value is None else float(value) for value in raw])
            varies = len(set(times[np.isfinite(times)].tolist())) > 1
            self._times[candidate.attribute] = times if varies else None
        return self._times[candidate.attribute]

    def _pairs_of_times(self, rows: Labels, steps: tuple[Step, ...]) -> list[Leaf]:
        """Volumes apart by one time, where that explains all of them alone or with another; else empty."""
        for candidate in self._candidates:
            column = self._column(candidate)
            if candidate.attribute in CLOCKS or not self._separates(column, rows):
                continue
            leaves = self._divide([column], rows, steps, may_pair=False)
            if all(leaf.is_explained for leaf in leaves):
                return leaves
        return []


def _time_values(candidate: Candidate, times: Floats, stacks: Sequence[Labels]) -> tuple[float, ...]:
    """The middle time of each stack; for what runs from slice to slice its first, and clocks from the first stack."""
    if candidate.attribute not in _RUNNING:
        return tuple(float(np.median(times[stack])) for stack in stacks)
    firsts = [float(times[stack].min()) for stack in stacks]
    start = firsts[0] if candidate.attribute in CLOCKS else 0.0
    return tuple(round(first - start, 6) for first in firsts)


def _made_apart(candidate: Candidate, steps: tuple[Step, ...], stacks: Sequence[Labels]) -> list[Leaf]:
    """Images of one acquisition that were made at several times: volumes, and no time points."""
    groups = zip(stacks, build_steps(candidate, range(len(stacks))), strict=True)
    return [Leaf(rows=stack, steps=(*steps, step)) for stack, step in groups]


def _time_leaves(
    candidate: Candidate,
    steps: tuple[Step, ...],
    stacks: tuple[Labels, ...],
    broken_off: Labels,
    values: tuple[float, ...],
) -> list[Leaf]:
    whole = Leaf(
        rows=np.concatenate(stacks),
        steps=steps,
        times=stacks,
        time_values=values[: len(stacks)],
        time_attribute=candidate.attribute,
    )
    if not len(broken_off):
        return [whole]
    step = Step(
        attribute=candidate.attribute,
        words=candidate.words,
        value=values[-1],
        name="broken-off",
        unit=candidate.unit,
        order=(1, 0),
    )
    note = f"the last time point, broken off: {len(broken_off)} of {len(stacks[0])} slices"
    return [whole, Leaf(rows=broken_off, steps=(*steps, step), note=note)]
