import json
import struct

import nibabel
import numpy as np
import pytest
from pydicom.uid import JPEG2000Lossless, RLELossless

from tests.support.reading import run_stage
from tests.support.series import ramp, uid, write_ct_series, write_enhanced_series, write_series


def test_the_header_says_scanner_millimetres_and_no_scaling(tmp_path):
    write_ct_series(tmp_path / "in", orientation=(0, 1, 0, 0, 0, -1))
    _, series = run_stage(tmp_path / "in", tmp_path / "out")
    image = nibabel.load(tmp_path / "out" / "volume" / "volume.nii")
    header = image.header
    raw = (tmp_path / "out" / "volume" / "volume.nii").read_bytes()
    assert (raw[344:352], struct.unpack_from("<f", raw, 108)) == (b"n+1\0" + bytes(4), (352.0,))
    assert struct.unpack_from("<2f", raw, 112) == (1.0, 0.0)  # scl_slope, scl_inter
    assert len(raw) == 352 + 2 * 12 * 10 * 6
    assert (header["sform_code"].item(), header["qform_code"].item()) == (1, 1)
    assert header.get_xyzt_units()[0] == "mm"
    assert header.get_data_dtype() == np.int16
    np.testing.assert_allclose(image.affine, series["affine_ras"], atol=1e-5)
    np.testing.assert_allclose(header.get_qform(), series["affine_ras"], atol=1e-4)
    np.testing.assert_array_equal(np.asarray(image.dataobj), ramp((12, 10, 6)) - 1024)


def test_time_points_are_the_fourth_axis_and_their_values_are_told(tmp_path):
    write_enhanced_series(tmp_path / "in", times=3)
    io, series = run_stage(tmp_path / "in", tmp_path / "out", volumes="4d")
    image = nibabel.load(tmp_path / "out" / "volume" / "volume.nii")
    assert image.shape == (12, 10, 6, 3) == tuple(series["shape"])
    np.testing.assert_array_equal(np.asarray(image.dataobj)[..., 2], ramp((12, 10, 6)) + 2)
    assert (len(series["time"]["values"]), io.metrics["time_points"]) == (3, 3)
    assert [(item["t"], item["k"]) for item in series["slices"]][5:8] == [(0, 5), (1, 0), (1, 1)]


def test_a_fraction_makes_float32(tmp_path):
    write_ct_series(tmp_path / "in", change=lambda _k, dataset: setattr(dataset, "RescaleSlope", "0.5"))
    run_stage(tmp_path / "in", tmp_path / "out")
    image = nibabel.load(tmp_path / "out" / "volume" / "volume.nii")
    assert image.get_data_dtype() == np.float32
    np.testing.assert_array_equal(np.asarray(image.dataobj), ramp((12, 10, 6)) * 0.5 - 1024)


def test_an_image_without_a_place_is_a_slice_with_no_place(tmp_path):
    def change(_k, dataset):
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
        dataset.Modality = "CR"
        dataset.ImagerPixelSpacing = ["0.2", "0.1"]
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleType"):
            delattr(dataset, keyword)

    write_ct_series(tmp_path / "in", shape=(12, 10, 1), change=change)
    io, series = run_stage(tmp_path / "in", tmp_path / "out", images=True)
    header = nibabel.load(tmp_path / "out" / "volume" / "volume.nii").header
    assert (series["patient_space"], series["shape"], series["spacing_mm"]) == (False, [12, 10, 1], [0.1, 0.2, 1.0])
    assert header["qform_code"].item() == 0
    assert "the images have no place in the patient" in io.warnings


def test_a_pixel_spacing_of_0_gives_way_to_that_of_the_detector(tmp_path):
    def change(_k, dataset):
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
        dataset.PixelSpacing, dataset.ImagerPixelSpacing = ["0.000", "0.000"], ["0.2", "0.1"]

    write_ct_series(tmp_path / "in", shape=(12, 10, 1), change=change)
    series = run_stage(tmp_path / "in", tmp_path / "out", images=True)[1]
    assert (series["patient_space"], series["spacing_mm"]) == (False, [0.1, 0.2, 1.0])


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_compressed_files_give_the_same_bytes_in_any_order_and_again(tmp_path, syntax):
    def change(_k, dataset):
        dataset.PixelRepresentation = 0
        dataset.compress(syntax, generate_instance_uid=False)

    paths = write_series(tmp_path / "a", modality="MR", shape=(64, 64, 6), change=change)
    (tmp_path / "b").mkdir()
    for number, path in enumerate(reversed(paths)):
        (tmp_path / "b" / f"x{number}").write_bytes(path.read_bytes())
    for study, output in (("a", "one"), ("b", "two"), ("a", "three")):
        run_stage(tmp_path / study, tmp_path / output)
    names = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert len(names) == 10
    for name in names:
        first, *others = ((tmp_path / output / name).read_bytes() for output in ("one", "two", "three"))
        assert all(first == other for other in others), name


def test_slices_name_the_frame_of_a_multi_frame_instance(tmp_path):
    write_enhanced_series(tmp_path / "in")
    run_stage(tmp_path / "in", tmp_path / "out")
    series = json.loads((tmp_path / "out" / "volume" / "series.json").read_text())
    assert [item["frame"] for item in series["slices"]] == [1, 2, 3, 4, 5, 6]
    assert {item["sop_instance_uid"] for item in series["slices"]} == {uid("study", "series", 0)}
