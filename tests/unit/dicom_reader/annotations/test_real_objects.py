"""Objects of real programs against the masks that come with them."""

import json
import subprocess
from pathlib import Path

import highdicom
import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from highdicom.sr import CodedConcept
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless

from clara_stages.dicom_reader.annotations.match import Verdict, describe_missing_source, match
from clara_stages.dicom_reader.annotations.read import read_segments
from clara_stages.dicom_reader.annotations.target_grid import SourceSlice, TargetGrid
from clara_stages.dicom_reader.limits import Limits
from clara_stages.kit import BadInputError
from clara_stages.kit.contract.kinds import Kind
from tests.support.data import case
from tests.support.peers import require_program
from tests.support.series import uid
from tests.unit.dicom_reader.annotations.grids import annotation_of, dice, grid_of

pytestmark = pytest.mark.data

LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def on_grid(image: sitk.Image, grid: TargetGrid) -> np.ndarray:
    """The labels of an image ``[i, j, k]`` with the grid's geometry, whichever way it runs."""
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return move(sitk.GetArrayFromImage(image).transpose(2, 1, 0), affine, grid)


def move(labels: np.ndarray, affine_lps: np.ndarray, grid: TargetGrid) -> np.ndarray:
    """Labels of an image that covers whole slices of the grid, or part of them."""
    to_grid = np.linalg.inv(grid.affine_lps) @ affine_lps
    voxels = np.argwhere(labels != 0)
    index = voxels @ to_grid[:3, :3].T + to_grid[:3, 3]
    assert np.abs(index - np.rint(index)).max() < 0.05
    moved = np.zeros(grid.shape, labels.dtype)
    moved[tuple(np.rint(index).astype(int).T)] = labels[tuple(voxels.T)]
    return moved


def series(folder: Path) -> TargetGrid:
    return grid_of(sorted(folder.iterdir()))


@pytest.mark.parametrize(
    ("modality", "least", "instances"), [("CT", 0.99, 179), ("MR_T1", 0.98, 88), ("PET", 0.94, 179)]
)
def test_the_contours_of_a_study_give_its_masks_although_their_references_are_wrong(modality, least, instances):
    folder = case("ct-mr-pet-rtstruct")
    grid = series(folder / modality / "image")
    annotation = annotation_of(folder / modality / "rtstruct" / "RS.dcm")
    found = match(annotation, grid)
    assert found.verdict is Verdict.SERIES
    assert found.reason == (
        f"refers to {instances} instances that are not in the series; taken because Frame of Reference and geometry "
        "agree"
    )
    reference = nibabel.load(folder / "nifti" / f"{modality}_mask.nii.gz")
    expected = move(np.asarray(reference.dataobj), LPS_FROM_RAS @ reference.affine, grid)
    assert dice(read_segments(annotation, grid, Limits()).values, expected) >= least


def test_two_overlapping_regions_on_an_oblique_stack_become_a_stack_of_segments():
    folder = case("mr-rtstruct")
    grid, annotation = series(folder / "image"), annotation_of(folder / "rtstruct" / "1-1.dcm")
    assert match(annotation, grid).reason == "refers to 40 of the 40 instances of the series"
    with pytest.raises(BadInputError, match="256115 voxels are in several of the segments 1, 2"):
        read_segments(annotation, grid, Limits())
    stack = read_segments(annotation, grid, Limits(), Kind.SEGMENT_STACK)
    mass, oedema = stack.values[..., 0, 0] != 0, stack.values[..., 0, 1] != 0
    assert [int(mask.any(axis=(0, 1)).sum()) for mask in (mass, oedema)] == [20, 32]
    assert not (mass & ~oedema).any()


def test_a_liver_equals_the_label_volume_it_was_made_from():
    folder = case("ct-seg-liver")
    grid, annotation = series(folder / "ct"), annotation_of(folder / "seg" / "liver.dcm")
    assert match(annotation, grid).verdict is Verdict.INSTANCES
    expected = on_grid(sitk.ReadImage(folder / "labels" / "liver_seg.nrrd"), grid)
    found = read_segments(annotation, grid, Limits())
    assert np.array_equal(found.values, expected)
    assert found.labels[0].facts.colour_rgb == (221, 130, 101)


