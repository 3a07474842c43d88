"""Whether the contours of a written structure set enclose exactly the voxels of the segments."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.gate.finding import Finding
from clara_stages.dicom_writer.inputs.source_stack import SourceStack
from clara_stages.dicom_writer.rtstruct.rasterise import add_polygon

Floats = npt.NDArray[np.float64]

PLANE_TOLERANCE_MM = 0.01
"""How far a point may lie from the plane of the image that its contour names: rounding, and nothing else."""

OUTSIDE_TOLERANCE = 0.01
"""How far, in pixels, a point may lie outside of the image, whose outermost pixels end half a pixel from centres."""

CORNER_TOLERANCE = 0.01
"""How far, in pixels, a point may lie from a corner of pixels: contours run along pixel edges, and one that is shifted
by less than half a pixel still encloses the same centres."""

_CONTOUR_DATA = 0x30060050

_DECIMAL_STRING_CHARACTERS = 16
"""Longest value of VR DS (PS3.5 6.2)."""


class ContourError(ValueError):
    """A contour that cannot be placed; carries the name of the finding."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def check_contours(region: Dataset, mask: npt.NDArray[np.bool_], source: SourceStack) -> Iterator[Finding]:
    """What is wrong with the contours of one region.

    Args:
        region: The item of ROI Contour Sequence.
        mask: The segment on the grid of the volume, shape ``(i, j, k)``.
        source: The slices that contours must lie on.
    """
    number = region.get("ReferencedROINumber")
    contours = list(region.get("ContourSequence") or ())
    types = {str(contour.get("ContourGeometricType")) for contour in contours}
    if len(types) > 1 or not types <= {"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"}:
        yield _finding("contour_type", f"ROI {number} has contours of type {sorted(types)}, expected one closed type")
        return
    polygons: dict[int, list[Floats]] = defaultdict(list)
    for position, contour in enumerate(contours, start=1):
        try:
            index, polygon = _place(contour, source)
        except ContourError as fault:
            yield _finding(fault.name, f"ROI {number}, contour {position}: {fault}")
            return
        polygons[index].append(polygon)
    yield from _compare(number, polygons, mask, source, is_union="CLOSED_PLANAR" in types)


def _place(contour: Dataset, source: SourceStack) -> tuple[int, Floats]:
    """The source slice of a contour, and its points there as pixel coordinates (column, row)."""
    index = _slice_of(contour, source)
    points = _points_lps_mm(contour)
    offsets = points - source.slices[index].position_lps_mm
    distance_mm = float(np.abs(offsets @ source.normal).max())
    if not distance_mm < PLANE_TOLERANCE_MM:
        raise ContourError(
            "contour_plane",
            f"a point lies {distance_mm:.3f} mm from the plane of the image that the contour names, expected less "
            f"than {PLANE_TOLERANCE_MM} mm",
        )
    column = offsets @ source.row_direction / source.column_spacing_mm
    row = offsets @ source.column_direction / source.row_spacing_mm
    outside = max(
        -0.5 - min(column.min(), row.min()), column.max() - source.columns + 0.5, row.max() - source.rows + 0.5
    )
    if outside > OUTSIDE_TOLERANCE:
        raise ContourError("contour_outside_image", f"a point lies {outside:.2f} pixels outside of the image")
    polygon = np.stack([column, row], axis=1)
    off_corner = float(np.abs(polygon + 0.5 - np.round(polygon + 0.5)).max())
    if off_corner > CORNER_TOLERANCE:
        raise ContourError("contour_position", f"a point lies {off_corner:.3f} pixels from a corner of pixels")
    return index, polygon


def _slice_of(contour: Dataset, source: SourceStack) -> int:
    references = list(contour.get("ContourImageSequence") or ())
    if len(references) != 1:
        raise ContourError("source_reference", f"it names {len(references)} images, expected 1")
    frame = references[0].get("ReferencedFrameNumber")
    key = (str(references[0].get("ReferencedSOPInstanceUID")), None if frame is None else int(frame))
    index = source.index_of.get(key)
    if index is None:
        raise ContourError("source_reference", f"it names image {key[0]}, frame {key[1]}, which is not in the source")
    found = str(references[0].get("ReferencedSOPClassUID"))
    expected = source.slices[index].sop_class_uid
    if found != expected:
        raise ContourError("source_reference", f"it names an image of class {found}, expected {expected}")
    return index


def _points_lps_mm(contour: Dataset) -> Floats:
    """Shape ``(n, 3)``, from the bytes: pydicom would make an object of each number."""
    element = contour.get_item(_CONTOUR_DATA)
    value = element.value if element is not None and isinstance(element.value, bytes) else b""
    parts = np.array(value.rstrip(b" \0").split(b"\\"))
    if parts.itemsize > _DECIMAL_STRING_CHARACTERS:
        raise ContourError("contour_data", f"a number of Contour Data has {parts.itemsize} characters, DS has 16")
    try:
        points = parts.astype(np.float64).reshape(-1, 3)
    except ValueError:
        raise ContourError("contour_data", f"Contour Data has {len(parts)} values, expected x, y, z triplets") from None
    stated = contour.get("NumberOfContourPoints")
    if stated != len(points) or len(points) < 3:
        raise ContourError("contour_data", f"Contour Data has {len(points)} points, {stated} are stated")
    return points


def _compare(
    number: object, polygons: dict[int, list[Floats]], mask: npt.NDArray[np.bool_], source: SourceStack, is_union: bool
) -> Iterator[Finding]:
    """Rasterise slice by slice.

    Closed planar contours must not overlap: one program joins them, another takes one from the other.
    """
    differing = overlapping = 0
    first_differing = None
    for index in range(len(source.slices)):
        expected = source.on_slice(mask, index)
        if index not in polygons and not expected.any():
            continue
        count = np.zeros(expected.shape, dtype=np.int32)
        for polygon in polygons.get(index, ()):
            add_polygon(count, polygon)
        overlapping += int(np.count_nonzero(count > 1)) if is_union else 0
        wrong = int(np.count_nonzero((count % 2 == 1) != expected))
        differing += wrong
        if wrong and first_differing is None:
            first_differing = index + 1
    if differing:
        yield _finding(
            "voxels_differ",
            f"the contours of ROI {number} enclose other voxels than the segment has: {differing} differ, the first "
            f"on slice {first_differing} of {len(source.slices)}",
        )
    if overlapping:
        yield _finding("contours_overlap", f"contours of ROI {number} overlap in {overlapping} voxels, expected 0")


def _finding(name: str, message: str) -> Finding:
    return Finding(name=name, output="rtstruct", message=message)
