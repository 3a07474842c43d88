"""Damaged and hostile pixel data gives an error in words; never half an image."""

import struct
import zlib

import imagecodecs
import numpy as np
import pytest
from pydicom import encaps, uid

from clara_stages.dicom_reader.limits import Limits
from clara_stages.dicom_reader.pixels.format import PixelError
from clara_stages.dicom_reader.pixels.stored_values import read_frames
from tests.support.pixel_files import frames_of, read_image, read_one, stack_of, write_image

MARKED = (uid.JPEGLosslessSV1, uid.JPEGLSLossless, uid.JPEG2000Lossless, uid.HTJ2KLossless)


def cut(path, bytes_off):
    path.write_bytes(path.read_bytes()[:-bytes_off])
    return path


def changed(tmp_path, syntax, edit, **options):
    """An image whose codestream went through ``edit``."""
    return write_image(
        tmp_path,
        stack_of(1),
        syntax,
        encapsulate=lambda frames: encaps.encapsulate([edit(frames[0].rstrip(b"\0"))]),
        **options,
    )


def test_truncated_native_pixels_are_counted(tmp_path):
    path = cut(write_image(tmp_path, stack_of(1), uid.ExplicitVRLittleEndian), 10)
    with pytest.raises(PixelError, match="truncated: 950 bytes, the header needs 960"):
        read_one(path)


def test_the_frames_before_a_cut_are_read(tmp_path):
    stack = stack_of(3)
    read = read_image(cut(write_image(tmp_path, stack, uid.ExplicitVRLittleEndian), 10))
    assert np.array_equal(read[:2], stack[:2])
    assert "truncated: 2870 bytes, the header needs 2880" in str(read[2])


def test_pixels_of_several_images_are_not_one(tmp_path):
    def change(dataset):
        dataset.PixelData = dataset.PixelData * 2

    path = write_image(tmp_path, stack_of(1), uid.ExplicitVRLittleEndian, change=change)
    with pytest.raises(PixelError, match="1920 bytes, more than one image of 960 bytes"):
        read_one(path)


def test_padding_behind_the_pixels_is_no_image(tmp_path):
    def change(dataset):
        dataset.PixelData += b"\0" * 958

    stack = stack_of(1)
    assert np.array_equal(read_one(write_image(tmp_path, stack, uid.ExplicitVRLittleEndian, change=change)), stack[0])


@pytest.mark.parametrize("syntax", MARKED)
def test_a_codestream_without_its_end_marker_is_refused(tmp_path, syntax):
    with pytest.raises(PixelError, match="its end marker is missing"):
        read_one(changed(tmp_path, syntax, lambda data: data[:-20]))


@pytest.mark.parametrize("syntax", [uid.JPEGLosslessSV1, uid.JPEGLSLossless, uid.JPEG2000Lossless])
def test_data_missing_before_the_end_marker_is_refused(tmp_path, syntax):
    with pytest.raises(PixelError, match=r"compressed pixel data (is truncated or damaged|cannot be decoded)"):
        read_one(changed(tmp_path, syntax, lambda data: data[:-22] + data[-2:]))


def test_data_missing_from_a_lossy_jpeg_is_refused(tmp_path):
    noise = np.random.default_rng(1).integers(0, 4096, (1, 32, 32)).astype(np.uint16)

    def encode(frame):
        whole = imagecodecs.jpeg8_encode(frame, level=90, bitspersample=12)
        return whole[:-30] + whole[-2:]

    path = write_image(tmp_path, noise, uid.JPEGExtended12Bit, encode=encode)
    with pytest.raises(PixelError, match="data is missing before its end marker"):
        read_one(path)


@pytest.mark.parametrize("syntax", MARKED)
def test_garbage_behind_the_end_marker_changes_nothing(tmp_path, syntax):
    assert np.array_equal(read_one(changed(tmp_path, syntax, lambda data: data + b"garbage " * 9)), stack_of(1)[0])


@pytest.mark.parametrize("syntax", MARKED)
def test_a_codestream_of_another_size_is_refused_before_it_is_decoded(tmp_path, syntax):
    def change(dataset):
        dataset.Rows, dataset.Columns = 10, 48

    with pytest.raises(PixelError, match="says 20 x 24, the header 10 x 48"):
        read_one(write_image(tmp_path, stack_of(1), syntax, change=change))


