"""One DICOM instance as plain values: identity, plane, pixel format and rescale; no pixels."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clara_stages.dicom_reader.geometry.plane import Plane
from clara_stages.dicom_reader.headers.membership import Membership
from clara_stages.dicom_reader.pixels.format import PixelFormat
from clara_stages.dicom_reader.sop_classes import ObjectKind
from clara_stages.dicom_reader.values.pet_header import PetHeader
from clara_stages.dicom_reader.values.rescale import Rescale

NO_PLANE = Plane(rows=0, columns=0, position_lps_mm=None, orientation_lps=None, pixel_spacing_mm=None)
"""Of what is no image, or is too broken to tell."""


@dataclass(frozen=True, kw_only=True)
class Instance:
    """What the reader needs of one DICOM instance.

    Attributes:
        path: The file.
        label: How messages may name the file.
        relative: Its path below the folder that was given, for the person whose folder it is.
        header: ``header_values`` of it, for the series facts; slice thickness and pixel spacing may be those of the
            functional groups.
        plane: Where the image lies, as the header says; of a multi-frame object what its top level says.
        pixels: How the pixels are stored.
        rescale: From stored values to those of the modality; of a multi-frame object what its top level says.
        kind: What can be made of it, by its SOP class.
        pet: What it says about dose, decay and time, or None where it is no PET image.
        membership: The whole that it says it belongs to.
        fault: What is broken in the header so that plane, pixels and rescale are not known, or "".
    """

    path: Path
    label: str
    study_instance_uid: str
    series_instance_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    header: dict[str, Any]
    plane: Plane
    pixels: PixelFormat
    rescale: Rescale
    relative: str = ""
    kind: ObjectKind = ObjectKind.OBJECT
    pet: PetHeader | None = None
    membership: Membership = Membership()  # noqa: RUF009 a frozen value
    fault: str = ""

    @property
    def modality(self) -> str:
        """Modality (0008,0060), or ""."""
        return str(self.header.get("Modality", ""))

    @property
    def is_damaged(self) -> bool:
        """Whether its header shows that the image cannot be read; another file of the instance may be sound."""
        return bool(self.fault) or (self.kind is not ObjectKind.OBJECT and not self.pixels.pixel_element)
