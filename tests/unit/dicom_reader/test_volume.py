"""Slices become one array; anything doubtful about one of them refuses the whole."""

import nibabel
import numpy as np
import pytest

from clara_stages.dicom_reader.limits import Limits
from clara_stages.dicom_reader.outputs.nifti import write_nifti
from clara_stages.kit import BadInputError
from tests.support.reading import plans_of, read_volume, run_stage
from tests.support.series import SAGITTAL, ramp, uid, write_ct_series, write_series


def test_axes_are_column_row_slice_and_values_hounsfield_units(tmp_path):
    write_ct_series(tmp_path, shape=(12, 10, 6))
    volume = read_volume(tmp_path)
    assert volume.values.dtype == np.int16
    assert (volume.values == np.maximum(ramp((12, 10, 6)) - 1024, -1024)).all()
    assert volume.unit.name == "HU"
    assert [frame.instance.sop_instance_uid for frame in volume.plan.frames] == [
        uid("study", "series", k) for k in range(6)
    ]


def test_rescale_may_differ_from_slice_to_slice(tmp_path):
    def change(k, dataset):
        dataset.RescaleSlope = str(k + 0.5)

    write_series(tmp_path, modality="PT", shape=(4, 3, 3), change=change)
    volume = read_volume(tmp_path)
    assert volume.values.dtype == np.float32
    assert np.allclose(volume.values, ramp((4, 3, 3)) * np.array([0.5, 1.5, 2.5]))


def test_slices_of_whole_numbers_before_a_fraction_keep_their_values(tmp_path):
    def change(k, dataset):
        dataset.RescaleSlope = "1" if k < 2 else "0.3"

    write_series(tmp_path, modality="PT", shape=(4, 3, 3), change=change)
    assert np.allclose(read_volume(tmp_path).values, ramp((4, 3, 3)) * np.array([1, 1, 0.3]))


def test_inverted_display_does_not_invert_values(tmp_path):
    def change(_k, dataset):
        dataset.PhotometricInterpretation = "MONOCHROME1"

    write_ct_series(tmp_path / "inverted", change=change)
    write_ct_series(tmp_path / "plain")
    assert (read_volume(tmp_path / "inverted").values == read_volume(tmp_path / "plain").values).all()


def test_the_nifti_has_the_affine_in_sform_and_qform_and_equal_bytes_for_equal_input(tmp_path):
    write_ct_series(tmp_path / "in", orientation=SAGITTAL, shape=(7, 9, 5))
    (plan,) = plans_of(tmp_path / "in")
    for name in ("a.nii", "b.nii"):
        volume = write_nifti(plan, tmp_path / name, Limits())
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
    with pytest.raises(
        BadInputError, match=rf"pixels of 1 of 6 .* {uid('study', 'series', 3)}: pixel data is truncated"
    ):
        read_volume(tmp_path)


def only(k, action):
    return lambda index, dataset: action(dataset) if index == k else None


def colour(dataset):
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"


def headless(dataset):
    del dataset.PixelData


def other_modality(dataset):
    dataset.Modality = "OT"


def broken(dataset):
    dataset.add_new(0x00280008, "LO", "many")


@pytest.mark.parametrize(
    ("action", "found"),
    [
        (headless, "an object with no pixel data"),
        (other_modality, "a CT image with another Modality"),
        (broken, "a broken header"),
    ],
)
def test_one_image_that_is_no_slice_refuses_the_series(tmp_path, action, found):
    write_ct_series(tmp_path, change=only(5, action))
    message = f"1 of 6 images cannot be read; the first, {uid('study', 'series', 5)}, is {found}"
    with pytest.raises(BadInputError, match=message):
        read_volume(tmp_path)


def test_a_colour_image_of_the_series_is_no_part_of_the_volume_and_that_is_said(tmp_path):
    write_ct_series(tmp_path, change=only(5, colour))
    io, series = run_stage(tmp_path, tmp_path.with_name("out"))
    assert series["shape"] == [12, 10, 5]
    assert any("1 images of the series (colour) are no part of the volume" in warning for warning in io.warnings)