def test_overlapping_segments_equal_the_three_label_volumes_they_were_made_from():
    folder = case("ct-seg-liver")
    grid, annotation = series(folder / "ct"), annotation_of(folder / "seg" / "partial_overlaps.dcm")
    with pytest.raises(BadInputError, match="3106 voxels are in several of the segments 1, 2, 3"):
        read_segments(annotation, grid, Limits())
    stack = read_segments(annotation, grid, Limits(), Kind.SEGMENT_STACK)
    channels = {label.value: stack.values[..., 0, place] for place, label in enumerate(stack.labels)}
    seen = set()
    for number in (1, 2, 3):
        expected = on_grid(sitk.ReadImage(folder / "labels" / f"partial_overlaps-{number}.nrrd"), grid)
        for value in np.unique(expected)[1:].tolist():
            assert np.array_equal(channels[value] != 0, expected == value)
            seen.add(value)
    assert seen == {1, 2, 3, 4, 5}


def test_bits_across_frames_equal_the_label_volume_on_the_slices_and_on_the_enhanced_image():
    folder = case("seg-bit-packing")
    grid, annotation = series(folder / "image"), annotation_of(folder / "seg" / "label.seg")
    expected = on_grid(sitk.ReadImage(folder / "nrrd" / "label.nrrd"), grid)
    assert np.array_equal(read_segments(annotation, grid, Limits()).values, expected)
    enhanced = _renamed(grid, "1.2.3", [SourceSlice("1.2.4", k + 1, old.position_lps_mm)
                                        for k, old in enumerate(grid.slices)])  # fmt: skip
    assert match(annotation, enhanced).verdict is Verdict.GEOMETRY
    assert np.array_equal(read_segments(annotation, enhanced, Limits()).values, expected)


@pytest.mark.parametrize(("name", "padding"), [("noppv", 0), ("ppv5", 5)])
def test_a_sparse_label_map_equals_its_label_volume_with_padding_as_background(name, padding):
    folder = case("seg-bit-packing") / "labelmap"
    image = sitk.ReadImage(folder / f"sparse_labelmap_{name}_seg.nrrd")
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = np.diag(image.GetSpacing()), image.GetOrigin()
    positions = [tuple((affine @ [0, 0, k, 1])[:3].tolist()) for k in range(image.GetSize()[2])]
    annotation = annotation_of(folder / f"sparse-labelmap-{name}.dcm")
    grid = TargetGrid(
        shape=image.GetSize(),
        affine_lps=affine,
        frame_of_reference_uid=annotation.frame_of_reference_uids[0],
        study_instance_uid="1.2.3",
        series_instance_uid="1.2.3.4",
        slices=tuple(SourceSlice(f"1.2.3.4.{k}", None, position) for k, position in enumerate(positions)),
    )
    expected = sitk.GetArrayFromImage(image).transpose(2, 1, 0)
    assert np.array_equal(read_segments(annotation, grid, Limits()).values, np.where(expected == padding, 0, expected))


def _renamed(grid: TargetGrid, series_uid: str, slices) -> TargetGrid:
    return TargetGrid(
        shape=grid.shape, affine_lps=grid.affine_lps, frame_of_reference_uid=grid.frame_of_reference_uid,
        study_instance_uid=grid.study_instance_uid, series_instance_uid=series_uid, slices=tuple(slices),
    )  # fmt: skip


def test_a_seg_whose_images_are_not_in_the_study_says_which_they_are():
    annotation = annotation_of(case("sr-rwv-orphan-seg") / "seg.dcm")
    other = series(case("ct-seg-liver") / "ct")
    assert match(annotation, other).reason == (
        "refers to 13 instances that are not in the series, and has another Frame of Reference"
    )
    assert describe_missing_source(annotation).startswith("refers to 13 instances of 1 series (1.3.6.1.4.1.14519.5.2.1")


@pytest.mark.parametrize(
    ("name", "words", "voxels"),
    [
        ("rt.dcm", "its Frame of Reference UID is another one: taken because instances and geometry agree", [1443]),
        ("invalid_reference_rt.dcm", "and to 3 that are not in it", [4976, 3697, 4519, 6954]),
        ("non_existent_reference_rt.dcm", "and to 1 that are not in it", [4976, 3697, 4519, 6954]),
    ],
)
def test_partly_wrong_references_are_said_and_the_contours_read(name, words, voxels):
    folder = case("hard-rtstruct-references")
    grid, annotation = grid_of(sorted(folder.glob("ct_*.dcm"))), annotation_of(folder / name)
    found = match(annotation, grid)
    assert found.verdict is Verdict.INSTANCES
    assert words in found.reason
    segments = read_segments(annotation, grid, Limits())
    assert [label.voxels for label in segments.labels] == voxels


