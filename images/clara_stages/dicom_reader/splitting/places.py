"""Where the frames of a series lie: which of them show one and the same plane."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clara_stages.dicom_reader.headers.frame import Frame
from clara_stages.dicom_reader.splitting.clusters import Floats, Labels, cluster_numbers, cluster_vectors

SAME_DIRECTION = 1e-3
"""How far a cosine may differ between planes that count as parallel here: three decimals of text. Whether they are
parallel enough for one volume is for geometry to say."""

SAME_PLACE_MM = 0.01
"""Planes closer than this along the normal are one place: positions are text of two or more decimals, and nobody scans
slices this thin. Between volumes of one series the text of a position may differ in its last digit."""

SAME_ORIGIN_MM = 1.0
"""Fields of view whose first pixels are closer than this in the plane are one: an angled stack shifts its origin from
slice to slice by fractions of a millimetre, another field of view by centimetres."""

_LEAST_AREA = 0.1
"""|row x column| of two directions is 1; below this they span no plane."""


@dataclass(frozen=True, kw_only=True)
class Places:
    """For each frame of a series; arrays of shape ``(n,)``.

    Attributes:
        ids: The place. Ids ascend along the normal, orientation after orientation.
        orientations: The orientation.
        origins: The field of view in the plane, in each orientation.
        along_mm: Distance along the orientation's normal, LPS.
    """

    ids: Labels
    orientations: Labels
    origins: Labels
    along_mm: Floats


def has_place(frame: Frame) -> bool:
    """Whether the header says where a frame lies, with directions that span a plane."""
    position, orientation = frame.plane.position_lps_mm, frame.plane.orientation_lps
    if position is None or orientation is None or len(orientation) != 6 or max(map(abs, orientation)) > 2:
        return False
    a, b, c, d, e, f = orientation  # numpy takes 30 times as long for three components
    return math.hypot(b * f - c * e, c * d - a * f, a * e - b * d) > _LEAST_AREA


def find_places(frames: Sequence[Frame]) -> Places:
    """The places of frames that all have one; the cost is that of sorting."""
    positions = np.array([frame.plane.position_lps_mm for frame in frames], dtype=np.float64).reshape(-1, 3)
    directions = np.array([frame.plane.orientation_lps for frame in frames], dtype=np.float64).reshape(-1, 6)
    orientations = cluster_vectors(directions, SAME_DIRECTION)
    ids, origins = np.zeros(len(frames), dtype=np.int64), np.zeros(len(frames), dtype=np.int64)
    along_mm = np.zeros(len(frames))
    used = 0
    by_orientation = np.argsort(orientations, kind="stable")
    for rows in np.split(by_orientation, np.flatnonzero(np.diff(orientations[by_orientation])) + 1):
        # One normal for all: a cosine's last digit, times a position far from the origin, would be another place.
        first = directions[rows[np.lexsort(directions[rows].T[::-1])[0]]]
        with np.errstate(over="ignore", invalid="ignore"):  # a position of 1e308 is for geometry to refuse
            along_mm[rows] = np.nan_to_num(positions[rows] @ np.cross(first[:3], first[3:]))
            in_row, in_column = (np.nan_to_num(positions[rows] @ axis) for axis in (first[:3], first[3:]))
        ids[rows] = used + cluster_numbers(along_mm[rows], SAME_PLACE_MM)
        used = int(ids[rows].max()) + 1
        columns = cluster_numbers(in_column, SAME_ORIGIN_MM)
        origins[rows] = cluster_numbers(in_row, SAME_ORIGIN_MM) * (int(columns.max()) + 1) + columns
    return Places(ids=ids, orientations=orientations, origins=origins, along_mm=along_mm)
