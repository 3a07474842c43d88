"""The planes of a volume as images: where each lies, and which source images it shows."""

from dataclasses import dataclass

import numpy as np

from clara_stages.dicom_writer.inputs.source_stack import LPS_FROM_RAS, Floats, SourceStack
from clara_stages.dicom_writer.inputs.volume import Volume
from clara_stages.kit import BadInputError

RIGHT_ANGLE = 1e-4
"""Largest cosine between rows and columns of an image (PS3.3 C.7.6.2.1.1 wants none); float32 leaves 1e-7."""

SAME_PLANE_PART = 0.01
"""A source image within this part of the gap is the plane; farther away it is a neighbour."""


@dataclass(frozen=True, kw_only=True)
class Planes:
    """The planes of a volume, each an image of its own.

    Attributes:
        positions_lps_mm: Of each plane's first voxel, shape ``(k, 3)``; of a sheared volume they do not follow each
            other along the normal.
        orientation_lps: Unit vectors along i and j, shape ``(6,)``.
        column_spacing_mm: Between voxels along i.
        row_spacing_mm: Between voxels along j.
        gap_mm: Between planes, along their normal.
        sources: For each plane the indices of the source slices that it shows: one, or those on both sides of it;
            the nearest one first.
    """

    positions_lps_mm: Floats
    orientation_lps: Floats
    column_spacing_mm: float
    row_spacing_mm: float
    gap_mm: float
    sources: tuple[tuple[int, ...], ...]


def planes_of(volume: Volume, source: SourceStack) -> Planes:
    """The planes of a volume.

    Raises:
        BadInputError: The images have no place in the patient, or i and j are not at right angles.
    """
    if not (source.has_place and volume.document.patient_space):
        raise BadInputError(
            "output 'image' needs images with a place in the patient: CT, MR and PET images state one",
            remedy="take 'image' out of outputs",
        )
    affine = LPS_FROM_RAS @ volume.affine_ras
    spacings = np.linalg.norm(affine[:3, :3], axis=0)
    row, column = affine[:3, 0] / spacings[0], affine[:3, 1] / spacings[1]
    if abs(float(row @ column)) > RIGHT_ANGLE:
        raise BadInputError(
            f"rows and columns of the volume are not at right angles (cosine {float(row @ column):.4f}); no image can "
            "be written of it",
            remedy="resample the volume onto a grid with right angles inside its planes",
        )
    count = volume.values.shape[2]
    positions = affine[:3, 3] + np.arange(count)[:, None] * affine[:3, 2]
    ends = (affine[:3, 0] * (volume.values.shape[0] - 1), affine[:3, 1] * (volume.values.shape[1] - 1))
    corners = np.array([np.zeros(3), ends[0], ends[1], ends[0] + ends[1]])
    return Planes(
        positions_lps_mm=positions,
        orientation_lps=np.concatenate([row, column]),
        column_spacing_mm=float(spacings[0]),
        row_spacing_mm=float(spacings[1]),
        gap_mm=abs(float(np.cross(row, column) @ affine[:3, 2])),
        sources=tuple(_shown_slices(position + corners, source) for position in positions),
    )


def _shown_slices(corners_lps_mm: Floats, source: SourceStack) -> tuple[int, ...]:
    """Source slices between the nearest and the farthest corner; of a plane between two slices these two."""
    places = source.positions_lps_mm @ source.normal
    corners = corners_lps_mm @ source.normal
    slack_mm = SAME_PLANE_PART * (source.slice_gap_mm() or 1.0)
    inside = np.flatnonzero((places >= corners.min() - slack_mm) & (places <= corners.max() + slack_mm))
    if not len(inside):
        below, above = np.flatnonzero(places < corners.min()), np.flatnonzero(places > corners.max())
        inside = np.array([*below[np.argsort(places[below])][-1:], *above[np.argsort(places[above])][:1]], dtype=int)
    distance = np.abs(places[inside] - corners.mean())
    return tuple(int(index) for index in inside[np.lexsort((inside, distance.round(6)))])
