"""What an image is, is known before its decoder runs."""

import struct

import pytest

from clara_stages.dicom_reader.pixels.codestream import describe_codestream, unwrap_codestream

SOF3 = b"\xff\xc3" + struct.pack(">HBHHB", 11, 12, 300, 200, 1) + b"\0\0\0"


def siz(*, right=210, bottom=320, left=10, top=20, tile=(210, 320), depth=0x8B):
    numbers = struct.pack(">8I", right, bottom, left, top, *tile, 0, 0)
    return b"\xff\x4f\xff\x51" + struct.pack(">HH", 41, 0) + numbers + struct.pack(">HBBB", 1, depth, 1, 1)


def test_jpeg_says_rows_columns_and_bits_after_other_segments():
    says = describe_codestream(b"\xff\xd8" + b"\xff\xe0\x00\x04ab" + b"\xff" + SOF3)
    assert (says.rows, says.columns, says.precision, says.components, says.signed) == (300, 200, 12, 1, False)


def test_jpeg_2000_subtracts_the_offset_of_the_image_and_says_its_sign():
    says = describe_codestream(siz())
    assert (says.rows, says.columns, says.precision, says.signed) == (300, 200, 12, True)


@pytest.mark.parametrize("tile", [(0, 320), (1, 1)])
def test_jpeg_2000_of_no_tiles_or_more_than_there_can_be_makes_no_sense(tile):
    assert describe_codestream(siz(tile=tile)) is None


@pytest.mark.parametrize(
    "data",
    [b"", b"RIFF", b"\xff\xd8", b"\xff\xd8\xff", b"\xff\xd8ab\xff\xc3", b"\xff\xd8" + SOF3[:6], b"\xff\x4f\xff\x51\0"],
)
def test_data_without_a_size_has_none(data):
    assert describe_codestream(data) is None


def test_the_codestream_is_found_inside_a_jp2_file():
    boxes = b"\x00\x00\x00\x0cjP  \r\n\x87\n" + b"\x00\x00\x00\x00jp2c"
    assert unwrap_codestream(boxes + siz()) == siz()
    assert unwrap_codestream(siz()) == siz()
