"""Who made a result: the Equipment module and the Contributing Equipment items."""

import datetime
from importlib.metadata import PackageNotFoundError, version

from highdicom import ContributingEquipment
from pydicom.sr.codedict import codes

from clara_stages.dicom_writer.text import long_string

MANUFACTURER = "clara-ops"
"""Names our results, here and in Contributing Equipment: dicom_adapter recognises by it what comes back to us."""

MODEL_NAME = "dicom_writer"

_SHORT_TEXT_CHARACTERS = 1024
"""Longest value of VR ST (PS3.5 6.2)."""


def software_version() -> str:
    """The installed version of this distribution."""
    try:
        return version("clara-stages")
    except PackageNotFoundError:
        return "unknown"


def contributing_equipment(
    *, algorithm: str, installation: str, description: str, moment: datetime.datetime
) -> ContributingEquipment:
    """The item that says clara-ops processed the source.

    The purpose is Processing Equipment (DCM 109102 of CID 7005): equipment that derived an object from others.

    Args:
        algorithm: Name and version of the model.
        installation: The site's name for this installation; stands as serial number.
        description: What the result is meant for, up to 1024 characters; a longer one is cut.
        moment: The date and time that the result states.
    """
    return ContributingEquipment(
        manufacturer=MANUFACTURER,
        purpose_of_reference=codes.DCM.ProcessingEquipment,
        manufacturer_model_name=MODEL_NAME,
        software_versions=[software_version(), long_string(algorithm)],
        device_serial_number=long_string(installation),
        contribution_datetime=moment,
        contribution_description=description[:_SHORT_TEXT_CHARACTERS],
    )
