import json

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from clara_stages.dicom_writer.inputs.headers import HeaderReader
from clara_stages.dicom_writer.inputs.series_document import load_series_document
from clara_stages.dicom_writer.inputs.source_stack import load_source_stack
from clara_stages.dicom_writer.inputs.volume import load_volume
from clara_stages.kit import BadInputError
from tests.support.writing import on_slices, write_inputs
from tests.support.writing_sources import GEOMETRIES, ORIENTATIONS, TILT_DEGREES

SHAPE = (12, 9, 6)


@pytest.fixture
def inputs(tmp_path):
    def write(geometry="axial", **options):
        return write_inputs(tmp_path, geometry, **({"shape": SHAPE} | options))

    return write


@pytest.fixture
def source(inputs):
    """A source folder whose instances are changed after the reader has written them, without its series.json."""

    def write(change=None, geometry="axial", *, keep_document=False):
        folder = inputs(geometry)["source"]
        for index, path in enumerate(sorted(folder.glob("*.dcm"))):
            dataset = pydicom.dcmread(path)
            path.unlink()  # another name of the study's file
            if change is not None:
                change(index, dataset)
            pydicom.dcmwrite(path, dataset)
        if not keep_document:
            (folder / "series.json").unlink()
        return folder

    return write


def voxels_on_slices(source, volume):
    """The volume on the source's slices, shape ``(slices, rows, columns)``, as stored values."""
    return on_slices(source, volume.values) + 1024


def stored(source, folder):
    frames = []
    for item in source.slices:
        paths = [folder / entry["file"] for entry in json.loads((folder / "instances.json").read_text())["instances"]]
        (path,) = [p for p in paths if pydicom.dcmread(p).SOPInstanceUID == item.sop_instance_uid]
        pixels = pydicom.dcmread(path).pixel_array
        frames.append(pixels if item.frame is None else pixels[item.frame - 1])
    return np.array(frames)


@pytest.mark.parametrize("geometry", [name for name in GEOMETRIES if name not in ("projection", "tilted")])
def test_the_volume_on_each_slice_is_what_the_image_there_shows(inputs, geometry):
    folders = inputs(geometry)
    time_point = 2 if geometry == "enhanced_4d" else 0
    source = load_source_stack(folders["source"], time_point=time_point)
    volume = load_volume(folders["volume"], time_point)
    np.testing.assert_array_equal(voxels_on_slices(source, volume), stored(source, folders["source"]))
    assert (source.slices[0].frame is not None) == geometry.startswith("enhanced")


@pytest.mark.parametrize("geometry", ["axial", "oblique", "feet_first", "enhanced"])
def test_without_a_document_the_headers_say_the_same(inputs, geometry):
    folder = inputs(geometry)["source"]
    with_document = load_source_stack(folder)
    (folder / "series.json").unlink()
    without = load_source_stack(folder)
    np.testing.assert_array_equal(without.positions_lps_mm, with_document.positions_lps_mm)
    assert [item.frame for item in without.slices] == [item.frame for item in with_document.slices]


def test_spacing_is_rows_before_columns(inputs):
    source = load_source_stack(inputs("oblique")["source"])
    assert (source.row_spacing_mm, source.column_spacing_mm) == (2.25, 2.0)
    assert (source.columns, source.rows, len(source.slices)) == SHAPE
    assert source.slice_gap_mm() == pytest.approx(5.0)
    np.testing.assert_allclose([*source.row_direction, *source.column_direction], ORIENTATIONS["oblique"], atol=1e-9)
    assert source.is_oblique
    assert source.tilt_degrees == 0


def test_slices_follow_row_by_column(inputs):
    source = load_source_stack(inputs("feet_first")["source"])
    np.testing.assert_allclose(np.diff(source.positions_lps_mm[:, 2]), -5.0)


def test_a_tilted_source_keeps_its_slices_and_says_where_they_lie_in_the_volume(inputs):
    folders = inputs("tilted")
    source, volume = load_source_stack(folders["source"]), load_volume(folders["volume"], 0)
    assert source.tilt_degrees == pytest.approx(TILT_DEGREES, abs=1e-4)
    places = source.origin_index @ volume.affine_ras[:3, :3].T + volume.affine_ras[:3, 3]
    np.testing.assert_allclose(places * (-1, -1, 1), source.positions_lps_mm, atol=1e-4)
    assert on_slices(source, volume.values).shape == SHAPE[::-1]


def test_a_sheared_volume_has_the_tilt_too(tmp_path):
    folders = write_inputs(tmp_path, "tilted", shape=SHAPE, reader={"tilt": "shear"})
    source, volume = load_source_stack(folders["source"]), load_volume(folders["volume"], 0)
    assert source.origin_index is None
    assert source.tilt_degrees == pytest.approx(TILT_DEGREES, abs=1e-4)
    assert volume.affine_ras[1, 2] == pytest.approx(-5 * np.tan(np.radians(TILT_DEGREES)), abs=1e-4)


