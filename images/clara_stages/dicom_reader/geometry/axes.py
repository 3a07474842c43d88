"""What the planes of one stack have in common: directions, pixel spacing, size, frame of reference."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_reader.geometry.findings import Finding, FindingKind, counted
from clara_stages.dicom_reader.geometry.plane import Plane
from clara_stages.dicom_reader.geometry.tolerances import (
    LARGEST_COORDINATE_MM,
    ORIENTATION_ATOL,
    PIXEL_SPACING_RTOL,
    SMALLEST_SPACING_MM,
    UNIT_TOLERANCE,
)

Floats = npt.NDArray[np.float64]

_LISTED = 4
"""Values that a message lists; who sees more than these does not read them."""

_LARGEST_LIST = 64
"""Orientations that are told apart and counted; a series with more is no stack whatever they are."""

_UID = re.compile(r"[0-9.]{1,64}")
"""PS3.5 9.1. Anything else may be text that a person typed, so it must not reach a message."""

_SPLIT_REMEDY = "select a series that is one stack, or have the sender split it"
_CORRECT_REMEDY = "correct the source of the images"


@dataclass(frozen=True, kw_only=True, eq=False)
class Axes:
    """The directions that all planes share.

    Attributes:
        row: Unit vector along a row (of increasing column index), LPS, shape ``(3,)``.
        column: Unit vector along a column, LPS.
        normal: Unit vector along row x column, LPS.
        pixel_spacing_mm: Between rows, then between columns, in the order of the Standard.
    """

    row: Floats
    column: Floats
    normal: Floats
    pixel_spacing_mm: tuple[float, float]


def find_axes(planes: Sequence[Plane]) -> tuple[Axes | None, list[Finding]]:
    """The common directions, None where there are none, and all that differs between the planes or is missing."""
    findings = [*_lacking(planes)]
    orientations = _rows(6, (plane.orientation_lps for plane in planes))
    found, axes_rows = _orientation(orientations)
    findings += found
    sizes = [f"{plane.rows} x {plane.columns}" for plane in planes]
    findings += _mixed(FindingKind.SIZES, "sizes (rows x columns)", sizes)
    frames = [_shown_uid(plane.frame_of_reference_uid) for plane in planes]
    findings += _mixed(FindingKind.FRAMES_OF_REFERENCE, "frames of reference", frames)
    found, spacing = _pixel_spacing(_rows(2, (plane.pixel_spacing_mm for plane in planes)))
    findings += found
    if axes_rows is None or spacing is None:
        return None, findings
    row, column = axes_rows
    normal = np.cross(row, column)
    return Axes(row=row, column=column, normal=normal / np.linalg.norm(normal), pixel_spacing_mm=spacing), findings


def positions_lps_mm(planes: Sequence[Plane]) -> Floats | None:
    """Image Position (Patient) of each plane, shape ``(n, 3)``; None if one has none of sane numbers."""
    positions = _rows(3, (plane.position_lps_mm for plane in planes))
    return positions if len(positions) == len(planes) else None


def _rows(width: int, values: Iterable[Sequence[float] | None]) -> Floats:
    """The values that are ``width`` sane numbers, shape ``(at most n, width)``."""
    rows = np.array([value for value in values if value is not None and len(value) == width], dtype=np.float64)
    rows = rows.reshape(-1, width)
    sane = (np.abs(rows) <= LARGEST_COORDINATE_MM).all(axis=1)  # False for NaN too
    return rows if sane.all() else rows[sane]


def _lacking(planes: Sequence[Plane]) -> list[Finding]:
    total = len(planes)
    present = {
        "Image Position (Patient)": len(_rows(3, (plane.position_lps_mm for plane in planes))),
        "Image Orientation (Patient)": len(_rows(6, (plane.orientation_lps for plane in planes))),
        "Pixel Spacing": len(_rows(2, (plane.pixel_spacing_mm for plane in planes))),
    }
    return [
        Finding(
            kind=FindingKind.NO_PLANE,
            message=f"{total - count} of {counted(total, 'image')} {'has' if total - count == 1 else 'have'} no {name} "
            "of finite numbers: where they lie is unknown",
            remedy="select a series with position, orientation and pixel spacing in every image",
        )
        for name, count in present.items()
        if count < total
    ]


def _mixed(kind: FindingKind, what: str, texts: Iterable[str]) -> list[Finding]:
    counts = Counter(texts)
    if len(counts) <= 1:
        return []
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    found = ", ".join(f"{counted(count, 'image')} with {text}" for text, count in ranked[:_LISTED])
    more = f", and {len(counts) - _LISTED} more" if len(counts) > _LISTED else ""
    message = f"the series mixes {len(counts)} {what}: {found}{more}; one volume has one"
    return [Finding(kind=kind, message=message, remedy=_SPLIT_REMEDY)]


def _shown_uid(uid: str) -> str:
    if not uid:
        return "none"
    return uid if _UID.fullmatch(uid) else "an invalid UID"


def _orientation(orientations: Floats) -> tuple[list[Finding], tuple[Floats, Floats] | None]:
    """Findings, and the directions that all images share; the most common of those that differ by rounding."""
    if not len(orientations):
        return [], None
    distinct, counts = np.unique(orientations, axis=0, return_counts=True)
    findings = [*_bad_directions(distinct), *_several_orientations(distinct, counts)]
    if findings:
        return findings, None
    common = distinct[np.argmax(counts)]
    row, column = common[:3], common[3:]
    return [], (row / np.linalg.norm(row), column / np.linalg.norm(column))


def _bad_directions(distinct: Floats) -> list[Finding]:
    lengths = np.linalg.norm(distinct.reshape(-1, 2, 3), axis=2)
    worst = int(np.argmax(np.abs(lengths - 1).max(axis=1)))
    if np.abs(lengths[worst] - 1).max() > UNIT_TOLERANCE:
        row, column = lengths[worst]
        message = f"Image Orientation (Patient) has directions of length {row:.4f} and {column:.4f}, expected 1"
        return [Finding(kind=FindingKind.BAD_ORIENTATION, message=message, remedy=_CORRECT_REMEDY)]
    cosines = (distinct[:, :3] * distinct[:, 3:]).sum(axis=1) / lengths.prod(axis=1)
    cosine = float(cosines[np.argmax(np.abs(cosines))])
    if abs(cosine) > UNIT_TOLERANCE:
        degrees = math.degrees(math.acos(max(-1.0, min(1.0, cosine))))
        message = f"rows and columns are at {degrees:.2f} degrees, expected 90"
        return [Finding(kind=FindingKind.BAD_ORIENTATION, message=message, remedy=_CORRECT_REMEDY)]
    return []


def _several_orientations(distinct: Floats, counts: npt.NDArray[np.int64]) -> list[Finding]:
    """Whether cosines, shape ``(n, 6)``, differ by more than rounding."""
    left = np.ones(len(distinct), dtype=bool)
    groups: list[tuple[int, Floats]] = []
    while left.any() and len(groups) <= _LARGEST_LIST:
        first = distinct[np.argmax(left)]
        alike = left & (np.abs(distinct - first) <= ORIENTATION_ATOL).all(axis=1)
        groups.append((int(counts[alike].sum()), first))
        left &= ~alike
    if len(groups) <= 1:
        return []
    groups.sort(key=lambda group: -group[0])
    shown = groups[:_LISTED]
    texts = _shown_directions([first for _, first in shown])
    listed = "; ".join(f"{counted(count, 'image')} along {text}" for (count, _), text in zip(shown, texts, strict=True))
    number = f"more than {_LARGEST_LIST}" if left.any() else str(len(groups))
    return [
        Finding(
            kind=FindingKind.ORIENTATIONS,
            message=f"the series mixes {number} orientations: {listed}; one volume has one",
            remedy="select a series that is one stack: this may be a localizer",
        )
    ]


def _shown_directions(directions: Sequence[Floats]) -> list[str]:
    """Directions with three decimals, or with six where they would look the same."""
    short, long = (
        [f"({', '.join(f'{cosine:.{decimals}f}' for cosine in np.round(item, decimals) + 0.0)})" for item in directions]
        for decimals in (3, 6)
    )
    return short if len(set(short)) == len(short) else long


def _pixel_spacing(spacings: Floats) -> tuple[list[Finding], tuple[float, float] | None]:
    if not len(spacings):
        return [], None
    if spacings.min() < SMALLEST_SPACING_MM:
        message = f"Pixel Spacing is {spacings.min():g} mm, expected {SMALLEST_SPACING_MM:.6f} mm or more"
        return [Finding(kind=FindingKind.PIXEL_SPACINGS, message=message, remedy=_CORRECT_REMEDY)], None
    findings = []
    if (np.ptp(spacings, axis=0) > PIXEL_SPACING_RTOL * spacings.max(axis=0)).any():
        texts = [f"{rows:g} x {columns:g}" for rows, columns in spacings]
        findings = _mixed(FindingKind.PIXEL_SPACINGS, "pixel spacings (mm)", texts)
    distinct, counts = np.unique(spacings, axis=0, return_counts=True)
    common = distinct[np.argmax(counts)]
    return findings, (float(common[0]), float(common[1]))
