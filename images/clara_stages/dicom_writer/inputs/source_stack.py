"""The source images that a result refers to, in their order along the slice axis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.inputs.series_document import (
    SERIES_FILE,
    SeriesDocument,
    load_series_document,
    require_time_point,
)
from clara_stages.dicom_writer.inputs.source_checks import check_images, find_places
from clara_stages.dicom_writer.inputs.source_images import Image, load_images
from clara_stages.kit import BadInputError

Floats = npt.NDArray[np.float64]

LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""The first two axes change sign, the third does not; its own inverse."""

OBLIQUE_COSINE = 0.9999
"""Directions whose largest cosine is below this (0.8 degrees) are oblique: a planning system does not take their
contours for axial, and rounding in a header does not turn a slice that far."""

SMALLEST_TILT_DEGREES = 0.1
"""A tilted gantry has degrees; rounded positions have hundredths (dicom_reader has the same limit)."""


EVEN_GAP_MM = 0.1
"""Gaps this near to the median one are equal: positions are often written with one decimal."""

EVEN_GAP_PART = 0.01
"""Or this part of it (dicom_reader has both limits)."""


@dataclass(frozen=True, kw_only=True)
class SourceSlice:
    """One source image: a single-frame instance, or one frame of a multi-frame instance.

    Attributes:
        instance: Its header, without pixels; frames of one instance share it. It is never changed.
        frame: 1-based frame number, None of a single-frame instance.
        position_lps_mm: Image Position (Patient), shape ``(3,)``; zeros where the images have no place in the patient.
    """

    instance: Dataset
    frame: int | None
    position_lps_mm: Floats

    @property
    def sop_class_uid(self) -> str:
        """Of the instance."""
        return str(self.instance.SOPClassUID)

    @property
    def sop_instance_uid(self) -> str:
        """Of the instance."""
        return str(self.instance.SOPInstanceUID)


@dataclass(frozen=True, kw_only=True)
class SourceStack:
    """Parallel source images of one series and one time point.

    Attributes:
        slices: In order along row direction x column direction. Slice s is plane s of the volume, unless
            ``origin_index`` says otherwise.
        columns: Of each slice: how many pixels run along i.
        rows: Of each slice: how many pixels run along j.
        row_direction: Unit vector along a row, LPS, shape ``(3,)``: the direction of rising column index.
        column_direction: Unit vector down a column, LPS, shape ``(3,)``: the direction of rising row index.
        column_spacing_mm: Distance between neighbouring columns: the second value of Pixel Spacing (PS3.3 10.7.1.3).
        row_spacing_mm: Distance between neighbouring rows: the first value of Pixel Spacing.
        frame_of_reference_uid: "" where the source has none.
        has_place: Whether positions and directions say where the images lie in the patient. False of projections and
            secondary captures: positions are then zeros and spacings may be ones.
        origin_index: Where the volume is a resampled one (tilted gantry, uneven distances), the voxel index
            ``(i, j, k)`` of each slice's first pixel, shape ``(slices, 3)``: pixel ``(i, j)`` of slice s lies at voxel
            index ``origin_index[s] + (i, j, 0)``, which is exact. None where voxel ``(i, j, k)`` is pixel ``(i, j)``
            of slice k.
        tilt_degrees: Angle between the direction of stacking and the normal of the slices: of a tilted gantry; 0 below
            ``SMALLEST_TILT_DEGREES``, which rounded positions have.
        time_points: How many the source has; these slices are of one of them.
    """

    slices: tuple[SourceSlice, ...]
    columns: int
    rows: int
    row_direction: Floats
    column_direction: Floats
    column_spacing_mm: float
    row_spacing_mm: float
    frame_of_reference_uid: str
    has_place: bool = True
    origin_index: Floats | None = None
    tilt_degrees: float = 0.0
    time_points: int = 1

    @property
    def first(self) -> Dataset:
        """The instance that patient and study are taken from."""
        return self.slices[0].instance

    @cached_property
    def instances(self) -> tuple[Dataset, ...]:
        """Every instance once, in the order of their first slices."""
        return tuple({item.sop_instance_uid: item.instance for item in self.slices}.values())

    @cached_property
    def index_of(self) -> Mapping[tuple[str, int | None], int]:
        """(SOP Instance UID, frame number or None) -> index of the slice."""
        return {(item.sop_instance_uid, item.frame): index for index, item in enumerate(self.slices)}

    @cached_property
    def positions_lps_mm(self) -> Floats:
        """Shape ``(slices, 3)``."""
        return np.array([item.position_lps_mm for item in self.slices], dtype=np.float64)

    @cached_property
    def normal(self) -> Floats:
        """Unit vector row direction x column direction, LPS, shape ``(3,)``."""
        return np.cross(self.row_direction, self.column_direction)

    @property
    def is_oblique(self) -> bool:
        """Whether rows or columns run along no axis of the patient."""
        cosines = np.abs([self.row_direction, self.column_direction]).max(axis=1)
        return bool((cosines < OBLIQUE_COSINE).any())

    def slice_gap_mm(self) -> float | None:
        """The median distance between neighbouring slices along the normal, or None for a single slice."""
        return float(np.median(self._gaps_mm)) if len(self.slices) > 1 else None

    def uneven_gaps_mm(self) -> tuple[float, float] | None:
        """The smallest and the largest distance between neighbouring slices; None where they lie evenly."""
        gap_mm = self.slice_gap_mm()
        if gap_mm is None or np.abs(self._gaps_mm - gap_mm).max() <= max(EVEN_GAP_MM, EVEN_GAP_PART * gap_mm):
            return None
        return float(self._gaps_mm.min()), float(self._gaps_mm.max())

    @cached_property
    def _gaps_mm(self) -> Floats:
        """Along the normal, shape ``(slices - 1,)``."""
        return np.abs(np.diff(self.positions_lps_mm @ self.normal))

    def pixels_to_lps(self, index: int) -> Floats:
        """``(column, row, 0, 1)`` of a slice to LPS mm, shape ``(4, 4)`` (PS3.3 equation C.7.6.2.1-1)."""
        affine = np.eye(4)
        affine[:3, 0] = self.row_direction * self.column_spacing_mm
        affine[:3, 1] = self.column_direction * self.row_spacing_mm
        affine[:3, 2] = self.normal
        affine[:3, 3] = self.slices[index].position_lps_mm
        return affine

    def on_slice(self, values: npt.NDArray[Any], index: int) -> npt.NDArray[Any]:
        """What a volume shows on one source slice: the nearest voxel's value for each pixel.

        Args:
            values: Shape ``(i, j, k)`` or ``(i, j, k, channel)``, on the grid of the volume.
            index: Of the slice.

        Returns:
            A view of shape ``(rows, columns)`` or ``(rows, columns, channel)``.
        """
        if self.origin_index is None:
            return values[:, :, index].swapaxes(0, 1)
        i, j, k = np.floor(self.origin_index[index] + 0.5).astype(int)
        return values[i : i + self.columns, j : j + self.rows, k].swapaxes(0, 1)