def test_a_time_point_is_chosen_and_how_many_there_are_is_told(inputs):
    folder = inputs("enhanced_4d")["source"]
    source = load_source_stack(folder, time_point=1)
    assert [item.frame for item in source.slices] == list(range(7, 13))
    assert source.time_points == 3
    with pytest.raises(BadInputError, match=r"'time_point' is 3, the source has 3 time points, 0 to 2"):
        load_source_stack(folder, time_point=3)


def test_frames_of_several_time_points_need_a_document(inputs):
    folders = inputs("enhanced_4d")
    (folders["source"] / "series.json").unlink()
    with pytest.raises(BadInputError, match=r"frame \d+ of source instance 0 and frame \d+ lie at one place"):
        load_source_stack(folders["source"])
    document = load_series_document(folders["volume"] / "series.json")
    assert load_source_stack(folders["source"], document=document, time_point=2).slices[0].frame == 13
    with pytest.raises(BadInputError, match=r"'time_point' is 1, the source has 1 time point, 0"):
        load_source_stack(folders["source"], time_point=1)


def test_several_multi_frame_instances_need_a_document(source):
    folder = source(geometry="enhanced")
    entries = json.loads((folder / "instances.json").read_text())["instances"]
    dataset = pydicom.dcmread(folder / entries[0]["file"])
    dataset.SOPInstanceUID = "1.2.3"
    pydicom.dcmwrite(folder / "other.dcm", dataset)
    entries.append({"file": "other.dcm", "sop_class_uid": "1", "sop_instance_uid": "1.2.3"})
    (folder / "instances.json").write_text(json.dumps({"instances": entries}))
    with pytest.raises(BadInputError, match=r"has 2 instances, some of them multi-frame, and no series\.json"):
        load_source_stack(folder)


@pytest.mark.parametrize("has_document", [True, False])
def test_a_projection_has_no_place_but_pixels_of_a_size(inputs, has_document):
    folder = inputs("projection")["source"]
    if not has_document:
        (folder / "series.json").unlink()
    source = load_source_stack(folder)
    assert not source.has_place
    assert source.frame_of_reference_uid == ""
    assert (source.row_spacing_mm, source.column_spacing_mm) == (2.25, 2.0)
    np.testing.assert_array_equal(source.positions_lps_mm, [[0, 0, 0]])


def test_a_source_without_a_frame_of_reference_has_a_place_of_its_own(inputs):
    source = load_source_stack(inputs("no_frame_of_reference")["source"])
    assert source.has_place
    assert source.frame_of_reference_uid == ""


def test_the_plane_of_an_enhanced_image_may_stand_per_frame_shared_or_at_the_top(source):
    def change(_, dataset):
        shared = dataset.SharedFunctionalGroupsSequence[0]
        for group in dataset.PerFrameFunctionalGroupsSequence:
            group.PlaneOrientationSequence = shared.PlaneOrientationSequence
        measures = shared.PixelMeasuresSequence[0]
        dataset.PixelSpacing = measures.PixelSpacing
        del shared.PlaneOrientationSequence, shared.PixelMeasuresSequence

    assert load_source_stack(source(change, "enhanced")).row_spacing_mm == 2.25


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID"])
def test_a_missing_type_1_uid_is_named(source, keyword):
    def change(index, dataset):
        if index == 2:
            setattr(dataset, keyword, "")

    with pytest.raises(BadInputError, match=f"source instance 2 has no {keyword}, which is Type 1"):
        load_source_stack(source(change))


@pytest.mark.parametrize(
    ("keyword", "value", "count"),
    [
        ("PixelSpacing", None, 2),
        ("PixelSpacing", [0, 1], 2),
        ("ImagePositionPatient", "", 3),
        ("ImageOrientationPatient", [1, 0, 0], 6),
        ("ImageOrientationPatient", [1, 0, 0, 1, 0, 0], 6),
        ("Rows", 0, 1),
    ],
)
def test_missing_geometry_is_named(source, keyword, value, count):
    def change(index, dataset):
        if index == 1:
            setattr(dataset, keyword, value)

    with pytest.raises(BadInputError, match=rf"source instance 1 has no usable {keyword}, expected {count} value"):
        load_source_stack(source(change))


@pytest.mark.parametrize("keep_document", [True, False])
@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"])
def test_two_series_are_not_one_source(source, keyword, keep_document):
    def change(index, dataset):
        if index == 3:
            setattr(dataset, keyword, "1.9")

    with pytest.raises(BadInputError, match=f"2 different values of {keyword}"):
        load_source_stack(source(change, keep_document=keep_document))


def test_two_orientations_are_not_one_source(source):
    def change(index, dataset):
        if index == 5:
            dataset.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]

    with pytest.raises(BadInputError, match="source instance 5 has another orientation"):
        load_source_stack(source(change))


