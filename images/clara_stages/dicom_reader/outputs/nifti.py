"""Writing a volume as NIfTI-1."""

from pathlib import Path

import nibabel

from clara_stages.dicom_reader.volume import Volume
from clara_stages.kit.files import atomic_path

_SCANNER_ANATOMICAL = 1
"""NIFTI_XFORM_SCANNER_ANAT: coordinates of the scanner, which those of DICOM are."""


def write_nifti(volume: Volume, path: Path) -> None:
    """Write an uncompressed NIfTI-1 with the affine in sform and qform.

    The same volume gives the same bytes. The sform holds the affine as it is (float32); the qform is a rotation and
    cannot hold the last hundredths of a degree of a stack that leans.
    """
    image = nibabel.Nifti1Image(volume.values, volume.grid.affine_ras)
    image.set_sform(volume.grid.affine_ras, code=_SCANNER_ANATOMICAL)
    image.set_qform(volume.grid.affine_ras, code=_SCANNER_ANATOMICAL, strip_shears=True)
    image.header.set_xyzt_units("mm")
    with atomic_path(path) as partial, partial.open("wb") as stream:
        image.to_stream(stream)
