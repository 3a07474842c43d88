"""The unit of a PET series: SUV where its headers leave no doubt, else activity or counts, and the reason."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from clara_stages.dicom_reader.values.pet_header import PetHeader
from clara_stages.dicom_reader.values.real_world_unit import find_real_world_unit
from clara_stages.dicom_reader.values.suv import NoSuvError, require_agreement, require_corrections, suv_of_activity
from clara_stages.dicom_reader.values.ucum import (
    ACTIVITY,
    COUNTS,
    NO_UNIT,
    PET_UNITS,
    SUV_BODY_WEIGHT,
    SUV_UNITS,
    Unit,
    unit_of_rescale_type,
)
from clara_stages.kit import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clara_stages.dicom_reader.headers.frame import Frame


def find_pet_unit(frames: Sequence[Frame], *, wants_suv: bool) -> Unit:
    """The unit of PET frames that all have slope and intercept.

    Values that are SUV already stay so, whatever is asked for: activity cannot be had from them.

    Raises:
        BadInputError: The images have several units.
    """
    headers = _headers(frames)
    units = sorted({header.units for header in headers})
    if len(units) > 1:
        names = ", ".join(map(_shown, units))
        raise BadInputError(f"the PET series mixes {len(units)} units: {names}", remedy="select a series with one unit")
    if units[0] in ("GML", "CM2ML"):
        return _stored_suv(headers)
    if units[0] == "BQML":
        return _from_activity(headers, wants_suv=wants_suv)
    if units[0] == "CNTS":
        return _from_counts(headers, wants_suv=wants_suv)
    if units[0]:
        return _other_unit(units[0])
    return _without_units(frames, headers, wants_suv=wants_suv)


def _headers(frames: Sequence[Frame]) -> list[PetHeader]:
    """One for each instance, for a multi-frame object has one for all its frames."""
    instances = {id(frame.instance): frame.instance for frame in frames}
    return [instance.pet or PetHeader() for instance in instances.values()]


def _shown(code: str) -> str:
    """A code that a message may repeat; other text in its place may be anything."""
    if not code:
        return "none"
    is_known = code in PET_UNITS or any(code in pair for pair in SUV_UNITS)
    return code if is_known else "no code"


def _stored_suv(headers: Sequence[PetHeader]) -> Unit:
    types = sorted({header.suv_type for header in headers})
    if len(types) > 1:
        names = ", ".join(map(_shown, types))
        raise BadInputError(
            f"the PET series mixes {len(types)} SUV Types: {names}", remedy="select a series with one SUV Type"
        )
    units, suv_type = headers[0].units, types[0]
    name = SUV_UNITS.get((units, suv_type))
    if name is None:
        note = f"no SUV: Units are {units} with SUV Type {_shown(suv_type)}, which do not go together"
        return Unit(name="g/ml" if units == "GML" else "cm2/ml", notes=(note,))
    return Unit(name=name, basis=f"SUV as stored: Units {units}, SUV Type {suv_type or 'absent'}")


def _from_activity(headers: Sequence[PetHeader], *, wants_suv: bool, factor: float = 1.0, basis: str = "") -> Unit:
    """SUV from values that are Bq/ml once they are multiplied by ``factor``."""
    activity = Unit(name=ACTIVITY, factor=factor, basis=basis)
    if not wants_suv:
        return activity
    try:
        suv = suv_of_activity(headers)
    except NoSuvError as doubt:
        return replace(activity, notes=(f"activity, no SUV: {doubt}",))
    texts = [text for text in (basis, suv.basis) if text]
    return Unit(name=SUV_BODY_WEIGHT, factor=factor * suv.factor, basis="; ".join(texts))


def _from_counts(headers: Sequence[PetHeader], *, wants_suv: bool) -> Unit:
    """Counts with Philips' private factors: to SUV, or to activity (both after slope and intercept)."""
    try:
        require_agreement(headers)
        require_corrections(headers[0])
    except NoSuvError as doubt:
        return Unit(name=COUNTS, notes=(f"counts, no SUV: {doubt}",))
    to_suv, to_activity = headers[0].philips_suv_factor, headers[0].philips_activity_factor
    if wants_suv and to_suv is not None and to_suv > 0:
        return Unit(
            name=SUV_BODY_WEIGHT,
            factor=to_suv,
            basis=f"SUV by body weight from counts: Philips' factor (7053,xx00) {to_suv:.3g}",
        )
    if to_activity is not None and to_activity > 0:
        basis = f"Bq/ml from counts: Philips' factor (7053,xx09) {to_activity:.3g}"
        return _from_activity(headers, wants_suv=wants_suv, factor=to_activity, basis=basis)
    wanted = "SUV or activity" if wants_suv else "activity"
    return Unit(name=COUNTS, notes=(f"counts: the header has no vendor's factor to {wanted}",))


def _other_unit(units: str) -> Unit:
    name = PET_UNITS.get(units)
    if name is None:
        return Unit(name=NO_UNIT, notes=("no unit: Units (0054,1001) are no code of the Standard",))
    return Unit(name=name, notes=(f"no SUV: Units (0054,1001) are {units}",))


def _without_units(frames: Sequence[Frame], headers: Sequence[PetHeader], *, wants_suv: bool) -> Unit:
    """An Enhanced object has no Units: a Real World Value Mapping or the Rescale Type may say it."""
    unit = find_real_world_unit(frames)
    if unit is None:
        types = {unit_of_rescale_type(frame.rescale.rescale_type) for frame in frames}
        name = types.pop() if len(types) == 1 else None
        unit = Unit(name=name or NO_UNIT)
    if unit.name == ACTIVITY:
        return _from_activity(headers, wants_suv=wants_suv)
    if unit.name == NO_UNIT:
        return replace(unit, notes=(*unit.notes, "no unit, no SUV: the header names no unit for the rescaled values"))
    return unit
