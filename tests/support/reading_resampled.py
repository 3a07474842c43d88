"""Checks a resampled volume against the slices that it was made of."""

import numpy as np
from scipy import ndimage

from tests.support.reading_cases import LOWEST_HU, Voxels

RESAMPLED_HU = 1.0
"""A resampled CT may be rounded to whole Hounsfield units."""

_SLACK = 1e-6
"""Of an index: what double precision leaves."""


def find_resampling_faults(found: Voxels, source: Voxels) -> list[str]:
    """What is wrong with a resampled volume: it must be orthogonal, hold every slice whole, and be interpolated.

    Args:
        found: The resampled volume.
        source: The slices as they lie, with their sheared affine.
    """
    affine = found.affine_lps
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    faults = []
    if not np.allclose(axes.T @ axes, np.eye(3), atol=1e-5):
        faults.append("the resampled axes are not at right angles")
    to_source = np.linalg.inv(source.affine_lps) @ affine
    back = np.linalg.inv(to_source)
    shape = np.array(source.values.shape)
    corners = np.array([[*corner, 1] for corner in np.ndindex(2, 2, 2)]) * [*(shape - 1), 1]
    places = (corners @ back.T)[:, :3]
    if (places < -0.51).any() or (places > np.array(found.values.shape) - 0.49).any():
        faults.append("a corner of the slices lies outside of the resampled volume")
    grid = np.indices(found.values.shape).reshape(3, -1)
    indices = to_source[:3, :3] @ grid + to_source[:3, 3:]
    last = (shape - 1)[:, None]
    inside = ((indices >= -_SLACK) & (indices <= last + _SLACK)).all(axis=0)
    wanted = ndimage.map_coordinates(source.values, indices.clip(0, last)[:, inside], order=1)
    apart = np.abs(found.values.reshape(-1)[inside] - wanted)
    if not inside.any():
        faults.append("no voxel lies within the slices")
    elif float(apart.max()) > RESAMPLED_HU:
        faults.append(f"a voxel differs by {float(apart.max()):.4g} from linear interpolation")
    beyond = ((indices < -1) | (indices > shape[:, None])).any(axis=0)
    if beyond.any() and not (found.values.reshape(-1)[beyond] == LOWEST_HU).all():
        faults.append("beyond the slices there is something else than air")
    return faults
