"""Reading a planned volume into a NIfTI-1 file, slice by slice: it need not fit the memory."""

from pathlib import Path
from typing import Any

import numpy as np

from clara_stages.dicom_reader.limits import Limits
from clara_stages.dicom_reader.outputs.nifti_header import nifti_header
from clara_stages.dicom_reader.planning.volume_plan import VolumePlan
from clara_stages.dicom_reader.values.rescale import volume_dtype
from clara_stages.dicom_reader.volume import Layout, NotInt16Error, Progress, SliceReader, Volume, lay_out
from clara_stages.kit.files import HashedWriter, atomic_path


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
    header = nifti_header(layout.shape, dtype, layout.grid.affine_ras, has_place=layout.has_place)
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
