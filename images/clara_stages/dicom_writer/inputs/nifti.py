"""Reading a NIfTI-1 file."""

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
from nibabel.filebasedimages import ImageFileError

from clara_stages.kit import BadInputError, raise_machine_fault


def load_nifti(path: Path, *, remedy: str) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
    """Voxels, and the affine to RAS mm, shape ``(4, 4)``, sheared where it is.

    Voxels of an uncompressed file without a scale are mapped: they are in memory only where they are looked at. Scaled
    ones are float64.

    Args:
        path: The file.
        remedy: What to do where it is missing.

    Raises:
        BadInputError: It is missing, unreadable, truncated, or its affine is not finite or flat.
    """
    try:
        image: Any = nib.load(path)
        values = np.asanyarray(image.dataobj)
        affine = np.asarray(image.affine, dtype=np.float64)
    except FileNotFoundError:
        raise BadInputError(f"{path.name} is missing", remedy=remedy) from None
    except Exception as error:  # a broken header makes nibabel raise whatever its fields lead to
        raise_machine_fault(error)
        reason = str(error) if isinstance(error, OSError | ValueError | ImageFileError) else type(error).__name__
        # Without the folder: one given by hand may be named after the patient.
        reason = reason.replace(str(path), path.name)
        raise BadInputError(f"{path.name} cannot be read: {reason}", remedy="write it again") from None
    if not np.isfinite(affine).all() or np.linalg.det(affine[:3, :3]) == 0:
        raise BadInputError(
            f"{path.name} has an affine that is not finite, or flat: voxels have no place", remedy="write it again"
        )
    return values, affine
