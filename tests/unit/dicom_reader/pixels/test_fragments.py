"""Each frame is made of its own fragments, whatever an offset table says."""

import struct
from functools import partial
from itertools import product

import imagecodecs
import numpy as np
import pytest
from pydicom import encaps, uid

from clara_stages.dicom_reader.limits import Limits
from clara_stages.dicom_reader.pixels.format import PixelError
from clara_stages.dicom_reader.pixels.stored_values import read_frames
from tests.support.pixel_files import frames_of, in_fragments, item, read_image, read_one, stack_of, write_image

SYNTAXES = (uid.JPEGLosslessSV1, uid.JPEGLSLossless, uid.JPEG2000Lossless)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_frames_are_found_in_one_or_many_fragments_with_and_without_a_table(tmp_path, syntax):
    stack, frames = stack_of(4), []
    for pieces, table in product((1, 3), ("none", "true", "lying")):
        encapsulate = partial(in_fragments, pieces=pieces, table=table)
        path = write_image(tmp_path, stack, syntax, encapsulate=encapsulate, name=f"{table}{pieces}")
        frames += frames_of(path)
    assert np.array_equal(list(read_frames(frames, Limits())), np.concatenate([stack] * 6))


def test_rle_frames_are_found_by_their_number(tmp_path):
    stack = stack_of(4)
    path = write_image(tmp_path, stack, uid.RLELossless, encapsulate=lambda frames: in_fragments(frames, 1, "lying"))
    assert np.array_equal(read_image(path), stack)


@pytest.mark.parametrize("shift", [0, 6])
def test_an_extended_offset_table_is_not_needed(tmp_path, shift):
    stack = stack_of(3)

    def encapsulate(frames):
        value, offsets, lengths = encaps.encapsulate_extended(frames)
        tables.extend([struct.pack("<3Q", *(at + shift for at in struct.unpack("<3Q", offsets))), lengths])
        return value

    def add_tables(dataset):
        dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = tables

    tables = []
    path = write_image(tmp_path, stack, uid.JPEG2000Lossless, encapsulate=encapsulate, change=add_tables)
    assert np.array_equal(read_image(path), stack)


@pytest.mark.parametrize("pieces", [1, 3])
def test_missing_frames_are_named_and_the_others_read(tmp_path, pieces):
    stack = stack_of(4)
    path = write_image(
        tmp_path, stack, uid.JPEG2000Lossless, encapsulate=lambda frames: in_fragments(frames[:3], pieces, "none")
    )
    read = read_image(path)
    assert np.array_equal(read[:3], stack[:3])
    assert "truncated: it has 3 of 4 images" in str(read[3])


def test_a_file_cut_in_the_middle_keeps_its_first_frames(tmp_path):
    stack = stack_of(4)
    path = write_image(tmp_path, stack, uid.JPEGLSLossless)
    path.write_bytes(path.read_bytes()[:-200])
    read = read_image(path)
    assert np.array_equal(read[:3], stack[:3])
    assert "truncated: it has 3 of 4 images" in str(read[3])


def test_an_empty_frame_is_named_and_the_others_read(tmp_path):
    stack = stack_of(3)
    path = write_image(
        tmp_path,
        stack,
        uid.JPEG2000Lossless,
        encapsulate=lambda frames: item(b"") + item(frames[0]) + item(b"") + item(frames[2]),
    )
    read = read_image(path)
    assert np.array_equal([read[0], read[2]], [stack[0], stack[2]])
    assert str(read[1]) == "compressed pixel data is empty"


@pytest.mark.parametrize("syntax", [uid.JPEG2000Lossless, uid.RLELossless])
def test_more_images_than_frames_are_refused(tmp_path, syntax):
    path = write_image(tmp_path, stack_of(1), syntax, encapsulate=lambda frames: in_fragments(frames * 2, 1, "none"))
    with pytest.raises(PixelError, match="has 2 images, the header says 1"):
        read_one(path)


def test_fragments_before_the_first_image_are_refused(tmp_path):
    path = write_image(
        tmp_path, stack_of(1), uid.JPEG2000Lossless, encapsulate=lambda frames: item(b"") + item(b"ab") + item(*frames)
    )
    with pytest.raises(PixelError, match="does not begin as an image"):
        read_one(path)


def test_pixel_data_without_an_item_is_truncated(tmp_path):
    path = write_image(tmp_path, stack_of(1), uid.JPEG2000Lossless)
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"\xfe\xff\x00\xe0")])
    with pytest.raises(PixelError, match="without a first item"):
        read_one(path)


def test_a_codestream_inside_a_jp2_file_is_read(tmp_path):
    stack = stack_of(1)
    encode = lambda frame: imagecodecs.jpeg2k_encode(frame, codecformat="jp2", reversible=True)  # noqa: E731
    assert np.array_equal(read_one(write_image(tmp_path, stack, uid.JPEG2000Lossless, encode=encode)), stack[0])
