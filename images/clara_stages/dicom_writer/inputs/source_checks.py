"""Whether source images are one series on one grid, and whether they have a place in the patient."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.inputs.headers import REMEDY
from clara_stages.dicom_writer.inputs.planes import Floats, ImageHeader
from clara_stages.dicom_writer.inputs.source_images import Image
from clara_stages.kit import BadInputError

_IDENTITY = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
"""Type 1 in every IOD (PS3.3 C.12.1, C.7.2.1, C.7.3.1): without them nothing can refer to the source."""

_SIZE = ("Rows", "Columns")
"""Type 1 in every image (PS3.3 C.7.6.3)."""

_ONE_PER_SERIES = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", *_SIZE)

ORIENTATION_TOLERANCE = 1e-4
"""Largest difference of a direction cosine within one series: 0.05 mm at the far edge of a 500 mm field."""

SPACING_RTOL = 1e-3
"""Largest relative difference of Pixel Spacing within one series: rounding in the header, not another matrix."""

NOMINAL_ORIENTATION = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
"""Of images without a place in the patient."""


@dataclass(frozen=True, kw_only=True)
class Places:
    """What all images of a stack have in common.

    Attributes:
        has_place: Whether they lie in the patient.
        orientation_lps: Unit vectors of row and column, shape ``(6,)``.
        spacing_mm: Between rows, then between columns, shape ``(2,)``.
    """

    has_place: bool
    orientation_lps: Floats
    spacing_mm: Floats


def check_images(images: Sequence[Image]) -> None:
    """Whether results can refer to the images, and they are of one series and size.

    Raises:
        BadInputError: An attribute is missing, or differs.
    """
    instances = list({id(image.instance): image for image in images}.values())
    for image in instances:
        _check_attributes(image.instance, image.name)
    for keyword in _ONE_PER_SERIES:
        found = {str(image.instance.get(keyword) or "") for image in instances}
        if len(found) > 1:
            raise BadInputError(
                f"the source instances have {len(found)} different values of {keyword}, expected one series on one "
                "grid",
                remedy="select one series in dicom_reader",
            )
    if len({image.instance.SOPInstanceUID for image in instances}) != len(instances):
        raise BadInputError("two source instances have the same SOP Instance UID", remedy=REMEDY)


def find_places(images: Sequence[Image], *, may_have_place: bool) -> Places:
    """Whether the images have a place, and the plane that is common to them.

    Images of which none has a position and an orientation have no place: projections, secondary captures.

    Args:
        images: Of one series.
        may_have_place: False where ``series.json`` says that they have none.

    Raises:
        BadInputError: Some have a place and others do not, or their planes differ.
    """
    planes = [image.plane for image in images]
    placed = [plane.position_lps_mm is not None and plane.orientation_lps is not None for plane in planes]
    if not may_have_place or not any(placed):
        return Places(
            has_place=False, orientation_lps=np.array(NOMINAL_ORIENTATION), spacing_mm=_detector_mm(images[0])
        )
    for image in images:
        missing = image.plane.missing
        if missing:
            raise BadInputError(
                f"{image.name} has no usable {missing[0]}, expected {missing[1]} value(s)", remedy=REMEDY
            )
    orientation, spacing = planes[0].orientation_lps, planes[0].spacing_mm
    if orientation is None or spacing is None:  # looked at above
        raise ValueError("an image with a place has no plane")
    for image in images[1:]:
        _check_same_plane(image, orientation, spacing)
    return Places(has_place=True, orientation_lps=orientation, spacing_mm=spacing)


def _check_attributes(instance: Dataset, name: str) -> None:
    for keyword in _IDENTITY:
        if not instance.get(keyword):
            raise BadInputError(f"{name} has no {keyword}, which is Type 1: nothing can refer to it", remedy=REMEDY)
    for keyword in _SIZE:
        value = instance.get(keyword)
        if not isinstance(value, int) or value < 1:
            raise BadInputError(f"{name} has no usable {keyword}, expected 1 value(s)", remedy=REMEDY)


def _detector_mm(image: Image) -> Floats:
    """Pixel Spacing, or that at the detector, or ones: between rows, then between columns."""
    if image.plane.spacing_mm is not None:
        return image.plane.spacing_mm
    found = ImageHeader(image.instance, image.frame).numbers("ImagerPixelSpacing", 2)
    return found if found is not None and (found > 0).all() else np.ones(2)


def _check_same_plane(image: Image, orientation: Floats, spacing: Floats) -> None:
    if image.plane.orientation_lps is None or image.plane.spacing_mm is None:
        raise ValueError("an image with a place has no plane")
    turned = float(np.abs(image.plane.orientation_lps - orientation).max())
    scaled = float(np.abs(image.plane.spacing_mm / spacing - 1).max())
    if turned > ORIENTATION_TOLERANCE or scaled > SPACING_RTOL:
        raise BadInputError(
            f"{image.name} has another orientation ({turned:.2g}) or pixel spacing ({scaled:.2g}) than the first, at "
            f"most {ORIENTATION_TOLERANCE:g} and {SPACING_RTOL:g} are one grid",
            remedy="select one series in dicom_reader",
        )