def test_a_file_that_is_another_instance_than_listed_is_refused(source):
    def change(index, dataset):
        if index == 1:
            dataset.SOPInstanceUID = "1.2.3.4"

    with pytest.raises(BadInputError, match=r"source file 2 of 6 is another instance than instances\.json says"):
        load_source_stack(source(change))


def test_one_instance_twice_is_refused(source):
    folder = source()
    entries = json.loads((folder / "instances.json").read_text())["instances"]
    (folder / "instances.json").write_text(json.dumps({"instances": [*entries, entries[0]]}))
    with pytest.raises(BadInputError, match="two source instances have the same SOP Instance UID"):
        load_source_stack(folder)


def test_a_document_of_another_source_is_refused(inputs):
    folder = inputs()["source"]
    document = json.loads((folder / "series.json").read_text())
    document["slices"][3]["sop_instance_uid"] = "1.2.3"
    (folder / "series.json").write_text(json.dumps(document))
    with pytest.raises(BadInputError, match=r"series\.json names 1 instances that instances\.json of the source does"):
        load_source_stack(folder)


def test_a_volume_of_another_series_on_the_same_grid_is_refused(inputs):
    """A diffusion image and its ADC have one grid: values of the one must not be told of the other."""
    folders = inputs()
    path = folders["volume"] / "series.json"
    document = json.loads(path.read_text())
    for item in document["slices"][2:]:
        item["sop_instance_uid"] += ".1"
    path.unlink()  # another name of the source's file
    path.write_text(json.dumps(document))
    with pytest.raises(BadInputError, match=r"made of 6 images, 4 of which are not among the 6 of the source"):
        load_source_stack(folders["source"], document=load_series_document(path))


def test_a_frame_that_is_not_there_is_named(inputs):
    folder = inputs("enhanced")["source"]
    document = json.loads((folder / "series.json").read_text())
    document["slices"][3]["frame"] = 7
    (folder / "series.json").write_text(json.dumps(document))
    with pytest.raises(BadInputError, match=r"names frame 7 of source instance 0, which has 6 frames"):
        load_source_stack(folder)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "cannot be used: TypeError"),
        ('{"instances": []}', "names no instance"),
        ('{"instances": [{"file": "none.dcm", "sop_instance_uid": "1"}]}', r"lacks a file that .* names: 1 of 1"),
        ('{"instances": [{"file": "instances.json", "sop_instance_uid": "1"}]}', "is no DICOM file"),
        ('{"instances": [{"file": "../labels/labels.nii", "sop_instance_uid": "1"}]}', "names a file outside"),
        ('{"instances": [{"file": "../link.dcm", "sop_instance_uid": "1"}]}', "names a file outside"),
    ],
)
def test_a_bad_list_is_named(source, text, words):
    folder = source()
    (folder.parent / "link.dcm").symlink_to(folder / "000001.dcm")
    (folder / "instances.json").write_text(text)
    with pytest.raises(BadInputError, match=words):
        load_source_stack(folder)


def test_linked_files_are_read(inputs, tmp_path):
    folder = inputs()["source"]
    linked = tmp_path / "linked"
    linked.mkdir()
    for item in json.loads((folder / "instances.json").read_text())["instances"]:
        (linked / item["file"]).symlink_to(folder / item["file"])
    for name in ("instances.json", "series.json"):
        (linked / name).write_text((folder / name).read_text())
    assert len(load_source_stack(linked).slices) == 6


def test_pixels_are_not_read(inputs):
    source = load_source_stack(inputs()["source"])
    assert "PixelData" not in source.first


def test_a_deflated_header_is_read_and_bounded(source):
    def change(_, dataset):
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian

    folder = source(change)
    stack = load_source_stack(folder)
    assert len(stack.slices) == 6
    assert "PixelData" not in stack.first
    with pytest.raises(BadInputError, match=r"headers of the source are larger than 0 MiB; source file a goes beyond"):
        HeaderReader(500).read(folder / "000001.dcm", "a")


def test_a_header_beyond_the_limit_is_refused_before_it_is_read(source):
    def change(_, dataset):
        block = dataset.private_block(0x0011, "ACME", create=True)
        block.add_new(0x01, "OB", bytes(3 << 20))

    folder = source(change)
    assert isinstance(HeaderReader(4 << 20).read(folder / "000001.dcm", "a"), Dataset)
    reader = HeaderReader(4 << 20)
    reader.read(folder / "000001.dcm", "a")
    with pytest.raises(BadInputError, match=r"headers of the source are larger than 4 MiB; source file b goes beyond"):
        reader.read(folder / "000002.dcm", "b")


@pytest.mark.parametrize("keep", [300, 700])
def test_a_truncated_file_is_named(source, keep):
    folder = source()
    (folder / "000003.dcm").write_bytes((folder / "000003.dcm").read_bytes()[:keep])
    with pytest.raises(BadInputError, match=r"source (file 000003\.dcm is broken DICOM|instance 2 has no)"):
        load_source_stack(folder)
