"""The unit that a Real World Value Mapping gives, where it maps as slope and intercept do."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from clara_stages.dicom_reader.values.ucum import NO_UNIT, Unit, unit_of_code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clara_stages.dicom_reader.headers.frame import Frame
    from clara_stages.dicom_reader.values.rescale import Rescale

SAME_LINE_RTOL = 1e-6
"""How far two slopes may differ and be one: a DS has at most 16 characters, some scanners write 7 digits."""


def find_real_world_unit(frames: Sequence[Frame]) -> Unit | None:
    """The unit of the rescaled values by the mappings of the frames; None where not every frame has one.

    A mapping is from stored values (PS3.3 C.7.6.16.2.11). Where it has another slope or intercept than the rescale,
    its unit is not that of rescaled values; those are kept, as every other reader does, and a note says so.
    """
    mappings = [frame.rescale.real_world for frame in frames]
    codes = {unit_of_code(mapping.unit) for mapping in mappings if mapping is not None}
    if not codes or None in mappings:
        return None
    names = ", ".join(sorted(codes))
    if len(codes) > 1:
        return Unit(name=NO_UNIT, notes=(f"Real World Value Mappings of {len(codes)} units ({names}) are not applied",))
    if not all(_is_same_line(frame.rescale) for frame in frames):
        return Unit(
            name=NO_UNIT,
            notes=(f"the Real World Value Mapping to {names} differs from slope and intercept and is not applied",),
        )
    return Unit(name=codes.pop(), basis=f"unit by Real World Value Mapping ({names})")


def _is_same_line(rescale: Rescale) -> bool:
    mapping = rescale.real_world
    if mapping is None:
        return False
    slope = 1.0 if rescale.slope is None else rescale.slope
    intercept = 0.0 if rescale.intercept is None else rescale.intercept
    return math.isclose(slope, mapping.slope, rel_tol=SAME_LINE_RTOL) and math.isclose(
        intercept, mapping.intercept, rel_tol=SAME_LINE_RTOL, abs_tol=abs(slope) * SAME_LINE_RTOL
    )
