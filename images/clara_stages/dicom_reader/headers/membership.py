"""What an instance says about the whole that it belongs to: its patient, its concatenation, its series."""

import hashlib
from dataclasses import dataclass

from clara_stages.dicom_reader.headers.elements import BrokenElementError
from clara_stages.dicom_reader.headers.header import Header
from clara_stages.dicom_reader.sop_classes import SLICE_CLASSES

_DIGEST_LENGTH = 16
"""Hexadecimal digits: enough to tell the patients of a study apart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Membership:
    """The whole that an instance says it is a part of; "" or 0 where it does not say it.

    Attributes:
        patient: A digest of Patient ID, to compare within one run only: what it was made of can be guessed.
        concatenation_uid: Concatenation UID (PS3.3 C.7.6.16.2.2.4): several objects are one.
        concatenation_number: Which of them this is, from 1.
        concatenation_total: How many there are.
        series_slices: Number of Slices of a classic PET series (PS3.3 C.8.9.1).
    """

    patient: str = ""
    concatenation_uid: str = ""
    concatenation_number: int = 0
    concatenation_total: int = 0
    series_slices: int = 0


def read_membership(header: Header) -> Membership:
    """The membership that a header states; nothing where those elements are broken."""
    try:
        patient = header.text("PatientID").strip()
        is_classic_pet = SLICE_CLASSES.get(header.text("SOPClassUID")) == "PT" and "SeriesType" in header
        return Membership(
            patient=hashlib.sha256(patient.encode()).hexdigest()[:_DIGEST_LENGTH] if patient else "",
            concatenation_uid=header.text("ConcatenationUID"),
            concatenation_number=int(header.number("InConcatenationNumber") or 0),
            concatenation_total=int(header.number("InConcatenationTotalNumber") or 0),
            series_slices=int(header.number("NumberOfSlices") or 0) if is_classic_pet else 0,
        )
    except (BrokenElementError, ValueError, OverflowError):
        return Membership()
