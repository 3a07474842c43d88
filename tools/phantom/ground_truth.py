"""The ground truth of a phantom as NIfTI."""

from __future__ import annotations

import gzip
import os
from typing import TYPE_CHECKING

import nibabel as nib

if TYPE_CHECKING:
    from pathlib import Path

    from tools.phantom.anatomy import Phantom


def write_labels(path: Path, phantom: Phantom) -> None:
    """Write the label map as ``.nii.gz``: uint8, the axes and the grid of the slices, affine to RAS mm."""
    image = nib.Nifti1Image(phantom.labels, phantom.affine_ras)
    image.header.set_xyzt_units("mm")
    image.set_sform(phantom.affine_ras, code=1)
    image.set_qform(phantom.affine_ras, code=1)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(gzip.compress(image.to_bytes(), compresslevel=6, mtime=0))
    os.replace(partial, path)
