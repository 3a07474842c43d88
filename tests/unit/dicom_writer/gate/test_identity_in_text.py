"""Whether a text names the patient."""

import pytest
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.gate.identity_in_text import identity_in


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Report of Anna Müller", []),
        ("Report of Müller, Anna", ["PatientName"]),
        ("MÜLLER ANNA", ["PatientName"]),
        ("patient 4711-0815.", ["PatientID"]),
        ("patient 4711-0815 was seen", ["PatientID"]),
        ("1.2.4711-0815.3", []),
        ("born 19600229", ["PatientBirthDate"]),
    ],
)
def test_identity_is_found_as_words_of_their_own(text, found):
    source = Dataset()
    source.PatientName, source.PatientID, source.PatientBirthDate = "Müller^Anna", "4711-0815", "19600229"
    assert identity_in(text, source) == found
