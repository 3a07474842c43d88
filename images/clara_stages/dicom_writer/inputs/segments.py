"""The segments to be written: a label map, a stack of masks or probabilities on one grid, and their meaning."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_writer.inputs.label_table import LABELS_FILE, Label, LabelTable, load_label_table
from clara_stages.dicom_writer.inputs.nifti import load_nifti
from clara_stages.kit import BadInputError

THRESHOLD = 0.5
"""A voxel belongs to a segment whose probability is at least this."""


class Form(StrEnum):
    """How segments are held; the names are those of the kinds."""

    LABEL_MAP = "label_map"
    SEGMENT_STACK = "segment_stack"
    PROBABILITY_MAP = "probability_map"


VOXELS_FILES = {
    Form.LABEL_MAP: "labels.nii",
    Form.SEGMENT_STACK: "segments.nii",
    Form.PROBABILITY_MAP: "probabilities.nii",
}
"""Where the voxels of each form are."""

_VOXEL_TYPES = {
    Form.LABEL_MAP: (np.dtype(np.uint8), np.dtype(np.uint16)),
    Form.SEGMENT_STACK: (np.dtype(np.uint8),),
    Form.PROBABILITY_MAP: (np.dtype(np.float32),),
}


@dataclass(frozen=True, kw_only=True)
class Segments:
    """Segments on the grid of a volume.

    Attributes:
        form: How ``values`` hold them.
        values: A label map: shape ``(i, j, k)``, uint8 or uint16, 0 is background. A stack or probabilities: shape
            ``(i, j, k, channel)``, uint8 of 0 and 1 or float32 of 0..1; ``label.channel`` says which one is whose.
        affine_ras: ``(i, j, k, 1)`` to RAS mm, shape ``(4, 4)``.
        table: What the segments mean.
    """

    form: Form
    values: npt.NDArray[Any]
    affine_ras: npt.NDArray[np.float64]
    table: LabelTable

    @property
    def is_empty(self) -> bool:
        """Whether no segment has a voxel: a valid result that says "nothing found"."""
        return not self.table.labels

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(i, j, k)``."""
        ni, nj, nk = self.values.shape[:3]
        return ni, nj, nk

    def mask(self, segment_number: int) -> npt.NDArray[np.bool_]:
        """Where a segment is, shape ``(i, j, k)``; of probabilities, where they are at least ``THRESHOLD``."""
        label = self.table.by_number(segment_number)
        return self.where(label, self.values)

    def where(self, label: Label, values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Where a segment is in a part of ``values``; of probabilities, where they are at least ``THRESHOLD``.

        Args:
            label: Whose; one without a voxel, which need not have a channel, is nowhere.
            values: What ``self.values`` hold in some place, for example on a source slice: of a label map any shape,
                else with the channels as last axis.

        Returns:
            A new array with the shape of ``values``, without the channels.
        """
        if self.form is Form.LABEL_MAP:
            found: npt.NDArray[np.bool_] = values == label.value
        elif label.voxels == 0:
            found = np.zeros(values.shape[:-1], dtype=np.bool_)
        elif self.form is Form.SEGMENT_STACK:
            found = values[..., label.channel] > 0
        else:
            found = values[..., label.channel] >= THRESHOLD
        return found

    def numbers(self) -> npt.NDArray[np.uint16]:
        """A label map as segment numbers, shape ``(i, j, k)``, 0 is background.

        Raises:
            ValueError: The segments are no label map.
        """
        if self.form is not Form.LABEL_MAP:
            raise ValueError(f"segments are a {self.form}, expected a label_map")
        lookup = np.zeros(int(self.values.max(initial=0)) + 1, dtype=np.uint16)
        for label in self.table.labels:
            lookup[label.value] = label.segment_number
        numbers: npt.NDArray[np.uint16] = lookup[self.values]
        return numbers


def load_segments(folder: Path, form: Form) -> Segments:
    """The segments of a folder of the kind that ``form`` names.

    Raises:
        BadInputError: A file is missing or unreadable, the voxels are of another type or number of dimensions, or
            voxels and ``labels.json`` contradict each other.
    """
    table = load_label_table(folder)
    name = VOXELS_FILES[form]
    values, affine_ras = load_nifti(folder / name, remedy=f"give the folder of kind {form} of a finished stage")
    if values.dtype not in _VOXEL_TYPES[form] or not _has_dimensions(values.shape, form):
        types = " or ".join(map(str, _VOXEL_TYPES[form]))
        dimensions = "three dimensions" if form is Form.LABEL_MAP else "dimensions (i, j, k, 1, segment)"
        raise BadInputError(
            f"{name} has shape {values.shape} and type {values.dtype}, expected {dimensions} of {types} without a "
            "scale",
            remedy="write segments as kinds.md of the kit says, on the grid of the volume",
        )
    if form is Form.LABEL_MAP:
        _check_values(values, table)
    else:
        values = values.reshape(*values.shape[:3], values.shape[4], order="F")
        _check_channels(values, table, form)
    return Segments(form=form, values=values, affine_ras=affine_ras, table=table)


def _has_dimensions(shape: tuple[int, ...], form: Form) -> bool:
    return len(shape) == 3 if form is Form.LABEL_MAP else len(shape) == 5 and shape[3] == 1


def _check_values(values: npt.NDArray[Any], table: LabelTable) -> None:
    length = int(values.max(initial=0)) + 1
    # Plane by plane: what is counted is turned into 64 bits first.
    planes = [np.bincount(values[..., k].ravel(order="K"), minlength=length) for k in range(values.shape[2])]
    counts = np.sum(planes, axis=0)
    counted = {int(value): int(counts[value]) for value in np.flatnonzero(counts) if value != 0}
    stated = {label.value: label.voxels for label in table.labels}
    _compare_counts(counted, stated, "value", VOXELS_FILES[Form.LABEL_MAP])


def _check_channels(values: npt.NDArray[Any], table: LabelTable, form: Form) -> None:
    """Each channel with a voxel is one label's, has its number of voxels, and only values of its form."""
    name = VOXELS_FILES[form]
    stated: dict[int, int] = {}
    for label in table.labels:
        if label.channel in stated or label.channel >= values.shape[3]:
            raise BadInputError(
                f"{LABELS_FILE} says channel {label.channel} of segment {label.segment_number}; {name} has "
                f"{values.shape[3]} channels, each of at most one segment",
                remedy="the two files are not of one result: run the segmentation again",
            )
        stated[label.channel] = label.voxels
    counted = {}
    for channel in range(values.shape[3]):
        found = values[..., channel]
        low, high = found.min(), found.max()
        if not (low >= 0 and high <= 1):  # NaN is neither
            expected = "0 and 1" if form is Form.SEGMENT_STACK else "finite values of 0 to 1"
            raise BadInputError(
                f"channel {channel} of {name} has values from {low:g} to {high:g}, expected {expected}",
                remedy="write segments as kinds.md of the kit says",
            )
        voxels = int(np.count_nonzero(found))
        if voxels:
            counted[channel] = voxels
    _compare_counts(counted, stated, "channel", name)


def _compare_counts(counted: dict[int, int], stated: dict[int, int], word: str, name: str) -> None:
    if counted != stated:
        differing = sorted(key for key in counted.keys() | stated.keys() if counted.get(key, 0) != stated.get(key, 0))
        key = differing[0]
        voxels = f"voxels of value {key}" if word == "value" else f"voxels above 0 in channel {key}"
        raise BadInputError(
            f"{name} has {counted.get(key, 0)} {voxels}, {LABELS_FILE} says {stated.get(key, 0)}; {len(differing)} "
            f"{word}s differ",
            remedy="the two files are not of one result: run the segmentation again",
        )
