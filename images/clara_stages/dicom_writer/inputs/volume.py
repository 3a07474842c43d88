"""The volume: voxel values on a grid, with the unit they are in."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_writer.inputs.nifti import load_nifti
from clara_stages.dicom_writer.inputs.series_document import (
    SERIES_FILE,
    SeriesDocument,
    load_series_document,
    require_time_point,
)
from clara_stages.kit import BadInputError

VOLUME_FILE = "volume.nii"

_VOXEL_TYPES = (np.dtype(np.int16), np.dtype(np.float32))


@dataclass(frozen=True, kw_only=True)
class Volume:
    """Voxel values of one time point.

    Attributes:
        values: Shape ``(i, j, k)``, int16 or float32, mapped from the file where that is possible.
        affine_ras: ``(i, j, k, 1)`` to RAS mm, shape ``(4, 4)``; sheared where the slices of a tilted gantry were kept.
        document: Its ``series.json``: unit, modality, transform, source images.
    """

    values: npt.NDArray[Any]
    affine_ras: npt.NDArray[np.float64]
    document: SeriesDocument

    @property
    def unit(self) -> str:
        """UCUM-like: ``HU``, ``{SUVbw}g/ml``, ``Bq/ml``, ``1``."""
        return self.document.unit


def load_volume(folder: Path, time_point: int) -> Volume:
    """One time point of a folder of kind ``volume``.

    Raises:
        BadInputError: A file is missing or unreadable, the voxels are of another type or shape than ``series.json``
            says, or there is no such time point.
    """
    document = load_series_document(folder / SERIES_FILE)
    values, affine_ras = load_nifti(folder / VOLUME_FILE, remedy="give the folder `volume` of a finished stage")
    if values.dtype not in _VOXEL_TYPES:
        raise BadInputError(
            f"{VOLUME_FILE} has the type {values.dtype}, expected int16 or float32 without a scale",
            remedy="write the volume as kinds.md of the kit says",
        )
    if values.shape != document.shape:
        raise BadInputError(
            f"{VOLUME_FILE} has shape {values.shape}, {SERIES_FILE} beside it says {document.shape}",
            remedy="the two files are not of one volume: read the study again",
        )
    require_time_point(time_point, document.time_points)
    return Volume(
        values=values if values.ndim == 3 else values[..., time_point], affine_ras=affine_ras, document=document
    )
