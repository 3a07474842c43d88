"""The volume's NIfTI file: its grid, a cut-out of it, and the label map on the same grid."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from clara_stages.bundle_inference.region import VoxelBox
from clara_stages.kit import BadInputError
from clara_stages.kit.files import atomic_path


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Where the voxels of a volume are. ``affine_ras`` maps voxel centres (i, j, k, 1) to RAS mm, shape (4, 4)."""

    file: Path
    shape: tuple[int, int, int]
    affine_ras: NDArray[np.float64]


def load_grid(folder: Path, series: dict[str, Any]) -> Grid:
    """The grid of ``volume.nii``; pixels stay on the disk. Raises BadInputError where it is not that of the series."""
    file = (folder / "volume.nii").resolve()
    try:
        image = nib.load(file)
    except Exception as error:
        raise BadInputError(f"volume.nii cannot be read as NIfTI: {error}", remedy="run dicom_reader again") from None
    if len(image.shape) != 3:
        raise BadInputError(f"volume.nii has {len(image.shape)} dimensions, expected 3", remedy="select one volume")
    shape = image.shape
    if list(shape) != series.get("shape", list(shape)):
        raise BadInputError(
            f"volume.nii is {shape}, series.json says {series['shape']}", remedy="run dicom_reader again"
        )
    return Grid(file=file, shape=(shape[0], shape[1], shape[2]), affine_ras=np.asarray(image.affine, np.float64))


def write_cut_out(grid: Grid, box: VoxelBox, file: Path) -> Grid:
    """Write the voxels of ``box`` as a NIfTI of their own; returns its grid."""
    image = nib.load(grid.file)
    cut = nib.Nifti1Image(np.asanyarray(image.dataobj[box.slices]), box.affine(grid.affine_ras))
    cut.to_filename(file)
    return load_grid_file(file)


def load_grid_file(file: Path) -> Grid:
    """The grid of a NIfTI file that this stage wrote."""
    image = nib.load(file)
    return Grid(file=file, shape=image.shape, affine_ras=np.asarray(image.affine, np.float64))


def count_voxels(labels: NDArray[Any]) -> dict[int, int]:
    """Voxels of each value in a label map [i, j, k], slice by slice: bincount makes 64-bit copies."""
    highest = int(labels.max(initial=0))
    total = np.zeros(highest + 1, np.int64)
    for k in range(labels.shape[2]):
        total += np.bincount(labels[:, :, k].ravel(), minlength=highest + 1)
    return {int(value): int(count) for value, count in enumerate(total) if count}


def clear_other_labels(labels: NDArray[Any], keep: list[int]) -> NDArray[Any]:
    """The label map [i, j, k] with every value that is not in ``keep`` made background; a copy."""
    table = np.zeros(int(labels.max(initial=0)) + 1, labels.dtype)
    for value in keep:
        if value < len(table):
            table[value] = value
    kept: NDArray[Any] = table[labels]
    return kept


def write_labels(labels: NDArray[Any], grid: Grid, file: Path, *, highest_label: int) -> None:
    """Write ``labels.nii``, uncompressed and with the volume's own affine fields; the same labels give the same bytes.

    Args:
        labels: Integers [i, j, k] on the grid.
        grid: The volume's.
        file: Where to.
        highest_label: Of the label table; above 255 the map is uint16, else uint8.
    """
    header = nib.load(grid.file).header.copy()
    dtype = np.uint16 if highest_label > np.iinfo(np.uint8).max else np.uint8
    header.set_data_dtype(dtype)
    header.set_slope_inter(1.0, 0.0)
    header["cal_min"] = header["cal_max"] = 0.0
    header["descrip"] = b"label map"
    image = nib.Nifti1Image(labels.astype(dtype, copy=False), None, header)
    with atomic_path(file) as partial, partial.open("wb") as stream:
        image.to_stream(stream)
