"""What is no DICOM is named in plain words, and nothing of the file or its name is repeated."""

import gzip

import pytest

from clara_stages.dicom_reader.headers.file_kinds import NEEDED_BYTES, find_other_kind, is_dicom_start

NIFTI = b"\x5c\x01\0\0".ljust(344, b"\0") + b"n+1\0"


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        (b"", "a", "an empty file"),
        (NIFTI, "Mary Jones.nii", "no DICOM: a NIfTI file"),
        (gzip.compress(NIFTI), "Mary Jones.NII.GZ", "no DICOM: a NIfTI file (.nii.gz)"),
        (gzip.compress(b"x"), "x.gz", "no DICOM: a gzip file"),
        (b"NRRD0004\n", "x", "no DICOM: an NRRD file"),
        (b"II*\0" + b"\0" * 400, "x.SVS", "no DICOM: a slide (Aperio SVS/TIFF)"),
        (b"MM\0*" + b"\0" * 400, "x", "no DICOM: a TIFF file"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 400, "x", "no DICOM: a PNG picture"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 400, "x", "no DICOM: a JPEG picture"),
        (b"%PDF-1.7", "x", "no DICOM: a PDF file"),
        (b"PK\x03\x04" + b"\0" * 200, "x", "no DICOM: a ZIP archive (or an Office document)"),
        (b'  {"patient": "Mary Jones"}', "x", "no DICOM: JSON"),
        (b"<html>", "x", "no DICOM: XML or HTML"),
        (b"Mary Jones, born 1950", "x", "no DICOM: text"),
        ("Müller, geboren 1950".encode("latin-1"), "x", "no DICOM: text"),
        (bytes(range(256)) * 2, "x", "no DICOM"),
    ],
)
def test_a_file_of_another_kind_is_named(content, name, kind):
    start = content[:NEEDED_BYTES]
    assert not is_dicom_start(start)
    assert find_other_kind(start, name) == kind
