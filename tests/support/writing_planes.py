"""Where pixels, contours and voxels of other programs lie on the grid that segments were drawn on."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
from pydicom.dataset import Dataset

from tests.support.writing_cases import LPS_FROM_RAS, Drawn, Written

PLACE_MM = 0.01
"""Largest distance of a point from where it belongs: DICOM texts have 16 characters, NIfTI has 32 bits."""

TIE = 1e-3
"""A pixel whose centre lies this near to the border of two voxels may show either."""


@dataclass(frozen=True, kw_only=True)
class Plane:
    """A source image, and which voxel each of its pixels shows.

    Attributes:
        reference: SOP Instance UID and frame number.
        affine_lps: ``(column, row, 0, 1)`` to LPS mm.
        voxels: Flat index of the voxel at each pixel's centre, -1 outside, shape ``(rows, columns)``.
        is_sure: Where that is no tie, same shape.
    """

    reference: tuple[str, int | None]
    affine_lps: np.ndarray
    voxels: np.ndarray
    is_sure: np.ndarray

    def shows(self, mask: np.ndarray) -> np.ndarray:
        """Which pixels show a voxel of a mask."""
        return (self.voxels >= 0) & mask.ravel()[self.voxels]


def planes_of_time_point(written: Written, referenced: Sequence[tuple[str, int | None]]) -> list[Plane]:
    """The source images that are referred to, and those at whose place there is none that is."""
    planes = _planes(written)
    chosen = [plane for plane in planes if plane.reference in referenced]
    places = [plane.affine_lps for plane in chosen]
    others = [plane for plane in planes if not any(np.allclose(plane.affine_lps, place) for place in places)]
    return [*chosen, *others]


@functools.lru_cache(maxsize=1)
def _planes(written: Written) -> list[Plane]:
    """The source images, every frame of them."""
    found = []
    for path in sorted(written.source.glob("*.dcm")):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        is_multiframe = "PerFrameFunctionalGroupsSequence" in header
        for frame in range(int(header.NumberOfFrames) if is_multiframe else 1):
            reference = (str(header.SOPInstanceUID), frame + 1 if is_multiframe else None)
            affine = affine_of(header, frame if is_multiframe else None)
            voxels, is_sure = _voxels(written.drawn, affine, (header.Rows, header.Columns))
            found.append(Plane(reference=reference, affine_lps=affine, voxels=voxels, is_sure=is_sure))
    return found


def _voxels(drawn: Drawn, affine_lps: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    to_index = np.linalg.inv(drawn.affine_lps) @ affine_lps
    row, column = np.mgrid[: shape[0], : shape[1]]
    index = column[..., None] * to_index[:3, 0] + row[..., None] * to_index[:3, 1] + to_index[:3, 3]
    nearest = np.rint(index).astype(np.int32)
    inside = ((nearest >= 0) & (nearest < drawn.values.shape)).all(axis=-1)
    flat = np.ravel_multi_index(tuple(np.moveaxis(nearest, -1, 0)), drawn.values.shape, mode="clip")
    return np.where(inside, flat, -1), (np.abs(index - np.floor(index) - 0.5) > TIE).all(axis=-1)


def affine_of(header: Dataset, frame: int | None) -> np.ndarray:
    """``(column, row, 0, 1)`` to LPS mm (PS3.3 equation C.7.6.2.1-1)."""

    def of(sequence: str, keyword: str) -> np.ndarray:
        holder = header
        if frame is not None:
            groups = (header.PerFrameFunctionalGroupsSequence[frame], header.SharedFunctionalGroupsSequence[0])
            holder = next(group[sequence].value[0] for group in groups if sequence in group)
        return np.array(holder[keyword].value, dtype=float)

    orientation = of("PlaneOrientationSequence", "ImageOrientationPatient")
    between_rows, between_columns = of("PixelMeasuresSequence", "PixelSpacing")
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = orientation[:3] * between_columns, orientation[3:] * between_rows
    affine[:3, 2] = np.cross(orientation[:3], orientation[3:])
    affine[:3, 3] = of("PlanePositionSequence", "ImagePositionPatient")
    return affine


def fill_odd(polygon: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Pixels from whose centre an odd number of edges lies to the left; ``polygon`` as (column, row)."""
    crossings = np.zeros((shape[0], shape[1] + 1), dtype=int)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        low, high = sorted((y0, y1))
        for row in range(max(0, int(np.ceil(low))), min(shape[0], int(np.ceil(high)))):
            column = x0 + (x1 - x0) * (row - y0) / (y1 - y0)
            crossings[row, int(np.clip(np.ceil(column), 0, shape[1]))] += 1
    return np.cumsum(crossings, axis=1)[:, :-1] % 2 == 1


def find_wrong_voxels(program: str, file: Path, mask: np.ndarray, drawn: Drawn) -> Iterator[str]:
    """Whether the NIfTI that a program made has the voxels of a mask and no others."""
    image: Any = nibabel.load(file)
    to_grid = np.linalg.inv(drawn.affine_lps) @ LPS_FROM_RAS @ image.affine
    voxels = np.argwhere(np.asarray(image.dataobj) > 0)
    found = np.rint(voxels @ to_grid[:3, :3].T + to_grid[:3, 3]).astype(int)
    inside = ((found >= 0) & (found < mask.shape)).all(axis=1)
    read = np.zeros_like(mask)
    read[tuple(found[inside].T)] = True
    if not inside.all() or not np.array_equal(read, mask):
        yield f"{program} reads {len(found)} voxels, {mask.sum()} were drawn, {(read & mask).sum()} are common"
