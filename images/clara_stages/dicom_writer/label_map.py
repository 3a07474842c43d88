"""The label map to be written: voxel values on the grid of the source, and their meaning."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
from nibabel.filebasedimages import ImageFileError

from clara_stages.dicom_writer.label_table import LABELS_FILE, LabelTable, load_label_table
from clara_stages.kit import BadInputError

VOXELS_FILE = "labels.nii"

_VOXEL_TYPES = (np.dtype(np.uint8), np.dtype(np.uint16))


@dataclass(frozen=True, kw_only=True)
class LabelMap:
    """Labels on a grid.

    Attributes:
        values: Shape ``(i, j, k)``, uint8 or uint16; ``i`` along a DICOM row, ``j`` down a column, 0 is background.
        affine_ras: ``(i, j, k, 1)`` to RAS mm, shape ``(4, 4)``.
        table: What the values mean.
    """

    values: npt.NDArray[np.unsignedinteger[Any]]
    affine_ras: npt.NDArray[np.float64]
    table: LabelTable

    @property
    def is_empty(self) -> bool:
        """Whether no label has a voxel: a valid result that says "nothing found"."""
        return not self.table.labels

    def segment_numbers(self) -> npt.NDArray[np.uint16]:
        """The map as segment numbers, shape ``(k, j, i)``: slices of rows and columns, as DICOM stores them."""
        lookup = np.zeros(int(self.values.max(initial=0)) + 1, dtype=np.uint16)
        for label in self.table.labels:
            lookup[label.value] = label.segment_number
        numbers: npt.NDArray[np.uint16] = lookup[self.values.transpose(2, 1, 0)]
        return numbers


def load_label_map(folder: Path) -> LabelMap:
    """The label map of a folder of that kind.

    Raises:
        BadInputError: A file is missing or unreadable, the voxels are no unsigned integers in three dimensions, or
            voxels and ``labels.json`` contradict each other.
    """
    table = load_label_table(folder)
    values, affine_ras = _load_voxels(folder / VOXELS_FILE)
    _check_counts(values, table)
    return LabelMap(values=values, affine_ras=affine_ras, table=table)


def _load_voxels(path: Path) -> tuple[npt.NDArray[np.unsignedinteger[Any]], npt.NDArray[np.float64]]:
    try:
        image = nib.load(path)
        values = np.asarray(image.dataobj)
    except FileNotFoundError:
        raise BadInputError(
            f"{VOXELS_FILE} is missing", remedy="give the folder `labels` of a finished segmentation stage"
        ) from None
    except (OSError, ValueError, ImageFileError) as error:
        raise BadInputError(f"{VOXELS_FILE} cannot be read: {error}", remedy="write it again") from None
    if values.ndim != 3 or values.dtype not in _VOXEL_TYPES:
        raise BadInputError(
            f"{VOXELS_FILE} has shape {values.shape} and type {values.dtype}, expected three dimensions of uint8 or "
            "uint16 without a scale",
            remedy="write labels as unsigned integers on the grid of the volume",
        )
    return values, np.asarray(image.affine, dtype=np.float64)


def _check_counts(values: npt.NDArray[np.unsignedinteger[Any]], table: LabelTable) -> None:
    counts = np.bincount(values.ravel())
    counted = {int(value): int(counts[value]) for value in np.flatnonzero(counts) if value != 0}
    stated = {label.value: label.voxels for label in table.labels}
    if counted != stated:
        differing = sorted(
            value for value in counted.keys() | stated.keys() if counted.get(value, 0) != stated.get(value, 0)
        )
        value = differing[0]
        raise BadInputError(
            f"{VOXELS_FILE} has {counted.get(value, 0)} voxels of value {value}, {LABELS_FILE} says "
            f"{stated.get(value, 0)}; {len(differing)} values differ",
            remedy="the two files are not of one result: run the segmentation again",
        )
