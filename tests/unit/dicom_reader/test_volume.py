"""Slices become one array; anything doubtful about one of them refuses the whole."""

import nibabel
import numpy as np
import pytest

from clara_stages.dicom_reader import volume as volume_module
from clara_stages.dicom_reader.headers.study import load_study, quiet_pydicom
from clara_stages.dicom_reader.outputs.nifti import write_nifti
from clara_stages.dicom_reader.selection import group_series
from clara_stages.dicom_reader.volume import build_volume, require_same_pixels
from clara_stages.kit import BadInputError
from tests.support.series import SAGITTAL, ramp, set_pixels, uid, write_ct_series, write_series


def volume_of(folder):
    with quiet_pydicom():
        return build_volume(group_series(load_study(folder).instances)[0].slices)


def test_axes_are_column_row_slice_and_values_hounsfield_units(tmp_path):
    write_ct_series(tmp_path, shape=(12, 10, 6))
    volume = volume_of(tmp_path)
    assert volume.values.dtype == np.int16
    assert (volume.values == np.maximum(ramp((12, 10, 6)) - 1024, -1024)).all()
    assert volume.unit == "HU"
    assert [item.sop_instance_uid for item in volume.slices] == [uid("study", "series", k) for k in range(6)]


def test_rescale_may_differ_from_slice_to_slice(tmp_path):
    def change(k, dataset):
        dataset.RescaleSlope = str(k + 0.5)

    write_series(tmp_path, modality="PT", shape=(4, 3, 3), change=change)
    volume = volume_of(tmp_path)
    assert volume.values.dtype == np.float32
    assert np.allclose(volume.values, ramp((4, 3, 3)) * np.array([0.5, 1.5, 2.5]))


def test_slices_of_whole_numbers_before_a_fraction_keep_their_values(tmp_path):
    def change(k, dataset):
        dataset.RescaleSlope = "1" if k < 2 else "0.3"

    write_series(tmp_path, modality="PT", shape=(4, 3, 3), change=change)
    assert np.allclose(volume_of(tmp_path).values, ramp((4, 3, 3)) * np.array([1, 1, 0.3]))


def test_inverted_display_does_not_invert_values(tmp_path):
    def change(_k, dataset):
        dataset.PhotometricInterpretation = "MONOCHROME1"

    write_ct_series(tmp_path / "inverted", change=change)
    write_ct_series(tmp_path / "plain")
    assert (volume_of(tmp_path / "inverted").values == volume_of(tmp_path / "plain").values).all()


def test_the_nifti_has_the_affine_in_sform_and_qform_and_equal_bytes_for_equal_input(tmp_path):
    write_ct_series(tmp_path / "in", orientation=SAGITTAL, shape=(7, 9, 5))
    volume = volume_of(tmp_path / "in")
    for name in ("a.nii", "b.nii"):
        write_nifti(volume, tmp_path / name)
    assert (tmp_path / "a.nii").read_bytes() == (tmp_path / "b.nii").read_bytes()
    image = nibabel.load(tmp_path / "a.nii")
    assert (int(image.header["sform_code"]), int(image.header["qform_code"])) == (1, 1)
    assert np.allclose(image.get_sform(), volume.grid.affine_ras, atol=1e-5)
    assert np.allclose(image.get_qform(), volume.grid.affine_ras, atol=1e-4)
    assert image.header.get_xyzt_units()[0] == "mm"
    assert image.get_data_dtype() == np.int16
    assert image.header.get_slope_inter() == (None, None)
    assert (np.asanyarray(image.dataobj) == volume.values).all()


def test_a_truncated_slice_is_named(tmp_path):
    path = write_ct_series(tmp_path)[3]
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(BadInputError, match=rf"slice 4 of 6 \({uid('study', 'series', 3)}\): pixel data is truncated"):
        volume_of(tmp_path)


def only(k, action):
    return lambda index, dataset: action(dataset) if index == k else None


def colour(dataset):
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"


def headless(dataset):
    del dataset.PixelData


def multi_frame(dataset):
    dataset.NumberOfFrames = 2


def other_modality(dataset):
    dataset.Modality = "OT"


def broken(dataset):
    dataset.add_new(0x00280008, "LO", "many")


@pytest.mark.parametrize(
    ("action", "found"),
    [
        (colour, "a colour image"),
        (headless, "an object with no pixel data"),
        (multi_frame, "a multi-frame object of 2 frames"),
        (other_modality, "a CT image with another Modality"),
        (broken, "a broken header"),
    ],
)
def test_one_image_that_is_no_slice_refuses_the_series(tmp_path, action, found):
    write_ct_series(tmp_path, change=only(5, action))
    message = f"1 of 6 images cannot be read; the first, {uid('study', 'series', 5)}, is {found}"
    with pytest.raises(BadInputError, match=message):
        volume_of(tmp_path)


def test_ct_and_mr_in_one_series_are_refused(tmp_path):
    def mr(dataset):
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"

    write_ct_series(tmp_path, change=only(1, mr))
    with pytest.raises(BadInputError, match="mixes images of CT and MR"):
        volume_of(tmp_path)


def test_an_absurd_size_is_refused_before_memory_is_taken(tmp_path):
    def huge(_k, dataset):
        dataset.Rows = dataset.Columns = 65535

    write_ct_series(tmp_path, change=huge)
    with pytest.raises(BadInputError, match=r"65535 x 65535 x 6 voxels .* accepted are 1 to 536870912"):
        volume_of(tmp_path)


def test_a_size_of_nothing_is_refused(tmp_path):
    def empty(_k, dataset):
        dataset.Rows = 0

    write_ct_series(tmp_path, change=empty)
    with pytest.raises(BadInputError, match="12 x 0 x 6 voxels"):
        volume_of(tmp_path)


def test_a_file_that_vanishes_while_it_is_read_is_said(tmp_path):
    paths = write_ct_series(tmp_path)
    slices = group_series(load_study(tmp_path).instances)[0].slices
    paths[2].unlink()
    with pytest.raises(BadInputError, match=r"slice 3 of 6 .* can no longer be read \(FileNotFoundError\)"):
        build_volume(slices)


def test_two_files_of_one_instance_must_show_the_same(tmp_path):
    write_ct_series(tmp_path / "a", shape=(4, 4, 1))
    write_ct_series(tmp_path / "b", shape=(4, 4, 1))
    write_ct_series(tmp_path / "c", shape=(4, 4, 1), change=lambda _k, ds: set_pixels(ds, np.zeros((4, 4), np.int16)))
    first, same, other = (load_study(tmp_path / name).instances[0] for name in "abc")
    require_same_pixels(first, same)
    with pytest.raises(BadInputError, match=r"have the SOP Instance UID .* and their pixels differ"):
        require_same_pixels(first, other)


def test_the_limit_of_voxels_fits_the_memory_the_stage_asks_for():
    assert volume_module.MAX_VOXELS * np.dtype(np.float32).itemsize <= 4096 * 2**20 // 2
