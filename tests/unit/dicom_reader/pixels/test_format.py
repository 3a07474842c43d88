"""What cannot be read is named by what the header says, before a file is opened."""

import pytest

from clara_stages.dicom_reader.pixels.format import PixelFormat

NATIVE = {"transfer_syntax_uid": "1.2.840.10008.1.2.1"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"samples_per_pixel": 3, "photometric_interpretation": "RGB"}, "a colour image (RGB, 3 samples a pixel)"),
        ({"photometric_interpretation": "PALETTE COLOR"}, "a colour image (PALETTE COLOR"),
        ({"photometric_interpretation": "MARY JONES"}, "a colour image (of no known kind"),
        ({"pixel_element": ""}, "an object with no pixel data"),
        ({"pixel_element": "", "photometric_interpretation": ""}, "an object with no pixel data"),
        ({"pixel_element": "float"}, "an object with float pixel data"),
    ],
)
def test_an_image_of_another_kind_is_named(changes, message):
    assert message in PixelFormat(**NATIVE | changes).find_other_kind()


def test_an_image_of_many_frames_is_of_the_right_kind():
    assert PixelFormat(**NATIVE, frames=300).find_other_kind() == ""


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bits_allocated": 1, "bits_stored": 1, "high_bit": 0}, "1 bits allocated; read are 8, 16 and 32"),
        ({"bits_allocated": 12, "bits_stored": 12, "high_bit": 11}, "12 bits allocated"),
        ({"bits_allocated": 64, "bits_stored": 64, "high_bit": 63}, "64 bits allocated"),
        ({"bits_stored": 12, "high_bit": 15}, "12 bits stored of 16 with high bit 15"),
        ({"bits_stored": 17, "high_bit": 16}, "17 bits stored of 16"),
        ({"transfer_syntax_uid": "1.2.840.10008.1.2.4.100"}, "transfer syntax MPEG2 Main Profile"),
        ({"transfer_syntax_uid": "1.2.3"}, "transfer syntax without a known name"),
    ],
)
def test_a_format_that_cannot_be_read_is_named(changes, message):
    assert message in PixelFormat(**NATIVE | changes).find_damage()
