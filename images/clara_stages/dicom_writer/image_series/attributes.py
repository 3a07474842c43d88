"""Attributes of a source image for a derived one, in the value representation of a classic image."""

import copy
from collections.abc import Iterable

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.valuerep import format_number_as_ds

from clara_stages.dicom_writer.header.valid_elements import decoded_element, is_valid, valid_element
from clara_stages.dicom_writer.inputs.planes import ImageHeader

ENHANCED_NAMES = {
    "ExposureTime": "ExposureTimeInms",
    "XRayTubeCurrent": "XRayTubeCurrentInmA",
    "Exposure": "ExposureInmAs",
    "EchoTime": "EffectiveEchoTime",
    "InversionTime": "InversionTimes",
    "ImagingFrequency": "TransmitterFrequency",
    "ImagedNucleus": "ResonantNucleus",
    "EchoTrainLength": "RFEchoTrainLength",
    "ActualFrameDuration": "FrameAcquisitionDuration",
}
"""Keyword of a classic image -> what an Enhanced one calls the same, in the same unit (PS3.3 C.8.13, C.8.15)."""


class Attributes:
    """Takes attributes of one source image over into a derived one, and keeps in mind what was missing.

    Args:
        header: Of the source image.
        missing: Gets the keywords that the source does not have, or not in a valid form.
    """

    def __init__(self, header: ImageHeader, missing: dict[str, None]) -> None:
        self.header = header
        self._missing = missing

    def take(self, result: Dataset, keywords: Iterable[str]) -> None:
        """Copy those that the source has (Type 3)."""
        for keyword in keywords:
            element = self.find(keyword)
            if element is not None:
                result.add(element)

    def take_also_empty(self, result: Dataset, keywords: Iterable[str]) -> None:
        """Copy those that the source has, with or without a value (Type 2C): empty says that it is unknown."""
        self.take(result, keywords)
        for keyword in keywords:
            if keyword not in result and self._is_empty(keyword):
                result.add(DataElement(keyword, dictionary_VR(keyword), None))

    def take_or_empty(self, result: Dataset, keywords: Iterable[str]) -> None:
        """Copy them; what the source lacks is written empty (Type 2), as what is empty there."""
        for keyword in keywords:
            element = self.find(keyword)
            if element is None:
                if not self._is_empty(keyword):
                    self._missing[keyword] = None
                element = DataElement(keyword, dictionary_VR(keyword), [] if dictionary_VR(keyword) == "SQ" else None)
            result.add(element)

    def find(self, keyword: str) -> DataElement | None:
        """A valid element of its own with a value, by its name or that of Enhanced images; else None."""
        for name in filter(None, (keyword, ENHANCED_NAMES.get(keyword))):
            layer = self.header.layer_with(name)
            element = None if layer is None else valid_element(layer, name)
            if element is None:
                continue
            try:
                return _as_classic(element, keyword)
            except (TypeError, ValueError):  # no number, or one that no text of 16 characters holds
                return None
        return None

    def _is_empty(self, keyword: str) -> bool:
        layer = self.header.layer_with(keyword)
        element = None if layer is None else decoded_element(layer, keyword)
        return element is not None and element.is_empty

    def note_missing(self, keyword: str) -> None:
        """Keep in mind that the source does not have it."""
        self._missing[keyword] = None

    def radiopharmaceutical_start(self) -> str:
        """Radiopharmaceutical Start DateTime of the first radiopharmaceutical; "" where there is none."""
        element = self.find("RadiopharmaceuticalInformationSequence")
        return "" if element is None else str(element.value[0].get("RadiopharmaceuticalStartDateTime") or "")

    def text(self, keyword: str) -> str:
        """The first value as text; "" where there is none."""
        element = self.find(keyword)
        if element is None:
            return ""
        return str(element.value[0] if element.VM > 1 else element.value)


def _as_classic(element: DataElement, keyword: str) -> DataElement | None:
    """In the value representation of the classic attribute: Enhanced images have FD where those have DS or IS."""
    vr = dictionary_VR(keyword)
    value = element.value[0] if element.VM > 1 else element.value
    if vr == element.VR:
        made = DataElement(keyword, vr, copy.copy(element.value))
    elif vr == "DS":
        made = DataElement(keyword, vr, format_number_as_ds(float(value)))
    elif vr == "IS":
        made = DataElement(keyword, vr, str(round(float(value))))
    else:
        made = DataElement(keyword, vr, str(value))
    return made if is_valid(made) else None
