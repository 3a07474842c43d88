"""The PET facts of a header, its values made by pydicom: they are of every type and depth."""

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from clara_stages.dicom_reader.headers.header import Header
from clara_stages.dicom_reader.headers.tags import VRS, WANTED
from clara_stages.dicom_reader.quiet_pydicom import quiet_pydicom
from clara_stages.dicom_reader.values.pet_elements import read_pet_header
from clara_stages.dicom_reader.values.pet_header import PET_TAGS, PetHeader


def read_pet(header: Header) -> PetHeader | None:
    """What the header of a PET image says about dose, decay and time; None of another image."""
    elements: dict[BaseTag, DataElement | RawDataElement] = {}
    for tag in PET_TAGS:
        found = header.elements.get(WANTED[tag])
        if found is not None:
            elements[BaseTag(tag)] = _raw_element(tag, *found, header)
    with quiet_pydicom():
        return read_pet_header(Dataset(elements))


def _raw_element(tag: int, vr: bytes, value: bytes, header: Header) -> RawDataElement:
    """An element for pydicom, which makes its value when it is asked for."""
    name = vr.decode("ascii", "replace") or VRS.get(WANTED[tag]) or None
    return RawDataElement(
        tag=BaseTag(tag),
        VR=name,
        length=len(value),
        value=value,
        value_tell=0,
        is_implicit_VR=header.encoding.implicit,
        is_little_endian=header.encoding.little,
    )
