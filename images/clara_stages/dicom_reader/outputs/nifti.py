"""Reading a planned volume into a NIfTI-1 file, slice by slice: it need not fit the memory."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from clara_stages.dicom_reader.limits import Limits
from clara_stages.dicom_reader.planning.volume_plan import VolumePlan
from clara_stages.dicom_reader.values.rescale import volume_dtype
from clara_stages.dicom_reader.volume import Layout, NotInt16Error, Progress, SliceReader, Volume, lay_out
from clara_stages.kit.files import HashedWriter, atomic_path

_SCANNER_ANATOMICAL = 1
"""NIFTI_XFORM_SCANNER_ANAT: coordinates of the scanner, which those of DICOM are."""

_UNKNOWN = 0
"""NIFTI_XFORM_UNKNOWN: of images that have no place in the patient."""

_NO_EXTENSION = bytes(4)
"""What follows the 348 bytes of a header where no extension does."""


def write_nifti(plan: VolumePlan, path: Path, limits: Limits, progress: Progress | None = None) -> Volume:
    """Write the volume of a plan as uncompressed NIfTI-1 with its affine in sform and qform.

    The same images give the same bytes. The sform holds the affine as it is (float32); the qform is a rotation and
    cannot hold the shear of a stack that leans. On an error no file is left.

    Raises:
        DamagedFramesError: Pixels of some images cannot be decoded.
        BadInputError: The plan was refused, the volume is larger than the limits, or a value is beyond float32.
    """
    layout = lay_out(plan, limits)
    dtype: np.dtype[Any] = volume_dtype(plan.frames, layout.unit)
    try:
        return _write(plan, layout, dtype, path, limits, progress)
    except NotInt16Error:
        return _write(plan, layout, np.dtype(np.float32), path, limits, progress)


def _write(
    plan: VolumePlan, layout: Layout, dtype: np.dtype[Any], path: Path, limits: Limits, progress: Progress | None
) -> Volume:
    slices = SliceReader(plan, layout, limits, progress)
    header = _header(layout, dtype)
    with atomic_path(path) as partial, partial.open("wb") as stream, HashedWriter(stream) as writer:
        writer.write(header)
        for values in slices.read(dtype):
            writer.write(np.ascontiguousarray(values).data)
    return Volume(
        plan=plan,
        file=path,
        shape=layout.shape,
        dtype=dtype,
        offset=len(header),
        digest=writer.hexdigest,
        padding_voxels=slices.padding_voxels,
        raised_voxels=slices.raised_voxels,
        **{name: getattr(layout, name) for name in ("grid", "unit", "has_place", "padding")},
    )


def _header(layout: Layout, dtype: np.dtype[Any]) -> bytes:
    """What precedes the voxels."""
    header = nibabel.Nifti1Header()
    header.set_data_dtype(dtype)
    header.set_data_shape(layout.shape)
    header.set_sform(layout.grid.affine_ras, code=_SCANNER_ANATOMICAL)
    code = _SCANNER_ANATOMICAL if layout.has_place else _UNKNOWN
    header.set_qform(layout.grid.affine_ras, code=code, strip_shears=True)
    header.set_xyzt_units("mm")
    header.set_slope_inter(1, 0)
    header["magic"] = header.single_magic
    header["vox_offset"] = header.single_vox_offset
    return bytes(header.binaryblock) + _NO_EXTENSION
