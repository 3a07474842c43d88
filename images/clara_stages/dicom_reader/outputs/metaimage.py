"""Writing a volume as MetaImage, the format that Clara's operators exchange."""

from pathlib import Path

import numpy as np
import SimpleITK

from clara_stages.dicom_reader.volume import Volume
from clara_stages.kit import BadInputError
from clara_stages.kit.files import sync_folder

SHEAR_TOLERANCE = 2e-3
"""Largest cosine between two axes that is written: the lean of a stack that counts as straight (0.1 degrees). The
format holds a rotation; ITK would make one of any shear, in silence."""


def write_metaimage(volume: Volume, folder: Path) -> None:
    """Write ``volume.mhd`` and ``volume.raw``, LPS mm, axes i, j, k.

    Raises:
        BadInputError: The affine is sheared, which the format cannot hold, or the volume has time points.
    """
    if len(volume.shape) != 3:
        raise BadInputError(
            "MetaImage is written of volumes of one time point", remedy="select a time point, or leave out `metaimage`"
        )
    axes = volume.grid.affine_lps[:3, :3]
    directions = axes / np.linalg.norm(axes, axis=0)
    cosine = float(np.abs(directions.T @ directions - np.eye(3)).max())
    if cosine > SHEAR_TOLERANCE:
        raise BadInputError(
            f"the affine of the volume is sheared (cosine {cosine:.3f} between two axes), and MetaImage holds none",
            remedy="use `tilt: resample`, or leave out `metaimage`",
        )
    image = SimpleITK.GetImageFromArray(volume.values.transpose())
    image.SetSpacing([float(value) for value in volume.grid.spacing_mm])
    image.SetOrigin([float(value) for value in volume.grid.affine_lps[:3, 3]])
    image.SetDirection(_rotation(directions).ravel().tolist())
    SimpleITK.WriteImage(image, folder / "volume.mhd", useCompression=False)
    sync_folder(folder)


def _rotation(directions: np.ndarray) -> np.ndarray:
    """Rows, columns and their normal: what is orthogonal to the last bit."""
    row = directions[:, 0]
    normal = np.cross(row, directions[:, 1])
    normal /= np.linalg.norm(normal)
    return np.column_stack([row, np.cross(normal, row), normal])
