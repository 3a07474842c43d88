import numpy as np
import pytest
from pydicom import dcmread

from clara_stages.dicom_writer.check_segmentation import check_segmentation
from clara_stages.dicom_writer.label_map import load_label_map
from clara_stages.dicom_writer.seg import build_segmentation
from clara_stages.dicom_writer.source_series import load_source_series
from clara_stages.kit import BadInputError


@pytest.fixture
def written(build, tmp_path):
    """Path of a right segmentation, its label map and its source."""
    labels, source = build.inputs("oblique")
    label_map, series = load_label_map(labels), load_source_series(source)
    path = tmp_path / "seg.dcm"
    build_segmentation(label_map, series, build.context()).save_as(path)
    return path, label_map, series


def change(path, edit):
    dataset = dcmread(path)
    edit(dataset)
    dataset.save_as(path)


def test_a_right_segmentation_passes(written):
    assert check_segmentation(*written) == 7


def test_one_wrong_voxel_is_found(written):
    def flip_a_bit(dataset):
        pixels = bytearray(dataset.PixelData)
        pixels[0] ^= 1
        dataset.PixelData = bytes(pixels)

    change(written[0], flip_a_bit)
    with pytest.raises(BadInputError, match=r"differs from labels\.nii in 1 voxels of 648"):
        check_segmentation(*written)


def test_a_frame_that_refers_to_another_slice_is_found(written):
    def swap(dataset):
        item = dataset.PerFrameFunctionalGroupsSequence[2].DerivationImageSequence[0].SourceImageSequence[0]
        item.ReferencedSOPInstanceUID = "1.2.3.4.99"

    change(written[0], swap)
    with pytest.raises(BadInputError, match=r"frame 3 refers to 1 source instance\(s\), expected the one of slice \d"):
        check_segmentation(*written)


def test_a_frame_beside_its_slice_is_found(written):
    def move(dataset):
        plane = dataset.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0]
        plane.ImagePositionPatient = [plane.ImagePositionPatient[0] + 0.05, *plane.ImagePositionPatient[1:]]

    change(written[0], move)
    with pytest.raises(BadInputError, match=r"frame 1 .* lies 0\.0500 mm from it, at most 0\.01 mm allowed"):
        check_segmentation(*written)


@pytest.mark.parametrize("flip", [[-1, -1, -1, 1, 1, 1], [1, 1, 1, -1, -1, -1]])
def test_a_turned_segmentation_is_found(written, flip):
    def turn(dataset):
        plane = dataset.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0]
        plane.ImageOrientationPatient = list(np.multiply(plane.ImageOrientationPatient, flip).round(8))

    change(written[0], turn)
    with pytest.raises(BadInputError, match=r"frame 1 lies at slice \d of the label map's 6 and ends \d+\.\d+ voxels"):
        check_segmentation(*written)


def test_swapped_pixel_spacing_is_found(written):
    def swap(dataset):
        measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        measures.PixelSpacing = measures.PixelSpacing[::-1]

    change(written[0], swap)
    with pytest.raises(BadInputError, match="voxels off its corner"):
        check_segmentation(*written)
