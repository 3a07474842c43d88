"""Every transfer syntax gives back the values that went in."""

import io
from dataclasses import replace

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from pydicom import uid

from clara_stages.dicom_reader.limits import Limits
from clara_stages.dicom_reader.pixels.format import PixelError
from clara_stages.dicom_reader.pixels.stored_values import read_frames
from tests.support.pixel_files import (
    LOSSLESS,
    NATIVE_SYNTAXES,
    encode_j2k,
    encode_rle,
    frames_of,
    read_image,
    read_one,
    stack_of,
    write_image,
)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32])
@pytest.mark.parametrize("syntax", NATIVE_SYNTAXES)
def test_uncompressed_values_come_back_in_their_own_type(tmp_path, syntax, dtype):
    bounds = np.iinfo(dtype)
    stack = np.array([[[bounds.min, 1, bounds.max]], [[2, bounds.max, bounds.min]]], dtype)
    read = read_image(write_image(tmp_path, stack, syntax))
    assert np.array_equal(read, stack)
    assert np.asarray(read[0]).dtype == dtype


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_lossless_compression_gives_back_the_values_in_their_own_type(tmp_path, syntax):
    stacks = [stack_of(1, dtype=dtype) for dtype in (np.uint8, np.int8, np.uint16, np.int16)]
    paths = [write_image(tmp_path, stack, syntax, name=f"of-{stack.dtype}") for stack in stacks]
    frames = [frame for path in paths for frame in frames_of(path)]
    for read, stack in zip(read_frames(frames, Limits()), stacks, strict=True):
        assert np.array_equal(read, stack[0])
        assert np.asarray(read).dtype == stack.dtype


def test_rle_of_32_bits_has_four_segments_most_significant_first(tmp_path):
    stack = stack_of(1, dtype=np.int32) * 65537
    assert np.array_equal(read_one(write_image(tmp_path, stack, uid.RLELossless, encode=encode_rle)), stack[0])


def test_jpeg_of_8_bits_is_close(tmp_path):
    smooth = np.add.outer(np.arange(64), np.arange(80)).astype(np.uint8)[None]
    encode = lambda frame: imagecodecs.jpeg8_encode(frame, level=95)  # noqa: E731
    for syntax in (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit):
        read = read_one(write_image(tmp_path, smooth, syntax, encode=encode))
        assert np.abs(read.astype(int) - smooth[0]).max() <= 2


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55"])
def test_progressive_jpeg_of_old_archives_is_read(tmp_path, syntax):
    smooth = np.add.outer(np.arange(64), np.arange(80)).astype(np.uint8)[None]

    def encode(frame):
        made = io.BytesIO()
        Image.fromarray(frame).save(made, "JPEG", quality=95, progressive=True)
        return made.getvalue()

    read = read_one(write_image(tmp_path, smooth, syntax, encode=encode))
    assert np.abs(read.astype(int) - smooth[0]).max() <= 2


def test_jpeg_extended_of_12_bits_is_close(tmp_path):
    smooth = (np.add.outer(np.arange(64), np.arange(80)) * 28).astype(np.uint16)[None]

    def twelve_bits(dataset):
        dataset.BitsStored, dataset.HighBit = 12, 11

    path = write_image(
        tmp_path,
        smooth,
        uid.JPEGExtended12Bit,
        encode=lambda frame: imagecodecs.jpeg8_encode(frame, level=98, bitspersample=12),
        change=twelve_bits,
    )
    assert np.abs(read_one(path).astype(int) - smooth[0]).max() <= 8


def test_near_lossless_jpeg_ls_keeps_its_promise(tmp_path):
    stack = stack_of(1, dtype=np.uint16)
    path = write_image(
        tmp_path, stack, uid.JPEGLSNearLossless, encode=lambda frame: imagecodecs.jpegls_encode(frame, level=3)
    )
    assert np.abs(read_one(path).astype(int) - stack[0]).max() <= 3


