"""The header of a NIfTI-1 file (nifti1.h), byte for byte as nibabel writes it; a test compares them.

nibabel itself takes as long to load as a hundred slices to read.
"""

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_FIELDS = struct.Struct("<i10s18sihsB8h3f4h8f3fhBB4f2i80s24s2h6f12f16s4s")
"""The 348 bytes, field by field as nifti1.h names them."""

_DATA_TYPES = {"int16": (4, 16), "float32": (16, 32)}
"""numpy's name -> ``datatype`` and ``bitpix``."""

_SCANNER_ANATOMICAL = 1
"""NIFTI_XFORM_SCANNER_ANAT: coordinates of the scanner, which those of DICOM are."""

_UNKNOWN = 0
"""NIFTI_XFORM_UNKNOWN: of images that have no place in the patient."""

_MILLIMETRES = 2
_AXES = 7
"""Of ``dim``, beside their number; those that a volume does not have are 1."""

_NO_EXTENSION = bytes(4)
"""What follows the header where no extension does."""


def nifti_header(shape: tuple[int, ...], dtype: np.dtype[Any], affine_ras: Floats, *, has_place: bool) -> bytes:
    """What precedes the voxels, little-endian.

    The sform holds the affine as it is (float32); the qform is the nearest rotation and cannot hold a shear.

    Args:
        shape: Voxels along i, j, k, and time points where there are several.
        dtype: int16 or float32.
        affine_ras: From voxel to mm, shape ``(4, 4)``.
        has_place: Whether the coordinates are those of the scanner.
    """
    zooms = np.sqrt(np.sum(affine_ras[:3, :3] ** 2, axis=0))
    sign, quaternion = _rotation(affine_ras[:3, :3] / zooms)
    data_type, bits = _DATA_TYPES[dtype.name]
    header = _FIELDS.pack(
        _FIELDS.size,
        *(b"", b"", 0, 0, b"", 0),  # of ANALYZE 7.5, unused; dim_info
        *(len(shape), *_filled(shape)),
        *(0.0, 0.0, 0.0, 0, data_type, bits, 0),  # intent; slice_start
        *(sign, *_filled(zooms.tolist())),
        *(_FIELDS.size + len(_NO_EXTENSION), 1.0, 0.0),  # vox_offset; scl_slope and scl_inter
        *(0, 0, _MILLIMETRES),  # slice_end, slice_code; xyzt_units
        *(0.0, 0.0, 0.0, 0.0, 0, 0, b"", b""),  # cal_max to aux_file
        *(_SCANNER_ANATOMICAL if has_place else _UNKNOWN, _SCANNER_ANATOMICAL),
        *(*quaternion, *affine_ras[:3, 3].tolist()),
        *affine_ras[:3].ravel().tolist(),
        *(b"", b"n+1"),
    )
    return header + _NO_EXTENSION


def _filled(values: Sequence[float]) -> list[float]:
    """One value for each axis that the format has."""
    return [*values, *[1] * (_AXES - len(values))]


def _rotation(directions: Floats) -> tuple[float, list[float]]:
    """``qfac``, and b, c, d of the quaternion of the rotation nearest to three unit vectors in columns.

    The quaternion is the eigenvector by Bar-Itzhack (J. Guid. Control Dyn. 23(6):1085, 2000), with a >= 0.
    """
    sign = 1.0 if np.linalg.det(directions) > 0 else -1.0
    left, _, right = np.linalg.svd(directions * [1.0, 1.0, sign])
    (xx, yx, zx), (xy, yy, zy), (xz, yz, zz) = (left @ right).tolist()
    lower = [
        [xx - yy - zz, 0.0, 0.0, 0.0],
        [yx + xy, yy - xx - zz, 0.0, 0.0],
        [zx + xz, zy + yz, zz - xx - yy, 0.0],
        [yz - zy, zx - xz, xy - yx, xx + yy + zz],
    ]
    values, vectors = np.linalg.eigh(np.array(lower) / 3.0)
    b, c, d, a = vectors[:, np.argmax(values)].tolist()
    return sign, [-b, -c, -d] if a < 0 else [b, c, d]
