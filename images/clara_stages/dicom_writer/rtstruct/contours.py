"""The contours of one region of interest: polygons on the source slices, in the patient (PS3.3 C.8.8.6)."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from clara_stages.dicom_writer.header.references import image_reference
from clara_stages.dicom_writer.inputs.source_stack import SourceStack
from clara_stages.dicom_writer.rtstruct.polygons import Floats, draw_slice

_DECIMALS = 4
"""Of a coordinate in mm. A tenth of a micrometre is no pixel, and the text has no more than the 16 characters of DS."""

_CONTOUR_DATA = Tag("ContourData")


def contour_items(mask: npt.NDArray[np.bool_], source: SourceStack, holes: str) -> list[Dataset]:
    """The items of Contour Sequence, slice by slice; none where no source slice shows a voxel.

    Holes of one kind make all contours of the region of that kind: CLOSEDPLANAR_XOR combines every contour of the
    region with the others (PS3.3 C.8.8.6.3).

    Args:
        mask: Shape ``(i, j, k)``, on the grid of the volume.
        source: The slices.
        holes: ``keyhole`` or ``xor``.
    """
    drawn = [draw_slice(source.on_slice(mask, index), holes) for index in range(len(source.slices))]
    geometric_type = "CLOSEDPLANAR_XOR" if any(item.has_holes for item in drawn) else "CLOSED_PLANAR"
    contours = [
        _contour(polygon, source, index, geometric_type)
        for index, item in enumerate(drawn)
        for polygon in item.polygons
    ]
    for number, contour in enumerate(contours, start=1):
        contour.ContourNumber = number
    return contours


def longest_contour_bytes(contours: Iterator[Dataset]) -> int:
    """The length of the longest Contour Data, which is ASCII."""
    return max((len(contour[_CONTOUR_DATA].value) for contour in contours), default=0)


def _contour(polygon: Floats, source: SourceStack, index: int, geometric_type: str) -> Dataset:
    contour = Dataset()
    contour.ContourImageSequence = [image_reference(source.slices[index])]
    contour.ContourGeometricType = geometric_type
    contour.NumberOfContourPoints = len(polygon)
    affine = source.pixels_to_lps(index)
    contour[_CONTOUR_DATA] = _decimal_strings(polygon @ affine[:3, :2].T + affine[:3, 3])
    return contour


def _decimal_strings(points_lps_mm: Floats) -> DataElement:
    """Contour Data as the one text it is in the file: pydicom would make an object of each of some million numbers."""
    rounded = np.round(points_lps_mm, _DECIMALS) + 0.0  # no -0.0
    text = "\\".join(map(repr, rounded.ravel().tolist()))
    return DataElement(_CONTOUR_DATA, "DS", text, already_converted=True)
