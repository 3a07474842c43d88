"""Character sets of a data set and its items, as PS3.3 C.12.1.1.2 has them."""

from pydicom.charset import convert_encodings, default_encoding
from pydicom.dataset import Dataset
from pydicom.valuerep import PN_DELIMS, TEXT_VR_DELIMS

DELIMITERS = TEXT_VR_DELIMS | PN_DELIMS | {ord("\\"), ord("=")}
"""After these an ISO 2022 text is in its first character set again (PS3.5 6.1.2.5.3)."""


def declared_terms(dataset: Dataset) -> list[str] | None:
    """The values of Specific Character Set; None where the attribute is absent or empty."""
    value = dataset.get("SpecificCharacterSet")
    if value is None or value == "" or value == []:
        return None
    return [value] if isinstance(value, str) else [str(term) for term in value]


def encodings_of(dataset: Dataset, inherited: list[str] | None) -> list[str]:
    """The Python encodings of the texts of a data set; an item without a character set has that around it."""
    terms = declared_terms(dataset)
    if terms is None:
        return inherited or [default_encoding]
    try:
        return list(convert_encodings(terms))
    except LookupError:
        return [default_encoding]
