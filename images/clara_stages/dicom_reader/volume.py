"""One volume from the slices of a series: geometry first, then the values, slice by slice."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from clara_stages.dicom_reader.geometry.grid import Grid, build_grid
from clara_stages.dicom_reader.headers.instance import Instance
from clara_stages.dicom_reader.pixels.format import PixelError
from clara_stages.dicom_reader.pixels.stored_values import read_stored_values
from clara_stages.dicom_reader.selection import SLICE_CLASSES
from clara_stages.dicom_reader.values.rescale import SliceValues, Values, find_unit, rescale_slice
from clara_stages.kit import BadInputError

MAX_VOXELS = 1 << 29
"""2 GiB as float32, 1024 x 1024 x 512: fits the 4096 MiB that the stage asks for. Checked before anything is
allocated, because a broken header may claim 65535 x 65535."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Volume:
    """A series as an array.

    Attributes:
        values: ``[i, j, k]``, int16 or float32; in memory k is the slowest and i the fastest axis, as in NIfTI.
        grid: Where it lies.
        unit: Of the values.
        slices: The instances in the order of k.
        padding_voxels: How many CT voxels were padding.
        raised_voxels: How many other CT voxels were below the lowest value.
    """

    values: Values
    grid: Grid
    unit: str
    slices: tuple[Instance, ...]
    padding_voxels: int = 0
    raised_voxels: int = 0


def build_volume(slices: Sequence[Instance], progress: Progress | None = None) -> Volume:
    """The volume that the slices of one series make.

    Args:
        slices: Single-frame images of one slice class, in any order.
        progress: Called with the number of slices read, and of all.

    Raises:
        BadInputError: The geometry, the units or the pixels make no trustworthy volume.
    """
    _require_whole_slices(slices)
    grid = build_grid([item.plane for item in slices])
    _require_sane_size(grid.shape)
    modality = SLICE_CLASSES[slices[0].sop_class_uid]
    unit = find_unit(modality, [item.rescale for item in slices])
    ordered = tuple(slices[index] for index in grid.order)
    values: Values = np.empty(grid.shape[::-1], dtype=np.int16)
    padding_voxels = raised_voxels = 0
    for k, instance in enumerate(ordered):
        plane = _read_slice(instance, k, grid.shape, modality)
        if plane.values.dtype == np.float32 and values.dtype == np.int16:
            values = values.astype(np.float32)
        values[k] = plane.values
        padding_voxels += plane.padding_voxels
        raised_voxels += plane.raised_voxels
        if progress is not None:
            progress(k + 1, len(ordered))
    return Volume(
        values=values.transpose(2, 1, 0),
        grid=grid,
        unit=unit,
        slices=ordered,
        padding_voxels=padding_voxels,
        raised_voxels=raised_voxels,
    )


def _require_whole_slices(slices: Sequence[Instance]) -> None:
    """Refuse a series with an image that is damaged, of another kind, or of another modality."""
    found = sorted({SLICE_CLASSES[item.sop_class_uid] for item in slices})
    if len(found) > 1:
        raise BadInputError(
            f"the series mixes images of {' and '.join(found)}", remedy="select a series of one modality"
        )
    faults = [(item, _find_fault(item, found[0])) for item in slices]
    faulty = [(item, fault) for item, fault in faults if fault]
    if faulty:
        first, fault = faulty[0]
        raise BadInputError(
            f"{len(faulty)} of {len(slices)} images cannot be read; the first, {first.sop_instance_uid}, is {fault}",
            remedy="send these instances again, or select another series",
        )


def _find_fault(instance: Instance, modality: str) -> str:
    fault = instance.fault or instance.pixels.find_other_kind()
    if fault:
        return fault
    if instance.modality != modality:
        return f"a {modality} image with another Modality"
    damage = instance.pixels.find_damage()
    return f"an image with {damage}" if damage else ""


def _require_sane_size(shape: tuple[int, int, int]) -> None:
    voxels = shape[0] * shape[1] * shape[2]
    if not 0 < voxels <= MAX_VOXELS:
        raise BadInputError(
            f"the series is {shape[0]} x {shape[1]} x {shape[2]} voxels (columns, rows, slices), accepted are 1 to "
            f"{MAX_VOXELS} in all",
            remedy="select a smaller series; a header may also be damaged",
        )


def _read_slice(instance: Instance, k: int, shape: tuple[int, int, int], modality: str) -> SliceValues:
    try:
        stored = read_stored_values(instance.path, instance.pixels, rows=shape[1], columns=shape[0])
    except PixelError as error:
        raise BadInputError(
            f"slice {k + 1} of {shape[2]} ({instance.sop_instance_uid}): {error}",
            remedy="send that instance again",
        ) from None
    except OSError as error:
        raise BadInputError(
            f"slice {k + 1} of {shape[2]} ({instance.sop_instance_uid}) can no longer be read ({type(error).__name__})",
            remedy="check the disk that holds the study",
        ) from None
    return rescale_slice(stored, instance.rescale, instance.pixels, modality)


def require_same_pixels(instance: Instance, copy: Instance) -> None:
    """Refuse two files with one SOP Instance UID that show different pixels.

    Raises:
        BadInputError: They differ, or one of them cannot be read.
    """
    try:
        one, other = (
            read_stored_values(item.path, item.pixels, rows=item.plane.rows, columns=item.plane.columns)
            for item in (instance, copy)
        )
    except PixelError as error:
        found = f"one of them cannot be compared: {error}"
    else:
        if np.array_equal(one, other):
            return
        found = "their pixels differ"
    raise BadInputError(
        f"two files ({instance.label}, {copy.label}) have the SOP Instance UID {instance.sop_instance_uid} and {found}",
        remedy="remove the file that is wrong",
    )
