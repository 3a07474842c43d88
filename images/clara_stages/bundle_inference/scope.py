"""What a bundle is made for, checked against the series before torch is imported.

``scope`` in ``configs/metadata.json``, every key optional: ``modality`` (list), ``quality_control_subject`` (true: only
phantoms), ``slice_spacing_mm`` {min, max}, ``minimum_slices``, ``orientation`` ("axial" or "any"),
``minimum_coverage_mm``, ``unit`` (list of units as ``series.json`` writes them). A bundle for CT that names no unit is
held to HU: a CT series may show iodine or electron density as well.
"""

import difflib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clara_stages.bundle_inference.bundle import Bundle
from clara_stages.kit import BadInputError, OutOfScopeError

AXIAL_TOLERANCE_DEG = 30.0
"""Largest angle between slice normal and body axis that is still called axial: gantries tilt up to 30 degrees."""

_ZOO_MODALITY = {"CT": "CT", "MR": "MR", "MRI": "MR", "PT": "PT", "PET": "PT"}
"""The Model Zoo's words for a modality -> Modality (0008,0060); other words ("n/a", "WSI") say nothing about ours."""


def load_series(folder: Path) -> dict[str, Any]:
    """``series.json`` of a volume folder. Raises BadInputError."""
    try:
        series = json.loads((folder / "series.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInputError(f"series.json of the volume cannot be read: {error}", remedy="run dicom_reader") from None
    if not isinstance(series, dict) or "affine_ras" not in series:
        raise BadInputError("series.json of the volume has no affine_ras", remedy="run dicom_reader again")
    return series


def check_scope(bundle: Bundle, series: dict[str, Any]) -> list[str]:
    """Refuse a series the bundle is not made for.

    Args:
        bundle: Its metadata names the scope; a Zoo bundle without one is held to the modality of its input only.
        series: ``series.json`` of a volume.

    Returns:
        Warnings: what could not be checked.

    Raises:
        OutOfScopeError: Names every condition that does not hold, with what was found.
        BadInputError: The scope names a condition that this stage does not know: ignoring it could do harm.
    """
    scope, warnings = _scope(bundle)
    for key in scope:
        if key not in _CHECKS:
            near = difflib.get_close_matches(key, _CHECKS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(_CHECKS)}"
            raise BadInputError(f"the scope of the bundle {bundle.name} has the unknown condition {key!r}", remedy=hint)
    try:
        found = [_CHECKS[key](wanted, series) for key, wanted in ({"unit": None} | scope).items()]
    except (AttributeError, KeyError, TypeError, ValueError, IndexError, ZeroDivisionError) as error:
        raise BadInputError(
            f"the scope of the bundle {bundle.name} cannot be compared with the series: {error!r}",
            remedy="correct scope in configs/metadata.json, or read the series again",
        ) from None
    violated = [text for text in found if text]
    if violated:
        raise OutOfScopeError(
            f"the bundle {bundle.name} is {'; and it is '.join(violated)}",
            remedy="choose a bundle made for this series, or narrow the workflow's rule",
        )
    return warnings


def _scope(bundle: Bundle) -> tuple[dict[str, Any], list[str]]:
    scope = bundle.metadata.get("scope")
    if isinstance(scope, dict):
        return scope, []
    if scope is not None:
        raise BadInputError(f"scope in the metadata of {bundle.name} is no object", remedy="correct metadata.json")
    modality = _ZOO_MODALITY.get(str(bundle.input_image.get("modality", "")).upper())
    checked = f"only the modality ({modality}) was checked" if modality else "nothing was checked"
    return (
        {"modality": [modality]} if modality else {},
        [f"the bundle {bundle.name} names no scope: {checked}; add scope to its metadata.json"],
    )


def _modality(wanted: Any, series: dict[str, Any]) -> str:
    wanted = [wanted] if isinstance(wanted, str) else list(wanted)
    found = series["modality"]
    return "" if found in wanted else f"made for {' or '.join(wanted)}, this series is {found or 'of no modality'}"


def _unit(wanted: Any, series: dict[str, Any]) -> str:
    if wanted is None:
        wanted = ["HU"] if series.get("modality") == "CT" else []
    wanted = [wanted] if isinstance(wanted, str) else list(wanted)
    found = series.get("unit")
    if not wanted or found is None or found in wanted:
        return ""
    return f"made for values in {' or '.join(wanted)}, this series has {found}"


def _quality_control(wanted: Any, series: dict[str, Any]) -> str:
    if not isinstance(wanted, bool):
        raise TypeError("quality_control_subject must be true or false")
    if not wanted or series["facts"]["quality_control_subject"]:
        return ""
    return "made for phantoms (Quality Control Subject = YES), this series is not one"


def _slice_spacing(wanted: Any, series: dict[str, Any]) -> str:
    low, high = float(wanted.get("min", 0.0)), float(wanted.get("max", math.inf))
    found = float(series["spacing_mm"][2])
    if low - _SPACING_SLACK_MM <= found <= high + _SPACING_SLACK_MM:
        return ""
    limits = f"of at most {high:g} mm" if low == 0 else f"of at least {low:g} mm" if math.isinf(high) else ""
    return f"made for a slice spacing {limits or f'of {low:g} to {high:g} mm'}, this series has {found:.3g} mm"


_SPACING_SLACK_MM = 1e-3
"""Positions are written with a few decimals: 5.0001 mm is 5 mm."""


def _minimum_slices(wanted: Any, series: dict[str, Any]) -> str:
    found = int(series["shape"][2])
    return "" if found >= int(wanted) else f"made for at least {int(wanted)} slices, this series has {found}"


def _orientation(wanted: Any, series: dict[str, Any]) -> str:
    if wanted == "any":
        return ""
    if wanted != "axial":
        raise ValueError(f"orientation is {wanted!r}, expected axial or any")
    normal = [float(row[2]) for row in series["affine_ras"][:3]]
    cosine = min(1.0, abs(normal[2]) / math.hypot(*normal))
    angle = math.degrees(math.acos(cosine))
    if angle <= AXIAL_TOLERANCE_DEG:
        return ""
    return f"made for axial slices, the slices of this series are turned by {angle:.0f} degrees"


def _minimum_coverage(wanted: Any, series: dict[str, Any]) -> str:
    found = int(series["shape"][2]) * float(series["spacing_mm"][2])
    if found >= float(wanted) - _SPACING_SLACK_MM:
        return ""
    return f"made for a coverage of at least {float(wanted):g} mm along the slices, this series has {found:.4g} mm"


_CHECKS: dict[str, Callable[[Any, dict[str, Any]], str]] = {
    "modality": _modality,
    "unit": _unit,
    "quality_control_subject": _quality_control,
    "slice_spacing_mm": _slice_spacing,
    "minimum_slices": _minimum_slices,
    "orientation": _orientation,
    "minimum_coverage_mm": _minimum_coverage,
}
"""Condition -> text that says what does not hold, or ""."""
