"""Frames with what the values of an image depend on, and nothing else."""

from types import SimpleNamespace
from typing import Any

from clara_stages.dicom_reader.geometry.plane import Plane
from clara_stages.dicom_reader.headers.frame import Attributes, Frame
from clara_stages.dicom_reader.pixels.format import PixelFormat
from clara_stages.dicom_reader.values.rescale import Rescale
from tests.support.series import SOP_CLASSES

NO_PLACE = Plane(rows=1, columns=1, position_lps_mm=None, orientation_lps=None, pixel_spacing_mm=None)

DIGITAL_X_RAY = "1.2.840.10008.5.1.4.1.1.1.1"


def frame(
    modality: str = "CT",
    rescale: Rescale | None = None,
    *,
    pet: Any = None,
    image_type: tuple[str, ...] = (),
    **pixels: Any,
) -> Frame:
    """One frame of an instance of its own; CT is in HU unless a rescale is given, ``pixels`` are of PixelFormat."""
    hounsfield = Rescale(slope=1, intercept=-1024, rescale_type="HU")
    instance: Any = SimpleNamespace(
        sop_class_uid=SOP_CLASSES.get(modality, DIGITAL_X_RAY),
        pixels=PixelFormat(transfer_syntax_uid="1.2.840.10008.1.2.1", **pixels),
        pet=pet,
    )
    return Frame(
        instance=instance,
        plane=NO_PLACE,
        rescale=hounsfield if rescale is None else rescale,
        attributes=Attributes(image_type=image_type),
    )
