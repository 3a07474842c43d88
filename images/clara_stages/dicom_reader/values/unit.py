"""The unit that all images of a volume share once they are rescaled, or why they share none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from clara_stages.dicom_reader.sop_classes import SLICE_CLASSES
from clara_stages.dicom_reader.values.pet_unit import find_pet_unit
from clara_stages.dicom_reader.values.real_world_unit import find_real_world_unit
from clara_stages.dicom_reader.values.ucum import HOUNSFIELD, NO_UNIT, Unit, unit_of_rescale_type
from clara_stages.kit import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clara_stages.dicom_reader.headers.frame import Frame
    from clara_stages.dicom_reader.values.rescale import Rescale

__all__ = ["Unit", "find_unit"]

_RESCALED = ("CT", "PT")
"""Modalities whose slices must have slope and intercept (PS3.3 C.8.2.1, C.8.9.4): without them values mean nothing."""


_UNSPECIFIED = "US"
"""Rescale Type of values of which the writer does not say what they are (PS3.3 C.11.1.1.2)."""

_AIR_INTERCEPTS = (-1000, -1024, -8192)
"""Rescale Intercepts of HU that is stored unsigned: air, the usual 12 bits, and Siemens' extended scale (-8192)."""


def find_unit(frames: Sequence[Frame], *, pet: str = "suv") -> Unit:
    """The unit of the values that ``rescale_frame`` makes of the frames of one volume.

    Args:
        frames: At least one. All frames of a PET series should be given at once: facts in which its images differ
            keep it from becoming SUV.
        pet: ``suv``, or ``activity`` for PET that stays as activity.

    Raises:
        BadInputError: Several modalities, a lookup table, a CT or PET slice without slope and intercept, only some
            images with them, a slope of 0, or several units.
    """
    modality = _modality(frames)
    _require_lines([frame.rescale for frame in frames], is_required=modality in _RESCALED)
    if modality == "PT":
        unit = find_pet_unit(frames, wants_suv=pet == "suv")
    else:
        unit = _unit_by_type(frames, is_ct=modality == "CT")
    return replace(unit, notes=(*unit.notes, *_general_notes(frames)))


def _modality(frames: Sequence[Frame]) -> str:
    """CT, MR or PT, or "" for all two-dimensional images."""
    found = sorted({SLICE_CLASSES.get(frame.instance.sop_class_uid, "") for frame in frames})
    if len(found) > 1:
        names = " and ".join(item or "other" for item in found)
        raise BadInputError(f"the series mixes images of {names}", remedy="select a series of one modality")
    return found[0]


def _require_lines(rescales: Sequence[Rescale], *, is_required: bool) -> None:
    total = len(rescales)
    tables = sum(item.has_lookup_table for item in rescales)
    if tables:
        raise BadInputError(
            f"{tables} of {total} images have a Modality LUT Sequence in place of slope and intercept",
            remedy="select a series with Rescale Slope and Rescale Intercept",
        )
    with_both = sum(item.slope is not None and item.intercept is not None for item in rescales)
    with_any = sum(item.slope is not None or item.intercept is not None for item in rescales)
    if with_any != with_both or with_both not in (0, total) or (with_both == 0 and is_required):
        raise BadInputError(
            f"{with_both} of {total} images have both Rescale Slope and Rescale Intercept, {with_any - with_both} have "
            "one of them: the values have no known unit",
            remedy="select a series with both in every image",
        )
    if any(item.slope == 0 for item in rescales):
        raise BadInputError("Rescale Slope is 0: every value would be the same", remedy="correct the source")


def _unit_by_type(frames: Sequence[Frame], *, is_ct: bool) -> Unit:
    """The unit that Rescale Types name, else Real World Value Mappings; refused where they name several."""
    names = {_type_unit(frame, is_ct=is_ct) for frame in frames}
    if len(names) > 1:
        texts = ", ".join(sorted(name or "no code" for name in names))
        raise BadInputError(
            f"the images have {len(names)} units by Rescale Type: {texts}", remedy="select images of one quantity"
        )
    name = names.pop()
    if name not in (NO_UNIT, None):
        return Unit(name=name, notes=_assumed_notes(frames) if is_ct and name == HOUNSFIELD else ())
    notes = ("the Rescale Type is no unit that is known: it is not kept",) if name is None else ()
    unit = find_real_world_unit(frames)
    if unit is not None:
        return replace(unit, notes=(*notes, *unit.notes))
    return Unit(name=NO_UNIT, notes=(*notes, *_ct_notes(frames)) if is_ct else notes)


def _type_unit(frame: Frame, *, is_ct: bool) -> str | None:
    """The unit by the Rescale Type of one frame; where CT has none it is HU, but not in a projection.

    PS3.3 C.8.2.1: the type is required in CT where it is not HU. A localizer shows sums along rays.
    """
    rescale_type = frame.rescale.rescale_type
    if is_ct and not _is_localizer(frame) and (not rescale_type or _is_hounsfield_all_the_same(frame)):
        return HOUNSFIELD
    return unit_of_rescale_type(rescale_type)


def _is_hounsfield_all_the_same(frame: Frame) -> bool:
    """Whether values of the type US (unspecified), which GDCM and ITK write into every CT, can only be in HU.

    They are where the line runs from the air of a usual scale: no other quantity of CT begins there. Image Type does
    not settle it: phantoms of unsigned values from 0 on call themselves original too, and hold no air.
    """
    rescale = frame.rescale
    is_unspecified = rescale.rescale_type.upper() == _UNSPECIFIED
    return is_unspecified and rescale.slope == 1 and rescale.intercept in _AIR_INTERCEPTS


def _is_localizer(frame: Frame) -> bool:
    return "LOCALIZER" in frame.attributes.image_type


def _assumed_notes(frames: Sequence[Frame]) -> tuple[str, ...]:
    assumed = sum(_is_hounsfield_all_the_same(frame) for frame in frames)
    if not assumed:
        return ()
    return (f"the Rescale Type of {assumed} of {len(frames)} CT images is unspecified (US): taken as HU",)


def _ct_notes(frames: Sequence[Frame]) -> tuple[str, ...]:
    if _is_localizer(frames[0]):
        return ("a localizer without Rescale Type is a projection: its values are not in HU",)
    return ("the Rescale Type of the CT is unspecified: values are not in HU, padding and values below air stay",)


def _general_notes(frames: Sequence[Frame]) -> tuple[str, ...]:
    notes = []
    if any(frame.instance.pixels.photometric_interpretation == "MONOCHROME1" for frame in frames):
        notes.append("MONOCHROME1: high values are shown dark; values are not inverted")
    if any(frame.rescale.has_vendor_scale for frame in frames):
        notes.append("values are on the display scale: Philips' private scale slope (2005,xx0E) is not applied")
    return tuple(notes)