@pytest.mark.parametrize("vr", ["OB", "OW"])
def test_bytes_of_a_big_endian_file_are_swapped_where_they_were_written_as_words(tmp_path, vr):
    stack = stack_of(3, rows=3, columns=5, dtype=np.uint8)  # an odd number of bytes a frame

    def as_vr(dataset):
        data = np.frombuffer(stack.tobytes() + b"\0", np.uint8)
        dataset.add_new("PixelData", vr, (data.reshape(-1, 2)[:, ::-1] if vr == "OW" else data).tobytes())

    path = write_image(tmp_path, stack, uid.ExplicitVRBigEndian, change=as_vr)
    assert np.array_equal(read_image(path), stack)


def test_a_file_whose_pixel_offset_is_not_known_is_searched_for_it(tmp_path):
    stack = stack_of(1)
    frames = []
    for syntax in (*NATIVE_SYNTAXES, uid.JPEG2000Lossless):
        (frame,) = frames_of(write_image(tmp_path, stack, syntax, name=f"as-{syntax}"))
        pixels = replace(frame.instance.pixels, value_offset=0, value_length=0)
        frames.append(replace(frame, instance=replace(frame.instance, pixels=pixels)))
    assert all(np.array_equal(read, stack[0]) for read in read_frames(frames, Limits()))


def with_header(bits_stored, *, signed, allocated=16):
    def change(dataset):
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = allocated, bits_stored, bits_stored - 1
        dataset.PixelRepresentation = int(signed)

    return change


def test_an_unsigned_codestream_of_a_signed_image_holds_its_bits(tmp_path):
    stack = np.array([[[0, 1, 0x0FFF, 0x0800]] * 4], np.uint16)
    encode = lambda frame: imagecodecs.jpeg2k_encode(frame, codecformat="j2k", reversible=True, bitspersample=12)  # noqa: E731
    path = write_image(tmp_path, stack, uid.JPEG2000Lossless, encode=encode, change=with_header(12, signed=True))
    assert read_one(path)[0].tolist() == [0, 1, -1, -2048]


def test_an_overlay_in_unused_bits_is_taken_off_a_lossless_image(tmp_path):
    def change(dataset):
        with_header(12, signed=False)(dataset)
        dataset.add_new(0x60000102, "US", 15)

    stack = np.array([[[0x0005, 0x8005]] * 4], np.uint16)
    assert read_one(write_image(tmp_path, stack, uid.JPEGLosslessSV1, change=change))[0].tolist() == [5, 5]


def test_a_signed_codestream_of_an_unsigned_image_is_refused_where_it_matters(tmp_path):
    change = with_header(16, signed=False)
    path = write_image(tmp_path, np.array([[[5, 6]] * 4], np.int16), uid.JPEG2000Lossless, change=change)
    assert read_one(path)[0].tolist() == [5, 6]
    path = write_image(tmp_path, np.array([[[-5, 6]] * 4], np.int16), uid.JPEG2000Lossless, change=change)
    with pytest.raises(PixelError, match="values run from -5 to 6, the header says 16 bits unsigned"):
        read_one(path)


def test_bits_whose_sign_is_unknown_are_refused(tmp_path):
    stack = np.array([[[1, 200]] * 4], np.uint8)
    change = with_header(12, signed=True)
    path = write_image(tmp_path, stack, uid.JPEG2000Lossless, encode=encode_j2k, change=change)
    with pytest.raises(PixelError, match="have 8 bits and the header says 12 signed: the sign of 200 is unknown"):
        read_one(path)


def test_more_bits_than_the_header_allocates_are_refused(tmp_path):
    change = with_header(8, signed=False, allocated=8)
    path = write_image(tmp_path, stack_of(1), uid.JPEGLSLossless, change=change)
    with pytest.raises(PixelError, match="says 16 bits a value, the header allocates 8"):
        read_one(path)


def test_more_bits_than_the_header_stores_are_refused(tmp_path):
    path = write_image(tmp_path, stack_of(1, dtype=np.uint16), uid.JPEGLSLossless, change=with_header(8, signed=False))
    with pytest.raises(PixelError, match="more than the 8 bits stored"):
        read_one(path)
