"""What belongs to the body on a CT: not the table, not the air around, but lungs and bowel gas."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from numpy.typing import NDArray
from scipy import ndimage

BODY_HU = -300.0
"""Halfway between fat and air, and above mattress foam."""

SKIN_HU = -190.0
"""Where fat begins for the network: voxels half air, half skin would be a shell of air around the body."""

COARSE_MM = 2.5
"""Pixel of the grid on which the table is taken off: morphology on the full matrix costs minutes and gains nothing."""

DETACH_MM = 6.0
"""Radius of the in-plane opening: table shells, tubes and blankets are thinner than twice this."""

THIN_PART_OF_BODY = 0.25
"""A piece belongs to the body if the largest disk in it has at least this part of the radius of the largest disk in the
whole: arms and legs do, table edges and cushions do not."""

SMALLEST_RADIUS_MM = 10.0
"""No disk of this radius in any slice: there is no body in the volume."""


class BodyMaskd(MapTransform):
    """Set labels outside the body to 0.

    Args:
        keys: Label maps [1, i, j, k] on the grid of the image.
        image_key: The CT [1, i, j, k] in Hounsfield units, with its affine.
    """

    def __init__(self, keys: KeysCollection, image_key: str = "image", allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.image_key = image_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """The data with every label map masked."""
        result = dict(data)
        image = result[self.image_key]
        ct = image[0].cpu().numpy()
        affine = np.asarray(getattr(image, "affine", np.eye(4)), float)
        mask = torch.from_numpy(body_mask(ct, affine))[None]
        for key in self.key_iterator(result):
            labels = result[key]
            result[key] = labels * mask.to(device=labels.device, dtype=labels.dtype)
        return result


def body_mask(ct_hu: NDArray[np.floating[Any]], affine: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which voxels of a CT belong to the body.

    Args:
        ct_hu: Hounsfield units [i, j, k]; slices may run along any axis.
        affine: (i, j, k, 1) -> mm, shape (4, 4); the axis closest to the body's is taken as across slices.

    Returns:
        Booleans [i, j, k]; all false where there is no body.
    """
    spacing_mm = np.linalg.norm(affine[:3, :3], axis=0)
    across = int(np.argmax(np.abs(affine[2, :3]) / spacing_mm))
    ct_hu = np.moveaxis(ct_hu, across, 2)
    in_plane_mm = np.delete(spacing_mm, across)
    factors = np.maximum(1, np.rint(COARSE_MM / in_plane_mm)).astype(int)
    coarse = _table_free(_pooled(ct_hu, factors) > BODY_HU, in_plane_mm * factors)
    mask = np.zeros(ct_hu.shape, bool)
    if coarse.any():
        for k in range(ct_hu.shape[2]):
            mask[:, :, k] = _fine(ct_hu[:, :, k], coarse[:, :, k], factors)
    return np.moveaxis(mask, 2, across)


def _pooled(ct_hu: NDArray[np.floating[Any]], factors: NDArray[np.int_]) -> NDArray[np.float32]:
    """Means of blocks of ``factors`` voxels in plane; the last block repeats the edge."""
    extra = [(0, int(-size % factor)) for size, factor in zip(ct_hu.shape[:2], factors, strict=True)]
    slices = []
    for k in range(ct_hu.shape[2]):
        padded = np.pad(ct_hu[:, :, k], extra, mode="edge")
        rows, columns = padded.shape[0] // factors[0], padded.shape[1] // factors[1]
        slices.append(padded.reshape(rows, factors[0], columns, factors[1]).mean(axis=(1, 3), dtype=np.float32))
    return np.stack(slices, axis=2)


def _table_free(dense: NDArray[np.bool_], pixel_mm: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The pieces of a dense volume that are thick enough to be body, with holes of each slice filled."""
    filled = np.stack([_without_holes(dense[:, :, k]) for k in range(dense.shape[2])], axis=2)
    depth_mm = np.stack([_distance_mm(filled[:, :, k], pixel_mm) for k in range(dense.shape[2])], axis=2)
    core, count = ndimage.label(depth_mm > DETACH_MM)
    if not count:
        return np.zeros_like(dense)
    radius_mm = ndimage.maximum(depth_mm, core, np.arange(1, count + 1))
    least = max(SMALLEST_RADIUS_MM, THIN_PART_OF_BODY * float(np.max(radius_mm)))
    kept = np.isin(core, np.flatnonzero(radius_mm >= least) + 1)
    grown = [_distance_mm(~kept[:, :, k], pixel_mm) <= DETACH_MM for k in range(dense.shape[2])]
    return np.stack(grown, axis=2) & filled


def _distance_mm(inside: NDArray[np.bool_], pixel_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of each true pixel to the nearest false one; infinite in a slice without a false one."""
    if inside.all():
        return np.full(inside.shape, np.inf)
    distance: NDArray[np.float64] = ndimage.distance_transform_edt(inside, sampling=pixel_mm)
    return distance


def _fine(
    slice_hu: NDArray[np.floating[Any]], coarse: NDArray[np.bool_], factors: NDArray[np.int_]
) -> NDArray[np.bool_]:
    """One slice of the mask at full resolution: dense pixels in or next to the coarse mask, holes filled."""
    if not coarse.any():
        return np.zeros(slice_hu.shape, bool)
    rows, columns = slice_hu.shape
    near = ndimage.binary_dilation(coarse, ndimage.generate_binary_structure(2, 1))
    near = near.repeat(factors[0], axis=0).repeat(factors[1], axis=1)[:rows, :columns]
    return _without_holes((slice_hu > SKIN_HU) & near)


def _without_holes(dense: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A slice with its holes filled: what the image's edge cannot be reached from is inside."""
    empty, count = ndimage.label(~dense)
    if count == 0:
        return dense
    edge = np.concatenate([empty[0], empty[-1], empty[:, 0], empty[:, -1]])
    outside = np.zeros(count + 1, bool)
    outside[np.unique(edge)] = True
    outside[0] = False  # label 0 is what is dense
    inside: NDArray[np.bool_] = ~outside[empty]
    return inside
