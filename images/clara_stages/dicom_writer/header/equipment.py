"""Who made a result: the Equipment module and the Contributing Equipment items."""

import datetime
from importlib.metadata import PackageNotFoundError, version

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from clara_stages.dicom_writer.header.code_item import code_item
from clara_stages.dicom_writer.header.source_time import date_text, time_text
from clara_stages.dicom_writer.header.text import long_string, short_text
from clara_stages.dicom_writer.header.valid_elements import valid_element

MANUFACTURER = "clara-ops"
"""Names our results, here and in Contributing Equipment: dicom_adapter recognises by it what comes back to us."""

MODEL_NAME = "dicom_writer"

PROCESSING = Code("109102", "DCM", "Processing Equipment")
ACQUISITION = Code("109101", "DCM", "Acquisition Equipment")
"""Purposes of CID 7005 (PS3.16): equipment that derived an object from others, and that acquired those others."""

_ACQUISITION_KEYWORDS = (
    *("ManufacturerModelName", "DeviceSerialNumber", "SoftwareVersions", "InstitutionName"),
    *("InstitutionalDepartmentName", "InstitutionAddress", "StationName"),
)
"""Copied from the source into the item of the acquiring equipment (PS3.3 C.12.1), each Type 3."""


def software_version() -> str:
    """The installed version of this distribution."""
    try:
        return version("clara-stages")
    except PackageNotFoundError:
        return "unknown"


def set_equipment(result: Dataset, installation: str) -> None:
    """The General Equipment module (PS3.3 C.7.5.1): this stage made the object.

    Args:
        result: Changed in place.
        installation: The site's name for this installation; stands as serial number.
    """
    result.Manufacturer = MANUFACTURER
    result.ManufacturerModelName = MODEL_NAME
    result.DeviceSerialNumber = long_string(installation)
    result.SoftwareVersions = software_version()


def processing_equipment(*, algorithm: str, installation: str, description: str, moment: datetime.datetime) -> Dataset:
    """The item that says clara-ops processed the source.

    Args:
        algorithm: Name and version of the model, "" where none had a part.
        installation: The site's name for this installation; stands as serial number.
        description: What the result is meant for, up to 1024 characters; a longer one is cut.
        moment: The date and time that the result states.
    """
    item = _item(MANUFACTURER, PROCESSING)
    item.ManufacturerModelName = MODEL_NAME
    versions = [software_version(), *([long_string(algorithm)] if algorithm else [])]
    item.SoftwareVersions = versions if len(versions) > 1 else versions[0]
    item.DeviceSerialNumber = long_string(installation)
    item.ContributionDateTime = date_text(moment) + time_text(moment)
    if description.strip():
        item.ContributionDescription = short_text(description)
    return item


def acquisition_equipment(source: Dataset) -> Dataset | None:
    """The item that says what acquired the source; None where the source names no manufacturer, which is Type 1 here.

    Args:
        source: An instance of the source series; what it says that is not valid is left out.
    """
    manufacturer = valid_element(source, "Manufacturer")
    if manufacturer is None:
        return None
    item = _item(str(manufacturer.value), ACQUISITION)
    for keyword in _ACQUISITION_KEYWORDS:
        element = valid_element(source, keyword)
        if element is not None:
            item.add(element)
    item.ContributionDescription = "Acquisition equipment of the source image(s)"
    return item


def _item(manufacturer: str, purpose: Code) -> Dataset:
    item = Dataset()
    item.PurposeOfReferenceCodeSequence = [code_item(purpose)]
    item.Manufacturer = manufacturer
    return item