def test_a_codestream_in_colour_is_refused(tmp_path):
    colour = lambda _frame: imagecodecs.jpeg8_encode(np.zeros((20, 24, 3), np.uint8))  # noqa: E731
    path = write_image(tmp_path, stack_of(1, dtype=np.uint8), uid.JPEGBaseline8Bit, encode=colour)
    with pytest.raises(PixelError, match="says 3 samples a pixel, the header 1"):
        read_one(path)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda data: b"\xff" * 70, "says 4294967295 segments, the header needs 2"),
        (lambda data: data[:-30], "cannot be decoded"),
        (lambda data: data[:30], "shorter than an RLE header"),
        (lambda data: struct.pack("<I", 3) + data[4:], "says 3 segments, the header needs 2"),
        (lambda data: data[:8] + struct.pack("<I", 1 << 30) + data[12:], "its segments do not follow each other"),
        (lambda data: data + b"\x81\x00" * 5000, "cannot be decoded"),
    ],
    ids=["no header", "cut", "half a header", "another segment", "an offset beyond", "expands"],
)
def test_a_damaged_rle_frame_is_refused(tmp_path, edit, message):
    with pytest.raises(PixelError, match=message):
        read_one(changed(tmp_path, uid.RLELossless, edit))


def test_a_codestream_far_larger_than_its_image_is_refused(tmp_path):
    path = changed(tmp_path, uid.JPEGLosslessSV1, lambda data: data[:-2] + b"\0" * (2 << 20) + data[-2:])
    with pytest.raises(PixelError, match="for an image of 960 bytes"):
        read_one(path)


def test_compressed_data_of_an_uncompressed_transfer_syntax_is_refused(tmp_path):
    path = write_image(tmp_path, stack_of(1), uid.JPEGLosslessSV1)
    data = path.read_bytes()
    at = data.index(b"1.2.840.10008.1.2.4.70")
    path.write_bytes(data[:at] + b"1.2.840.10008.1.2.1".ljust(22, b"\0") + data[at + 22 :])
    with pytest.raises(PixelError, match="encapsulated, which does not agree with its transfer syntax Explicit VR"):
        read_one(path)


def test_uncompressed_data_of_a_compressed_transfer_syntax_is_refused(tmp_path):
    def relabel(dataset):
        dataset.PixelData = stack_of(1).tobytes()
        dataset["PixelData"].is_undefined_length = False

    path = write_image(tmp_path, stack_of(1), uid.ExplicitVRLittleEndian, change=relabel)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0", 1))
    with pytest.raises(PixelError, match="not encapsulated, which does not agree with its transfer syntax RLE"):
        read_one(path)


def test_a_deflated_bomb_is_not_inflated(tmp_path):
    path = write_image(tmp_path, stack_of(1), uid.DeflatedExplicitVRLittleEndian)
    frames = frames_of(path)
    data = path.read_bytes()
    start = data.index(b"1.2.840.10008.1.2.1.99") + 22
    at = next(at for at in range(start, len(data)) if _inflates(data[at:]))
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    plain = zlib.decompress(data[at:], -zlib.MAX_WBITS)
    path.write_bytes(data[:at] + packer.compress(plain + b"\0" * (3 << 20)) + packer.flush())
    (read,) = read_frames(frames, Limits(max_header_mib=1))
    assert "the deflated file holds more than the 1049536 bytes" in str(read)


def _inflates(data):
    try:
        return len(zlib.decompress(data, -zlib.MAX_WBITS)) > 900
    except zlib.error:
        return False


def test_an_image_beyond_the_limits_is_not_read(tmp_path):
    frames = frames_of(write_image(tmp_path, stack_of(2), uid.ExplicitVRLittleEndian))
    for limits, text in (
        (Limits(max_frame_pixels=479), "20 x 24 pixels are more than the 479"),
        (Limits(max_frames=1), "2 frames; accepted are 1 to 1"),
    ):
        assert all(text in str(error) for error in read_frames(frames, limits))


def test_a_file_that_is_gone_or_changed_is_named_by_what_happened(tmp_path):
    path = write_image(tmp_path, stack_of(1), uid.ExplicitVRLittleEndian)
    frames = frames_of(path)
    path.write_bytes(b"\0" * 5000)
    assert "the file has changed meanwhile" in str(*read_frames(frames, Limits()))
    path.unlink()
    assert "cannot be opened (FileNotFoundError)" in str(*read_frames(frames, Limits()))