def test_a_slice_of_another_class_leaves_a_gap_that_is_named(tmp_path):
    def mr(dataset):
        dataset.SOPClassUID, dataset.Modality = "1.2.840.10008.5.1.4.1.1.4", "MR"

    write_ct_series(tmp_path, change=only(2, mr))
    with pytest.raises(BadInputError, match=r"gap between slices 2 and 3 of 5 is 5\.00 mm, .* 1 slice is missing"):
        read_volume(tmp_path)


def test_an_absurd_size_is_refused_before_memory_is_taken(tmp_path):
    def huge(_k, dataset):
        dataset.Rows = dataset.Columns = 65535

    write_ct_series(tmp_path, change=huge)
    with pytest.raises(BadInputError, match="an image of 65535 x 65535 pixels; at most 268435456 are read"):
        read_volume(tmp_path)


def test_a_size_of_nothing_is_refused(tmp_path):
    def empty(_k, dataset):
        dataset.Rows = 0

    write_ct_series(tmp_path, change=empty)
    with pytest.raises(BadInputError, match="12 x 0 x 6 voxels"):
        read_volume(tmp_path)


def test_a_file_that_vanishes_while_it_is_read_is_said(tmp_path):
    paths = write_ct_series(tmp_path)
    (plan,) = plans_of(tmp_path)
    paths[2].unlink()
    with pytest.raises(
        BadInputError, match=rf"pixels of 1 of 6 images cannot be read; the first, {uid('study', 'series', 2)}"
    ):
        write_nifti(plan, tmp_path / "volume.nii", Limits())
    assert not list(tmp_path.glob("*volume*"))


def test_the_limit_of_voxels_fits_the_memory_the_stage_asks_for():
    assert Limits().max_voxels * np.dtype(np.float32).itemsize <= 4096 * 2**20 // 2


def test_a_volume_beyond_the_limit_is_refused_before_memory_is_taken(tmp_path):
    write_ct_series(tmp_path, shape=(12, 10, 6))
    with pytest.raises(
        BadInputError, match=r"12 x 10 x 6 voxels \(columns, rows, slices\), accepted are 1 to 719 in all"
    ):
        read_volume(tmp_path, max_voxels=719)


def test_a_damaged_slice_at_the_end_is_left_out_where_the_workflow_says_so(tmp_path):
    path = write_ct_series(tmp_path)[5]
    path.write_bytes(path.read_bytes()[:-8])
    io, series = run_stage(tmp_path, tmp_path.with_name("out"), bad_files="leave_out")
    assert series["shape"] == [12, 10, 5]
    assert any("1 damaged images are left out; the first" in warning for warning in io.warnings)
    assert "truncated" in series["left_out"][0]["reason"]


def test_a_damaged_slice_inside_is_a_missing_slice_even_where_it_may_be_left_out(tmp_path):
    path = write_ct_series(tmp_path)[3]
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(BadInputError, match=r"gap between slices 3 and 4 of 5 is 5\.00 mm"):
        run_stage(tmp_path, tmp_path.with_name("out"), bad_files="leave_out")


def test_a_damaged_image_of_a_cine_is_left_out_with_its_time(tmp_path):
    def one_place(k, dataset):
        dataset.ImagePositionPatient = [0, 0, 0]
        dataset.AcquisitionNumber = k + 1

    path = write_ct_series(tmp_path, shape=(6, 5, 4), change=one_place)[2]
    path.write_bytes(path.read_bytes()[:-8])
    _, series = run_stage(tmp_path, tmp_path.with_name("out"), images=True, bad_files="leave_out")
    assert series["shape"] == [6, 5, 1, 3]
    assert series["time"] == {"attribute": "acquisition_number", "values": [1.0, 2.0, 4.0]}
    assert series["volume_facts"]["time_points"] == 3


def test_a_time_point_of_which_no_image_is_left_is_named(tmp_path):
    def time_point(t):
        def change(k, dataset):
            dataset.SeriesInstanceUID = uid("study", "dynamic")
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid("dynamic", t, k)
            dataset.TemporalPositionIdentifier, dataset.NumberOfTemporalPositions = t, 2

        return change

    paths = [
        write_series(tmp_path, modality="MR", series=f"t{t}", shape=(6, 5, 4), change=time_point(t)) for t in (1, 2)
    ]
    for path in paths[1]:
        path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(BadInputError, match="no image of time point 2 of 2 can be read"):
        run_stage(tmp_path, tmp_path.with_name("out"), volumes="4d", bad_files="leave_out")
