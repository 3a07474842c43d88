"""How a stack leans: straight, tilted as a whole, or with slices beside their place."""

import math
from dataclasses import dataclass

import numpy as np

from clara_stages.dicom_reader.geometry.axes import Floats
from clara_stages.dicom_reader.geometry.findings import Finding, FindingKind, shown_mm
from clara_stages.dicom_reader.geometry.tolerances import (
    DRIFT_PART,
    LARGEST_TILT_DEGREES,
    OFF_PLACE_PART,
    ROUNDING_MM,
    SLACK_MM,
    TILT_TOLERANCE_DEGREES,
)

_OTHER_SERIES_REMEDY = "the table or the patient was moved, or positions are wrong: select another series"
_TILT_REMEDY = (
    "let the reader resample it to a straight volume (tilt: resample), or ask for the sheared affine (tilt: shear)"
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Lean:
    """Where the slices of a stack go sideways.

    Attributes:
        findings: Tilt, slices beside their place, irregular shear.
        slope_lps: mm sideways for each mm along the normal, LPS, at a right angle to the normal, shape ``(3,)``.
        degrees: Angle between the direction of stacking and the normal.
    """

    findings: tuple[Finding, ...]
    slope_lps: Floats
    degrees: float


def examine_lean(positions_lps_mm: Floats, places_mm: Floats, normal: Floats, usual_gap_mm: float) -> Lean:
    """How a stack leans.

    Args:
        positions_lps_mm: One for each slice, in the order of places, shape ``(n, 3)``, n >= 2.
        places_mm: Of the slices along the normal, increasing.
        normal: Unit normal of the slices, LPS.
        usual_gap_mm: Says how far a slice may be beside its place.
    """
    beside = positions_lps_mm - positions_lps_mm[0]
    beside = beside - (beside @ normal)[:, None] * normal
    limit_mm = max(ROUNDING_MM, DRIFT_PART * usual_gap_mm) + SLACK_MM
    slope = beside[-1] / (places_mm[-1] - places_mm[0])
    distances_mm = np.linalg.norm(beside - (places_mm - places_mm[0])[:, None] * slope, axis=1)
    if distances_mm.max() > limit_mm:
        slope = _robust_slope(beside, places_mm)
        line = beside - (places_mm - places_mm[0])[:, None] * slope
        distances_mm = np.linalg.norm(line - np.median(line, axis=0), axis=1)
    degrees = math.degrees(math.atan(float(np.linalg.norm(slope))))
    away_mm = float(np.linalg.norm(slope)) * float(places_mm[-1] - places_mm[0])
    is_tilted = away_mm > ROUNDING_MM + SLACK_MM and degrees > TILT_TOLERANCE_DEGREES
    findings = [_tilt(degrees, usual_gap_mm)] if is_tilted else []
    if distances_mm.max() > limit_mm:
        beside_line = _beside(distances_mm, limit_mm)
        # Without a line that most slices lie on, no angle is the tilt.
        findings = [*findings, beside_line] if beside_line.kind == FindingKind.OFF_PLACE else [beside_line]
    return Lean(findings=tuple(findings), slope_lps=slope, degrees=degrees)


def _robust_slope(beside: Floats, places_mm: Floats) -> Floats:
    """The slope of most slices, whichever of them are beside their place.

    It is the median over pairs half a stack apart, at least three pairs where there are so many: one slice spoils two
    of them at most, in opposite directions.
    """
    slices = len(places_mm)
    apart = max(1, min(slices // 2, slices - 3))
    slopes = (beside[apart:] - beside[:-apart]) / (places_mm[apart:] - places_mm[:-apart])[:, None]
    median: Floats = np.median(slopes, axis=0)
    return median


def _tilt(degrees: float, usual_gap_mm: float) -> Finding:
    if degrees > LARGEST_TILT_DEGREES:
        message = f"the stack leans {degrees:.1f} degrees; no gantry tilts more than {LARGEST_TILT_DEGREES:g}"
        return Finding(kind=FindingKind.IRREGULAR_SHEAR, message=message, remedy="correct the source of the images")
    beside_mm = usual_gap_mm * math.tan(math.radians(degrees))
    message = (
        f"each slice lies {shown_mm(beside_mm)} beside the one before it, so that the stack leans {degrees:.1f} "
        "degrees (tilted gantry)"
    )
    return Finding(kind=FindingKind.TILT, message=message, remedy=_TILT_REMEDY)


def _beside(distances_mm: Floats, limit_mm: float) -> Finding:
    slices, worst = len(distances_mm), int(np.argmax(distances_mm))
    off = np.flatnonzero(distances_mm > limit_mm)
    if len(off) > max(1.0, OFF_PLACE_PART * slices):
        message = (
            f"{len(off)} of {slices} slices lie beside the line of the others, slice {worst + 1} by "
            f"{distances_mm[worst]:.2f} mm; accepted are {limit_mm:.2f} mm: the stack leans by different amounts"
        )
        return Finding(kind=FindingKind.IRREGULAR_SHEAR, message=message, remedy=_OTHER_SERIES_REMEDY)
    more = f" ({len(off)} such slices)" if len(off) > 1 else ""
    message = (
        f"slice {worst + 1} of {slices} lies {distances_mm[worst]:.2f} mm beside its place on the line of the others"
        f"{more}; accepted are {limit_mm:.2f} mm"
    )
    return Finding(kind=FindingKind.OFF_PLACE, message=message, remedy=_OTHER_SERIES_REMEDY)
