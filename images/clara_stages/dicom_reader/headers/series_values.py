"""The values of one instance for the facts of its series; made once for all that say the same."""

from functools import lru_cache
from typing import Any

from clara_stages.dicom_reader.headers.elements import Element, Encoding
from clara_stages.dicom_reader.headers.header import Header
from clara_stages.dicom_reader.sop_classes import SLICE_CLASSES
from clara_stages.kit.contract.facts import SERIES_KEYWORDS, STUDY_KEYWORDS, build_series_facts, header_values

_OWN = "SOPInstanceUID"
"""What differs in each instance of a series."""

_SHARED = tuple(keyword for keyword in (*SERIES_KEYWORDS, *STUDY_KEYWORDS) if keyword != _OWN)

_READ_FROM = (*_SHARED, "SpecificCharacterSet")
"""All that the shared values depend on, beside the encoding."""


def read_series_values(header: Header) -> dict[str, Any]:
    """``header_values`` of an instance, with the modality of its SOP class where it says none.

    Raises:
        Exception: A value is of another type than ``build_series_facts`` can read.
    """
    get = header.elements.get
    shared = _shared_values(tuple(map(get, _READ_FROM)), header.encoding)
    return shared | header_values(header, (_OWN,))


@lru_cache(maxsize=64)
def _shared_values(elements: tuple[Element | None, ...], encoding: Encoding) -> dict[str, Any]:
    found: dict[str | int, Element] = {
        key: element for key, element in zip(_READ_FROM, elements, strict=True) if element is not None
    }
    header = Header(found, encoding)
    values = header_values(header, _SHARED)
    if not header.text("Modality"):
        values["Modality"] = SLICE_CLASSES.get(header.text("SOPClassUID"), "")
    build_series_facts([values])  # a value of another type must fail here, and not with its series
    return values
