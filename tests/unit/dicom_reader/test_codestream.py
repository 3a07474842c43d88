"""The size of an image is known before its decoder runs."""

import struct

import pytest

from clara_stages.dicom_reader.pixels.codestream import frame_size

SOF3 = b"\xff\xc3" + struct.pack(">HBHHB", 11, 12, 300, 200, 1) + b"\0\0\0"


def test_jpeg_says_rows_and_columns_after_other_segments():
    assert frame_size(b"\xff\xd8" + b"\xff\xe0\x00\x04ab" + b"\xff" + SOF3) == (300, 200)


def test_jpeg_2000_subtracts_the_offset_of_the_image():
    assert frame_size(b"\xff\x4f\xff\x51" + struct.pack(">HH4I", 41, 0, 210, 320, 10, 20)) == (300, 200)


@pytest.mark.parametrize(
    "data",
    [b"", b"RIFF", b"\xff\xd8", b"\xff\xd8\xff", b"\xff\xd8ab\xff\xc3", b"\xff\xd8" + SOF3[:6], b"\xff\x4f\xff\x51\0"],
)
def test_data_without_a_size_has_none(data):
    assert frame_size(data) is None