def load_source_stack(folder: Path, *, document: SeriesDocument | None = None, time_point: int = 0) -> SourceStack:
    """The images of a folder of kind ``dicom_instances``.

    Args:
        folder: Where ``series.json`` lies in it, that says which images they are, in which order, and how a resampled
            volume lies on them.
        document: That of the volume, which says the same; used where the folder has none.
        time_point: Which one, from 0.

    Raises:
        BadInputError: A file or a required attribute is missing, the images are not of one series and grid, they are
            not those of the volume, or there is no such time point; the message says how many there are.
    """
    own = folder / SERIES_FILE
    if own.exists():
        of_volume, document = document, load_series_document(own)
        if of_volume is not None:
            _require_same_images(of_volume, document, time_point)
    if document is None:
        require_time_point(time_point, 1)
    images = load_images(folder, None if document is None else document.images_at(time_point))
    check_images(images)
    places = find_places(images, may_have_place=document is None or document.patient_space)
    positions = [image.plane.position_lps_mm if places.has_place else None for image in images]
    return SourceStack(
        slices=tuple(
            SourceSlice(
                instance=image.instance,
                frame=image.frame,
                position_lps_mm=np.zeros(3) if position is None else position,
            )
            for image, position in zip(images, positions, strict=True)
        ),
        columns=int(images[0].instance.Columns),
        rows=int(images[0].instance.Rows),
        row_direction=places.orientation_lps[:3],
        column_direction=places.orientation_lps[3:],
        row_spacing_mm=float(places.spacing_mm[0]),
        column_spacing_mm=float(places.spacing_mm[1]),
        frame_of_reference_uid=str(images[0].instance.get("FrameOfReferenceUID") or ""),
        has_place=places.has_place,
        origin_index=None if document is None else document.origin_index,
        tilt_degrees=_tilt_degrees(images, places.orientation_lps) if places.has_place else 0.0,
        time_points=1 if document is None else document.time_points,
    )


def _require_same_images(volume: SeriesDocument, source: SeriesDocument, time_point: int) -> None:
    """Another series on the same grid (diffusion and its ADC, two phases) would lend its values to these images."""
    of_volume, of_source = (
        {(image.sop_instance_uid, image.frame) for image in document.images_at(time_point)}
        for document in (volume, source)
    )
    if of_volume != of_source:
        raise BadInputError(
            f"the volume was made of {len(of_volume)} images, {len(of_volume - of_source)} of which are not among the "
            f"{len(of_source)} of the source: its values are not those of the images that results refer to",
            remedy="give the volume and the source of one reading",
        )


def _tilt_degrees(images: Sequence[Image], orientation_lps: Floats) -> float:
    """Between the first and the last image; 0 for images at one place."""
    first, last = images[0].plane.position_lps_mm, images[-1].plane.position_lps_mm
    if first is None or last is None:
        return 0.0
    normal = np.cross(orientation_lps[:3], orientation_lps[3:])
    along = float((last - first) @ normal)
    aside = float(np.linalg.norm((last - first) - along * normal))
    degrees = float(np.degrees(np.arctan2(aside, abs(along)))) if along else 0.0
    return degrees if degrees > SMALLEST_TILT_DEGREES else 0.0
