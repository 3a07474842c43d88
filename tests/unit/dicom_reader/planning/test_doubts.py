"""What a person is told about a volume that is read all the same."""

from clara_stages.dicom_reader.planning.doubts import find_doubts
from tests.support.reading import plans_of, run_stage
from tests.support.series import uid, write_ct_series, write_series


def doubts_of(folder, **params):
    (plan,) = plans_of(folder, **params)
    return find_doubts(plan)


def test_a_sound_volume_leaves_no_doubt(tmp_path):
    write_ct_series(tmp_path, shape=(4, 4, 4))
    assert doubts_of(tmp_path) == []


def test_three_slices_are_few(tmp_path):
    write_ct_series(tmp_path, shape=(4, 4, 3))
    assert doubts_of(tmp_path) == [
        "the volume has 3 slices: that none is missing cannot be seen from so few",
    ]


def test_a_resampled_volume_says_so_with_the_reason(tmp_path):
    def lean(k, dataset):
        x, y, z = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [x, float(y) + 0.5 * k, z]

    write_ct_series(tmp_path, change=lean)
    (doubt,) = doubts_of(tmp_path)
    assert doubt.startswith("the volume is resampled, its slices are not those of the scanner: ")
    assert "tilted gantry" in doubt
    assert doubts_of(tmp_path, tilt="shear") == []


def test_lossy_images_are_counted(tmp_path):
    def change(k, dataset):
        dataset.LossyImageCompression = "01" if k < 2 else "00"

    write_ct_series(tmp_path, change=change)
    assert doubts_of(tmp_path) == ["2 of 6 images were compressed with loss"]


def test_damaged_images_that_are_left_out_are_counted_and_the_first_is_named(tmp_path):
    paths = write_ct_series(tmp_path / "in")
    for path in (paths[0], paths[5]):
        path.write_bytes(path.read_bytes()[:-20])
    io, series = run_stage(tmp_path / "in", tmp_path / "out", bad_files="leave_out")
    doubt = next(text for text in io.warnings if "damaged images" in text)
    assert doubt.startswith(f"2 damaged images are left out; the first, {uid('study', 'series', 0)}: ")
    assert series["shape"] == [12, 10, 4]


def test_images_beside_the_volume_in_its_series_are_told(tmp_path):
    def localizer(_k, dataset):
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid("localizer")

    write_ct_series(tmp_path / "in" / "a")
    write_ct_series(
        tmp_path / "in" / "b", shape=(12, 10, 1), orientation=(1, 0, 0, 0, 0, -1), origin_lps_mm=(-20, 0, 60),
        change=localizer,
    )  # fmt: skip
    io, _ = run_stage(tmp_path / "in", tmp_path / "out")
    (told,) = (text for text in io.warnings if "are no part of the volume" in text)
    assert told.startswith("1 images of the series (")


def test_time_points_that_hold_the_volume_are_no_strangers_to_it(tmp_path):
    def time_point(t):
        def change(k, dataset):
            dataset.SeriesInstanceUID = uid("study", "dynamic")
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid("dynamic", t, k)
            dataset.TemporalPositionIdentifier, dataset.NumberOfTemporalPositions = t, 2

        return change

    for t in (1, 2):
        origin = (t * 0.5, 0, 0)  # the patient moved
        write_series(tmp_path / "in", modality="MR", series=f"t{t}", origin_lps_mm=origin, change=time_point(t))
    rule = "volume.time_point == 1 && volume.time_points == 2"
    io, series = run_stage(tmp_path / "in", tmp_path / "out", select=rule)
    assert series["shape"] == [12, 10, 6]
    assert series["affine_lps"][0][3] == 1.0
    assert not [text for text in io.warnings if "no part of the volume" in text]
