"""The gaps along a stack: even, of several spacings, irregular, or with slices missing.

A gap that is a multiple of the spacing around it, and stands alone, has lost its slices; ``REGION_GAPS`` equal gaps in
a row are a spacing that was chosen. The two differ in what may be done: between slices that were never taken a volume
can be interpolated, a lost slice must be found.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_reader.geometry.axes import Floats
from clara_stages.dicom_reader.geometry.findings import Finding, FindingKind, counted, shown_mm
from clara_stages.dicom_reader.geometry.tolerances import (
    DRIFT_PART,
    LARGEST_GAP_RATIO,
    MULTIPLE_PART,
    REGION_GAPS,
    REGULAR_PART,
    ROUNDING_MM,
    SLACK_MM,
    SPACING_RTOL,
)

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_LISTED = 6
"""Gaps or regions that a message lists."""

_SPACING_REMEDY = (
    "select a series of one spacing, or let the reader interpolate slices at an even one (spacing: resample)"
)


@dataclass(frozen=True, kw_only=True)
class GapReport:
    """What the gaps of a stack say.

    Attributes:
        findings: Missing slices, variable spacing, images that are too close.
        usual_mm: The lower median of the gaps: of 5 and 10 mm, 5 is usual.
        smallest_mm: The smallest spacing, without images that are too close; the mean one where all are alike.
    """

    findings: tuple[Finding, ...]
    usual_mm: float
    smallest_mm: float


@dataclass(frozen=True, kw_only=True, eq=False)
class _Runs:
    """Neighbouring gaps that are equal within tolerance; each array has one entry for each run.

    Attributes:
        first: Index of its first gap.
        count: How many gaps.
        size_mm: Their mean.
        least_mm: The smallest, which is the mean where they are equal.
        most_mm: The largest.
        regular: Whether this is a spacing: a region of its own, or as wide as the usual gap.
        usual: Whether it is as wide as the usual gap.
    """

    first: Integers
    count: Integers
    size_mm: Floats
    least_mm: Floats
    most_mm: Floats
    regular: Flags
    usual: Flags


def examine_gaps(places_mm: Floats) -> GapReport:
    """What the gaps between slices say.

    Args:
        places_mm: Of the slices along their normal, increasing, shape ``(n,)``, n >= 2; one for each position.
    """
    gaps_mm = np.diff(places_mm)
    usual_mm = float(np.sort(gaps_mm)[(len(gaps_mm) - 1) // 2])
    accepted_mm = _accepted_deviation_mm(usual_mm)
    if (np.abs(gaps_mm - usual_mm) <= accepted_mm).all():
        mean_mm = float(places_mm[-1] - places_mm[0]) / len(gaps_mm)
        return GapReport(findings=tuple(_drift(places_mm, usual_mm)), usual_mm=usual_mm, smallest_mm=mean_mm)
    runs = _runs(gaps_mm, usual_mm, accepted_mm)
    least_mm = float(runs.size_mm[runs.regular].min(initial=usual_mm))
    close = runs.least_mm * LARGEST_GAP_RATIO < least_mm
    smallest_mm = float(runs.least_mm[~close].min())
    lost = _lost_slices(runs, accepted_mm)
    missing = ~close & ((lost > 0) | (runs.most_mm > LARGEST_GAP_RATIO * smallest_mm))
    varying = ~close & ~missing
    if (close | missing).any() and runs.usual[varying].all():
        varying[:] = False
    texts = _Texts(gaps_mm=gaps_mm, usual_mm=usual_mm, accepted_mm=accepted_mm, counts=runs.count)
    findings = (
        *_too_close_finding(texts, close),
        *_missing_finding(texts, missing, lost),
        *_variable_finding(texts, varying, runs),
    )
    return GapReport(findings=findings, usual_mm=usual_mm, smallest_mm=smallest_mm)


def _accepted_deviation_mm(usual_mm: float) -> float:
    """How far a gap may be from the usual gap of an even stack."""
    return max(SPACING_RTOL * usual_mm, min(ROUNDING_MM, usual_mm / 2)) + SLACK_MM


def _drift(places_mm: Floats, usual_mm: float) -> list[Finding]:
    """Gaps that are each within tolerance but add up."""
    slices = len(places_mm)
    step_mm = float(places_mm[-1] - places_mm[0]) / (slices - 1)
    distances_mm = np.abs(places_mm - places_mm[0] - np.arange(slices) * step_mm)
    worst, limit_mm = int(np.argmax(distances_mm)), max(ROUNDING_MM, DRIFT_PART * usual_mm)
    if distances_mm[worst] <= limit_mm + SLACK_MM:
        return []
    message = (
        f"slice {worst + 1} of {slices} lies {distances_mm[worst]:.2f} mm from its place in an even stack with steps "
        f"of {step_mm:.2f} mm; accepted are {limit_mm:.2f} mm"
    )
    return [Finding(kind=FindingKind.VARIABLE_SPACING, message=message, remedy=_SPACING_REMEDY)]


def _runs(gaps_mm: Floats, usual_mm: float, accepted_mm: float) -> _Runs:
    first = np.concatenate([[0], np.flatnonzero(np.abs(np.diff(gaps_mm)) > accepted_mm) + 1])
    count = np.diff(np.append(first, len(gaps_mm)))
    size_mm = np.add.reduceat(gaps_mm, first) / count
    least_mm, most_mm = np.minimum.reduceat(gaps_mm, first), np.maximum.reduceat(gaps_mm, first)
    equal = most_mm - least_mm <= 2 * accepted_mm
    usual = equal & (np.abs(size_mm - usual_mm) <= accepted_mm)
    return _Runs(
        first=first,
        count=count,
        size_mm=size_mm,
        least_mm=np.where(equal, size_mm, least_mm),
        most_mm=most_mm,
        regular=usual | (equal & (count >= REGION_GAPS)),
        usual=usual,
    )


def _is_mostly_regular(runs: _Runs) -> bool:
    return bool(runs.count[runs.regular].sum() >= REGULAR_PART * runs.count.sum())


def _lost_slices(runs: _Runs, accepted_mm: float) -> Integers:
    """How many slices each gap of a run has lost, measured by the smaller of the spacings before and after it.

    Spacings are those of regions; a stack without a region has its usual gap.
    """
    lost = np.zeros(len(runs.first), dtype=np.int64)
    if not _is_mostly_regular(runs):
        return lost
    is_region = runs.regular & (runs.count >= REGION_GAPS)
    is_spacing = is_region if is_region.any() else runs.usual
    index, spacing_mm = np.arange(len(lost)), np.where(is_spacing, runs.size_mm, np.inf)
    before = np.maximum.accumulate(np.where(is_spacing, index, 0))
    after = np.minimum.accumulate(np.where(is_spacing, index, len(lost) - 1)[::-1])[::-1]
    local_mm = np.minimum(spacing_mm[before], spacing_mm[after])
    multiple = np.rint(runs.size_mm / local_mm).astype(np.int64)
    off_mm = np.abs(runs.size_mm - multiple * local_mm)
    is_multiple = (multiple >= 2) & (off_mm <= np.minimum(multiple * accepted_mm, local_mm * MULTIPLE_PART))
    lost[~is_spacing & is_multiple] = multiple[~is_spacing & is_multiple] - 1
    return lost


@dataclass(frozen=True, kw_only=True, eq=False)
class _Texts:
    """How gaps are named.

    Attributes:
        gaps_mm: All of them.
        usual_mm: The usual gap.
        accepted_mm: How far a gap may be from it.
        counts: How many gaps each run has.
    """

    gaps_mm: Floats
    usual_mm: float
    accepted_mm: float
    counts: Integers

    def uneven(self, runs: Flags) -> Integers:
        """Indices of the gaps of some runs that are not as wide as the usual one."""
        return np.flatnonzero(np.repeat(runs, self.counts) & (np.abs(self.gaps_mm - self.usual_mm) > self.accepted_mm))

    def worst(self, gaps: Integers) -> int:
        """Index of the gap that is farthest from the usual one."""
        return int(gaps[np.argmax(np.abs(self.gaps_mm[gaps] - self.usual_mm))])

    def name(self, gaps: Integers) -> str:
        """The worst gap, with both slices and sizes."""
        worst = self.worst(gaps)
        return (
            f"the gap between slices {worst + 1} and {worst + 2} of {len(self.gaps_mm) + 1} is "
            f"{shown_mm(self.gaps_mm[worst])}, the usual gap {shown_mm(self.usual_mm)}"
        )

    def others(self, gaps: Integers, addition: str = "") -> str:
        """How many gaps are alike, and where."""
        if len(gaps) == 1:
            return ""
        listed = ", ".join(str(gap + 1) for gap in gaps[:_LISTED])
        more = " and more" if len(gaps) > _LISTED else ""
        return f" ({len(gaps)} such gaps, after slices {listed}{more}{addition})"


def _too_close_finding(texts: _Texts, runs: Flags) -> list[Finding]:
    gaps = texts.uneven(runs)
    if not len(gaps):
        return []
    return [
        Finding(
            kind=FindingKind.REPEATED,
            message=f"{texts.name(gaps)}: that place was taken twice{texts.others(gaps)}",
            remedy="select a series with one image for each position",
        )
    ]


def _missing_finding(texts: _Texts, runs: Flags, lost: Integers) -> list[Finding]:
    if not runs.any():
        return []
    # A wide region may be what is usual; it is named all the same.
    gaps = np.flatnonzero(np.repeat(runs, texts.counts))
    lost_in_gap = np.repeat(lost, texts.counts)
    count, addition = int(lost_in_gap[texts.worst(gaps)]), ""
    if count:
        cause = f"{counted(count, 'slice')} {'is' if count == 1 else 'are'} missing there"
    else:
        cause = f"slices are missing there, for it is more than {LARGEST_GAP_RATIO:g} times the smallest gap"
    if lost[runs].all():
        addition = f"; {int(lost_in_gap[gaps].sum())} slices missing in all"
    return [
        Finding(
            kind=FindingKind.MISSING,
            message=f"{texts.name(gaps)}: {cause}{texts.others(gaps, addition)}",
            remedy="send the complete series again",
        )
    ]


def _variable_finding(texts: _Texts, varying: Flags, runs: _Runs) -> list[Finding]:
    if not varying.any():
        return []
    parts = []
    regions = np.flatnonzero(runs.regular & varying)
    if not runs.usual[regions].all() and _is_mostly_regular(runs):
        listed = [_region(runs, int(region)) for region in regions[:_LISTED]]
        more = f", and {len(regions) - _LISTED} more" if len(regions) > _LISTED else ""
        parts.append(f"the spacing changes along the stack: {', then '.join(listed)}{more}")
    odd = texts.uneven(varying & ~runs.regular if parts else varying)
    if len(odd):
        parts.append(f"{texts.name(odd)}: uneven spacing{texts.others(odd)}")
    return [Finding(kind=FindingKind.VARIABLE_SPACING, message="; ".join(parts), remedy=_SPACING_REMEDY)]


def _region(runs: _Runs, region: int) -> str:
    first, count = int(runs.first[region]), int(runs.count[region])
    return f"{counted(count, 'gap')} of {shown_mm(runs.size_mm[region])} (slices {first + 1} to {first + count + 1})"
