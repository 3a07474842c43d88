"""Whether a text that people see names the patient."""

import re

from pydicom.dataset import Dataset

_ATTRIBUTES = ("PatientName", "PatientID", "PatientBirthDate", "AccessionNumber", "OtherPatientNames")

_SHORTEST = 4
"""Characters: a shorter value stands in any text by chance, as a number of slices or millilitres."""


def identity_in(text: str, source: Dataset) -> list[str]:
    """Keywords of the patient's attributes whose value stands in a text as words of their own.

    Args:
        text: Any.
        source: An instance of the source.
    """
    found = []
    for keyword in _ATTRIBUTES:
        try:
            value = str(source.get(keyword) or "").replace("^", " ").replace("=", " ")
        except (ValueError, LookupError):
            continue
        words = [re.escape(word) for word in value.split()]
        phrase = r"\W+".join(words)
        # Part of a UID or of a decimal number is no word of its own.
        if len("".join(words)) >= _SHORTEST and re.search(rf"(?<![\w.]){phrase}(?!\.?\w)", text, re.IGNORECASE):
            found.append(keyword)
    return found
