"""Writing segments as the kinds ``label_map``, ``segment_stack`` and ``probability_map``."""

from pathlib import Path

import nibabel
import numpy as np

from clara_stages.dicom_reader.annotations.label_document import labels_document
from clara_stages.dicom_reader.annotations.segments import Segments
from clara_stages.dicom_reader.annotations.target_grid import TargetGrid
from clara_stages.kit.contract.kinds import Kind
from clara_stages.kit.files import atomic_path, write_json

_FILES = {
    Kind.LABEL_MAP: "labels.nii",
    Kind.SEGMENT_STACK: "segments.nii",
    Kind.PROBABILITY_MAP: "probabilities.nii",
}

_RAS_FROM_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])

_SCANNER_ANATOMICAL = 1
"""NIFTI_XFORM_SCANNER_ANAT: coordinates of the scanner, which those of DICOM are."""


def write_segments(folder: Path, segments: Segments, grid: TargetGrid) -> None:
    """Write the voxels, uncompressed NIfTI-1 with the volume's affine, and ``labels.json``.

    The affine is in sform and qform, as the volume's is; the qform is a rotation and cannot hold a stack that leans.
    """
    affine_ras = _RAS_FROM_LPS @ np.asarray(grid.affine_lps, dtype=np.float64)
    image = nibabel.Nifti1Image(segments.values, affine_ras, dtype=segments.values.dtype)
    image.set_sform(affine_ras, code=_SCANNER_ANATOMICAL)
    image.set_qform(affine_ras, code=_SCANNER_ANATOMICAL, strip_shears=True)
    image.header.set_xyzt_units("mm")
    with atomic_path(folder / _FILES[segments.kind]) as partial, partial.open("wb") as stream:
        image.to_stream(stream)
    write_json(folder / "labels.json", labels_document(segments, grid.slices[0]))
