"""Real files in every transfer syntax, against their uncompressed originals and against dcmtk."""

import subprocess

import nibabel
import numpy as np
import pytest
from pydicom import dcmread, uid

from clara_stages.dicom_reader.pixels.format import PixelError
from tests.support.data import case
from tests.support.peers import require_program
from tests.support.pixel_files import read_image, read_one

pytestmark = pytest.mark.data

LOSSY = {"JPEGLSLossy": 1, "JPEG2000Transfer": 5}
"""What the files lose, as the folder's description says."""


def test_all_transfer_syntaxes_of_one_slice_show_the_same():
    folder = case("hard-ct-transfer-syntaxes")
    original = read_one(folder / "CTImage.dcm").astype(int)
    others = [path for path in folder.glob("CTImage.dcm_*") if "Process2_4" not in path.name]
    assert len(others) == 9
    for path in others:
        allowed = next((most for name, most in LOSSY.items() if name in path.name), 0)
        assert np.abs(read_one(path) - original).max() <= allowed, path.name


def test_jpeg_extended_of_12_bits_shows_the_original_in_its_range():
    folder = case("hard-ct-transfer-syntaxes")
    (path,) = folder.glob("*Process2_4*")
    header = dcmread(path)
    original_hu = read_one(folder / "CTImage.dcm") - 1024.0
    hu = read_one(path) * float(header.RescaleSlope) + float(header.RescaleIntercept)
    inside = original_hu > -1024  # what the encoder did to the padding is its own affair
    assert np.abs(hu - original_hu)[inside].max() < 40
    assert np.std((hu - original_hu)[inside]) < 6  # of a range of 4000


@pytest.mark.peers
@pytest.mark.parametrize(
    ("pattern", "program"),
    [("*Process2_4*", "dcmdjpeg"), ("*Process14*", "dcmdjpeg"), ("*JPEGLS*", "dcmdjpls"), ("*RLE*", "dcmdrle")],
)
def test_dcmtk_decodes_the_same_values(tmp_path, pattern, program):
    paths = list(case("hard-ct-transfer-syntaxes").glob(pattern))
    assert paths
    for path in paths:
        plain = tmp_path / "plain.dcm"
        subprocess.run([require_program(program), path, plain], check=True)
        difference = np.abs(dcmread(plain).pixel_array.astype(int) - read_one(path))
        assert difference.max() <= (1 if "Process2_4" in path.name else 0), path.name  # its DCT rounds otherwise


@pytest.mark.peers
@pytest.mark.parametrize("selection_value", range(1, 8))
def test_every_predictor_of_lossless_jpeg_is_decoded(tmp_path, selection_value):
    original = case("hard-ct-transfer-syntaxes") / "CTImage.dcm"
    path = tmp_path / "compressed.dcm"
    command = [require_program("dcmcjpeg"), "+el", "+sv", str(selection_value), original, path]
    subprocess.run(command, check=True)
    assert dcmread(path).file_meta.TransferSyntaxUID == uid.JPEGLossless
    assert np.array_equal(read_one(path), read_one(original))


def test_four_compressions_of_one_series_are_equal_to_the_reference():
    folder = case("hard-compressed-mr")
    series = {
        syntax: np.stack([read_one(path) for path in sorted((folder / syntax).glob("*.dcm"))])
        for syntax in ("rle", "j2k", "jpegls", "jpeg")
    }
    assert all(np.array_equal(values, series["rle"]) for values in series.values())
    reference = np.asanyarray(nibabel.load(folder / "001_ground_truth.nii.gz").dataobj)
    assert sorted(series["rle"].ravel()) == sorted(reference.ravel())


def test_frames_of_a_multi_frame_object_are_equal_in_every_encoding():
    folder = case("hard-pydicom-data")
    names = ("emri_small", "emri_small_RLE", "emri_small_big_endian", "emri_small_jpeg_2k_lossless_too_short")
    stacks = [np.stack(read_image(folder / f"{name}.dcm")) for name in names]
    assert len(stacks[0]) == 10
    assert all(np.array_equal(stack, stacks[0]) for stack in stacks)


def test_jpeg_2000_whose_sign_the_header_gets_wrong_reads_as_in_pydicom():
    path = case("hard-pydicom") / "J2K_pixelrep_mismatch.dcm"
    assert np.array_equal(read_one(path), dcmread(path).pixel_array)


def test_deflated_and_padded_and_implicit_and_big_endian_files_read_as_in_pydicom():
    names = ("image_dfl", "MR_small", "MR_small_padded", "MR_small_implicit", "MR_small_bigendian", "CT_small")
    for name in names:
        path = case("hard-pydicom") / f"{name}.dcm"
        assert np.array_equal(read_one(path), dcmread(path).pixel_array), name


def test_truncated_pixels_are_counted():
    with pytest.raises(PixelError, match="truncated: 8130 bytes, the header needs 8192"):
        read_one(case("hard-pydicom") / "MR_truncated.dcm")
