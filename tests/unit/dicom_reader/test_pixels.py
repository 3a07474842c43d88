"""Decoding gives the stored values, or an error; never half an image."""

import numpy as np
import pydicom
import pytest
from pydicom import uid

from clara_stages.dicom_reader.headers.files import StudyFile
from clara_stages.dicom_reader.headers.instance import read_instance
from clara_stages.dicom_reader.pixels.format import PixelError, PixelFormat
from clara_stages.dicom_reader.pixels.stored_values import read_stored_values
from tests.support.series import ramp, set_pixels, write_ct_series

SHAPE = (48, 40, 2)
VALUES = (ramp(SHAPE) - 700).astype(np.int16)


def read(path):
    instance = read_instance(StudyFile(path=path, label="it"))
    return read_stored_values(path, instance.pixels, instance.plane.rows, instance.plane.columns)


def one_slice(folder, change):
    return write_ct_series(folder, shape=SHAPE, values=VALUES, change=lambda _k, dataset: change(dataset))[0]


@pytest.mark.parametrize(
    ("syntax", "plugin"),
    [(uid.RLELossless, "pydicom"), (uid.JPEGLSLossless, "pyjpegls"), (uid.JPEG2000Lossless, "pylibjpeg")],
)
def test_lossless_compression_gives_back_the_values(tmp_path, syntax, plugin):
    path = one_slice(
        tmp_path, lambda dataset: dataset.compress(syntax, encoding_plugin=plugin, generate_instance_uid=False)
    )
    assert (read(path) == VALUES[:, :, 0].T).all()


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16])
def test_native_values_are_signed_as_the_header_says(tmp_path, dtype):
    stored = np.array([[np.iinfo(dtype).min, 1, np.iinfo(dtype).max]], dtype=dtype)
    assert (read(one_slice(tmp_path, lambda dataset: set_pixels(dataset, stored))) == stored).all()


def with_bits(stored, bits_stored, *, signed):
    def change(dataset):
        set_pixels(dataset, np.array([stored], dtype=np.uint16))
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = bits_stored, bits_stored - 1, int(signed)

    return change


def test_signed_values_are_extended_from_the_bits_stored(tmp_path):
    path = one_slice(tmp_path, with_bits([0x0FFF, 0xFFFE, 0x07FF, 0x0800], 12, signed=True))
    assert read(path).tolist() == [[-1, -2, 2047, -2048]]


def test_values_beyond_the_bits_stored_are_refused_with_their_range(tmp_path):
    path = one_slice(tmp_path, with_bits([0, 5000], 12, signed=False))
    with pytest.raises(PixelError, match="run from 0 to 5000, which is more than the 12 bits stored"):
        read(path)


def test_an_overlay_in_unused_bits_is_taken_off(tmp_path):
    def change(dataset):
        with_bits([0x0005, 0x8005], 12, signed=False)(dataset)
        dataset.add_new(0x60000102, "US", 15)

    assert read(one_slice(tmp_path, change)).tolist() == [[5, 5]]


def cut(path, bytes_off):
    path.write_bytes(path.read_bytes()[:-bytes_off])
    return path


def test_truncated_native_pixels_are_counted(tmp_path):
    path = cut(one_slice(tmp_path, lambda dataset: None), 10)
    with pytest.raises(PixelError, match="truncated: 3830 bytes, the header needs 3840"):
        read(path)


def test_a_truncated_compressed_file_is_refused(tmp_path):
    path = cut(one_slice(tmp_path, lambda dataset: dataset.compress(uid.RLELossless)), 30)
    with pytest.raises(PixelError, match="pixel data"):
        read(path)


def test_a_codestream_without_its_end_marker_is_refused(tmp_path):
    def change(dataset):
        dataset.compress(uid.JPEG2000Lossless, encoding_plugin="pylibjpeg")
        frame = next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1))
        dataset.PixelData = pydicom.encaps.encapsulate([frame.rstrip(b"\0")[:-20]])

    path = one_slice(tmp_path, change)
    with pytest.raises(PixelError, match="its end marker is missing"):
        read(path)


def test_a_codestream_of_another_size_is_refused_before_it_is_decoded(tmp_path):
    def change(dataset):
        dataset.compress(uid.JPEG2000Lossless, encoding_plugin="pylibjpeg")
        dataset.Rows, dataset.Columns = 20, 96

    path = one_slice(tmp_path, change)
    with pytest.raises(PixelError, match="says 40 x 48, the header 20 x 96"):
        read(path)


def test_pixels_of_several_images_are_not_one_slice(tmp_path):
    def change(dataset):
        dataset.PixelData = dataset.PixelData * 2

    path = one_slice(tmp_path, change)
    with pytest.raises(PixelError, match="7680 bytes, more than one image of 3840 bytes"):
        read(path)


def test_a_damaged_rle_frame_is_refused_without_quoting_it(tmp_path):
    def change(dataset):
        dataset.compress(uid.RLELossless)
        dataset.PixelData = pydicom.encaps.encapsulate([b"\xff" * 70])

    path = one_slice(tmp_path, change)
    with pytest.raises(PixelError, match=r"transfer syntax RLE Lossless \(1.2.840.10008.1.2.5\) cannot be decoded"):
        read(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": 5}, "a multi-frame object of 5 frames"),
        ({"samples_per_pixel": 3, "photometric_interpretation": "RGB"}, "a colour image (RGB, 3 samples a pixel)"),
        ({"photometric_interpretation": "PALETTE COLOR"}, "a colour image (PALETTE COLOR"),
        ({"photometric_interpretation": "MARY JONES"}, "a colour image (of no known kind"),
        ({"pixel_element": ""}, "an object with no pixel data"),
        ({"pixel_element": "float"}, "an object with float pixel data"),
    ],
)
def test_an_image_of_another_kind_is_named(changes, message):
    pixels = PixelFormat(**{"transfer_syntax_uid": "1.2.840.10008.1.2.1"} | changes)
    assert message in pixels.find_other_kind()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bits_allocated": 32, "bits_stored": 32, "high_bit": 31}, "32 bits allocated; read are 8 and 16"),
        ({"bits_stored": 12, "high_bit": 15}, "12 bits stored of 16 with high bit 15"),
        ({"bits_stored": 17, "high_bit": 16}, "17 bits stored of 16"),
        ({"transfer_syntax_uid": "1.2.840.10008.1.2.4.51", "bits_stored": 12, "high_bit": 11}, "12-bit JPEG Extended"),
        ({"transfer_syntax_uid": "1.2.840.10008.1.2.4.100"}, "transfer syntax MPEG2 Main Profile"),
        ({"transfer_syntax_uid": "1.2.3"}, "transfer syntax without a known name"),
    ],
)
def test_a_format_that_cannot_be_read_is_named(changes, message):
    pixels = PixelFormat(**{"transfer_syntax_uid": "1.2.840.10008.1.2.1"} | changes)
    assert message in pixels.find_damage()