def test_a_fractional_seg_becomes_probabilities_on_the_slices_of_its_frames():
    annotation = annotation_of(case("seg-small") / "seg_image_ct_true_fractional.dcm")
    z = annotation.planes_lps_mm[:, 0]
    affine = np.diag([0.488281, 0.488281, 1.25, 1.0])
    affine[:3, 3] = z[0]
    grid = TargetGrid(
        shape=(16, 16, 3), affine_lps=affine, frame_of_reference_uid=annotation.frame_of_reference_uids[0],
        study_instance_uid="1.2.3", series_instance_uid="1.2.3.4",
        slices=tuple(SourceSlice(f"1.2.3.4.{k}", None, tuple(point.tolist())) for k, point in enumerate(z)),
    )  # fmt: skip
    found = read_segments(annotation, grid, Limits(), Kind.PROBABILITY_MAP)
    assert found.values.shape == (16, 16, 3, 1, 1)
    assert 0 < found.values.max() <= 1
    assert found.notes == ("fractions are probabilities, stored as 0..255",)


@pytest.mark.peers
@pytest.mark.parametrize(
    ("images", "name"),
    [("ct-seg-liver/ct", "ct-seg-liver/seg/liver.dcm"), ("ct-seg-liver/ct", "ct-seg-liver/seg/partial_overlaps.dcm"),
     ("seg-bit-packing/image", "seg-bit-packing/seg/label.seg")],
)  # fmt: skip
def test_dcmqi_finds_the_same_voxels_in_every_segment(tmp_path, images, name):
    program = require_program("segimage2itkimage")
    root = case(images.split("/")[0]).parent
    grid, annotation = series(root / images), annotation_of(root / name)
    stack = read_segments(annotation, grid, Limits(), Kind.SEGMENT_STACK)
    command = [program, "--inputDICOM", root / name, "--outputDirectory", tmp_path, "--outputType", "nrrd"]
    subprocess.run(command, check=True, capture_output=True)
    groups = json.loads((tmp_path / "meta.json").read_text())["segmentAttributes"]
    compared = 0
    for number, group in enumerate(groups, start=1):
        expected = on_grid(sitk.ReadImage(tmp_path / f"{number}.nrrd"), grid)
        for segment in group:
            place = [label.value for label in stack.labels].index(segment["labelID"])
            assert np.array_equal(stack.values[..., 0, place] != 0, expected == segment["labelID"])
            compared += 1
    assert compared == len(stack.labels)


@pytest.mark.parametrize(
    ("kind", "syntax"),
    [
        ("BINARY", ExplicitVRLittleEndian),
        ("FRACTIONAL", RLELossless),
        ("FRACTIONAL", JPEG2000Lossless),
        ("LABELMAP", RLELossless),
        ("LABELMAP", JPEGLSLossless),
    ],
)
def test_what_highdicom_writes_on_an_oblique_series_is_read_back_exactly(tmp_path, kind, syntax):
    files = sorted((case("mr-rtstruct") / "image").iterdir())[:6]
    grid = grid_of(files)
    order = {item.sop_instance_uid: k for k, item in enumerate(grid.slices)}
    sources = sorted((pydicom.dcmread(path) for path in files), key=lambda source: order[source.SOPInstanceUID])
    labels = np.random.default_rng(3).integers(0, 3, grid.shape).astype(np.uint8)
    labels[:, :, 2] = 0
    concept = CodedConcept("T-D0050", "SRT", "Tissue")
    algorithm = highdicom.AlgorithmIdentificationSequence("test", codes.DCM.ArtificialIntelligence, "1")
    segments = [
        highdicom.seg.SegmentDescription(n, f"part {n}", concept, concept, "AUTOMATIC", algorithm) for n in (1, 2)
    ]
    stored = highdicom.seg.Segmentation(
        source_images=sources,
        pixel_array=labels.transpose(2, 1, 0),
        segmentation_type=kind,
        segment_descriptions=segments,
        series_instance_uid=uid("results"),
        series_number=1,
        sop_instance_uid=uid("result"),
        instance_number=1,
        manufacturer="ACME",
        manufacturer_model_name="One",
        software_versions="1",
        device_serial_number="1",
        transfer_syntax_uid=syntax,
        max_fractional_value=200,
    )
    stored.save_as(tmp_path / "seg.dcm")
    annotation = annotation_of(tmp_path / "seg.dcm")
    assert match(annotation, grid).verdict is Verdict.INSTANCES
    assert np.array_equal(read_segments(annotation, grid, Limits()).values, labels)
