import numpy as np
import pytest

from clara_stages.dicom_writer.seg.frames import PixelData


@pytest.mark.parametrize(("rows", "columns", "count"), [(4, 4, 3), (5, 3, 1), (5, 3, 7), (1, 1, 17), (7, 9, 8)])
def test_bits_follow_each_other_without_a_gap_between_frames(rows, columns, count):
    frames = np.random.default_rng(1).random((count, rows, columns)) < 0.4
    pixel_data = PixelData()
    for frame in frames:
        pixel_data.add(frame)
    value = pixel_data.to_bytes()
    bits = np.unpackbits(np.frombuffer(value, dtype=np.uint8), bitorder="little")
    np.testing.assert_array_equal(bits[: frames.size], frames.ravel())
    assert not bits[frames.size :].any()
    assert len(value) == (frames.size + 15) // 16 * 2


def test_numbers_of_16_bits_are_little_endian():
    pixel_data = PixelData()
    pixel_data.add(np.array([[258, 3]], dtype=np.uint16))
    assert pixel_data.to_bytes() == b"\x02\x01\x03\x00"


def test_an_odd_length_is_padded():
    pixel_data = PixelData()
    pixel_data.add(np.array([[1, 2, 3]], dtype=np.uint8))
    assert pixel_data.to_bytes() == b"\x01\x02\x03\x00"
