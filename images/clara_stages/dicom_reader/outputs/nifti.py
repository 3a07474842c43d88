"""Writing a volume as NIfTI-1."""

from pathlib import Path

import nibabel

from clara_stages.dicom_reader.volume import Volume
from clara_stages.kit.files import atomic_path

_SCANNER_ANATOMICAL = 1
"""NIFTI_XFORM_SCANNER_ANAT: coordinates of the scanner, which those of DICOM are."""

_UNKNOWN = 0
"""NIFTI_XFORM_UNKNOWN: of images that have no place in the patient."""


def write_nifti(volume: Volume, path: Path) -> None:
    """Write an uncompressed NIfTI-1 with the affine in sform and qform.

    The same volume gives the same bytes. The sform holds the affine as it is (float32); the qform is a rotation and
    cannot hold the shear of a stack that leans.
    """
    code = _SCANNER_ANATOMICAL if volume.has_place else _UNKNOWN
    header = nibabel.Nifti1Image(volume.values, None).header
    header.set_sform(volume.grid.affine_ras, code=_SCANNER_ANATOMICAL)
    header.set_qform(volume.grid.affine_ras, code=code, strip_shears=True)
    header.set_xyzt_units("mm")
    header.set_slope_inter(1, 0)
    header["vox_offset"] = header.single_vox_offset
    with atomic_path(path) as partial, partial.open("wb") as stream:
        header.write_to(stream)  # 352 bytes with the four that say that no extension follows: there the voxels begin
        volume.values.transpose().tofile(stream)  # not nibabel's own writer, which looks for a scale in all voxels
