import io
import zlib

import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from clara_stages.dicom_reader.annotations.match import match
from clara_stages.dicom_reader.annotations.open_object import ObjectError, open_object
from clara_stages.dicom_reader.annotations.read import read_segments
from clara_stages.dicom_reader.annotations.target_grid import SourceSlice
from clara_stages.dicom_reader.limits import Limits
from clara_stages.kit import BadInputError, NothingToDoError
from clara_stages.kit.contract.kinds import Kind
from tests.unit.dicom_reader.annotations.grids import annotation_of
from tests.unit.dicom_reader.annotations.objects import (
    OBLIQUE,
    decimals,
    item,
    make_grid,
    save,
    seg_dataset,
    set_frames,
)

COLUMNS, ROWS, SLICES = SHAPE = (11, 9, 5)


def noise(seed, shape=SHAPE):
    """A mask ``[i, j, k]`` without any symmetry."""
    return np.random.default_rng(seed).random(shape) < 0.4


def frames_of(masks):
    """Frames of the slices that hold something, slices from last to first, segments in turn."""
    return [
        (number, k, mask[:, :, k].T)
        for k in reversed(range(SLICES))
        for number, mask in masks.items()
        if mask[:, :, k].any()
    ]


def read(dataset, path, grid, kind=Kind.LABEL_MAP, limits=None):
    return read_segments(annotation_of(save(dataset, path / "object.dcm")), grid, limits or Limits(), kind)


def apart(first, second):
    return {3: first & ~second, 700: second}


@pytest.mark.parametrize("axes", [None, OBLIQUE])
def test_bits_run_on_across_frames_in_any_order_and_absent_frames_are_empty(tmp_path, axes):
    grid = make_grid(axes=axes)
    masks = apart(noise(1), noise(2))
    masks[3][:, :, 2] = False
    found = read(seg_dataset(grid, frames_of(masks), numbers=masks), tmp_path, grid)
    assert found.values.dtype == np.uint16
    assert np.array_equal(found.values == 3, masks[3])
    assert np.array_equal(found.values == 700, masks[700])
    assert [(label.value, label.voxels) for label in found.labels] == [(3, masks[3].sum()), (700, masks[700].sum())]
    assert found.notes == ()


def test_frames_that_each_begin_on_a_byte_are_known_by_their_length_and_said_to_be(tmp_path):
    grid, mask = make_grid(), noise(1)
    dataset = seg_dataset(grid, frames_of({1: mask}))
    packed = [np.packbits(values.ravel(), bitorder="little").tobytes() for _, _, values in frames_of({1: mask})]
    data = b"".join(packed)
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    found = read(dataset, tmp_path, grid)
    assert np.array_equal(found.values == 1, mask)
    assert "each frame begins on a byte" in found.notes[0]


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_every_uncompressed_transfer_syntax_is_read(tmp_path, syntax, kind):
    grid, mask = make_grid(), noise(1)
    frames = [(1 if kind == "BINARY" else None, k, mask[:, :, k].T.astype(np.uint8)) for k in range(SLICES)]
    dataset = seg_dataset(grid, frames, kind=kind)
    dataset.file_meta.TransferSyntaxUID = syntax
    path = tmp_path / "object.dcm"
    if syntax == ExplicitVRBigEndian:
        dataset["PixelData"].VR = "OW"
        dataset.PixelData = np.frombuffer(dataset.PixelData, dtype=np.uint16).byteswap().tobytes()
    is_implicit, is_little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    dcmwrite(path, dataset, implicit_vr=is_implicit, little_endian=is_little, force_encoding=True)
    found = read_segments(annotation_of(path), grid, Limits())
    assert np.array_equal(found.values == 1, mask)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless])
def test_a_compressed_label_map_is_decoded(tmp_path, syntax):
    if syntax == JPEG2000Lossless:
        pytest.importorskip("openjpeg")
    if syntax == JPEGLSLossless:
        pytest.importorskip("jpeg_ls")
    grid, mask = make_grid((64, 64, 3)), noise(1, (64, 64, 3))
    frames = [(None, k, mask[:, :, k].T.astype(np.uint8) * 7) for k in range(3)]
    dataset = seg_dataset(grid, frames, kind="LABELMAP", numbers=(7,))
    dataset.compress(syntax)
    found = read(dataset, tmp_path, grid)
    assert np.array_equal(found.values == 7, mask)


def test_a_damaged_compressed_frame_is_named(tmp_path):
    grid, mask = make_grid((64, 64, 3)), noise(1, (64, 64, 3))
    frames = [(None, k, mask[:, :, k].T.astype(np.uint8)) for k in range(3)]
    dataset = seg_dataset(grid, frames, kind="LABELMAP")
    dataset.compress(RLELossless)
    dataset.PixelData = encapsulate([b"\0" * 80, b"\1" * 80, b"\2" * 80])
    with pytest.raises(BadInputError, match="cannot be read: frame 1: ") as caught:
        read(dataset, tmp_path, grid)
    assert caught.value.remedy == "export it again from the program that made it"


def test_deflated_frames_are_inflated_one_by_one(tmp_path):
    grid, mask = make_grid(), noise(1)
    dataset = seg_dataset(grid, frames_of({1: mask}))
    streams = []
    for _, _, values in frames_of({1: mask}):
        deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        bits = np.packbits(values.ravel(), bitorder="little").tobytes()
        streams.append(deflate.compress(bits) + deflate.flush())
    dataset.PixelData = encapsulate(streams)
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.8.1")
    path = tmp_path / "object.dcm"
    dcmwrite(path, dataset, implicit_vr=False, little_endian=True, force_encoding=True)
    assert np.array_equal(read_segments(annotation_of(path), grid, Limits()).values == 1, mask)


def test_a_single_frame_without_per_frame_groups_is_read_by_its_shared_ones(tmp_path):
    grid, mask = make_grid(), noise(1)
    dataset = seg_dataset(grid, [(1, 2, mask[:, :, 2].T)])
    shared, own = dataset.SharedFunctionalGroupsSequence[0], dataset.PerFrameFunctionalGroupsSequence[0]
    shared.SegmentIdentificationSequence = own.SegmentIdentificationSequence
    shared.PlanePositionSequence = own.PlanePositionSequence
    del dataset.PerFrameFunctionalGroupsSequence, dataset.NumberOfFrames
    found = read(dataset, tmp_path, grid)
    assert np.array_equal(found.values[:, :, 2] == 1, mask[:, :, 2])
    assert found.labels[0].voxels == mask[:, :, 2].sum()


def test_overlapping_segments_are_refused_as_a_label_map_and_kept_as_a_stack(tmp_path):
    grid, masks = make_grid(), {2: noise(1), 5: noise(2)}
    dataset = seg_dataset(grid, frames_of(masks), numbers=masks)
    both = int((masks[2] & masks[5]).sum())
    with pytest.raises(BadInputError, match=f"{both} voxels are in several of the segments 2, 5;") as caught:
        read(dataset, tmp_path, grid)
    assert "segment_stack" in caught.value.remedy
    stack = read(dataset, tmp_path, grid, Kind.SEGMENT_STACK)
    assert stack.values.shape == (*SHAPE, 1, 2)
    assert np.array_equal(stack.values[..., 0, 0], masks[2])
    assert np.array_equal(stack.values[..., 0, 1], masks[5])


def test_fractions_become_labels_from_half_of_the_largest_and_the_note_says_so(tmp_path):
    grid = make_grid()
    values = np.arange(ROWS * COLUMNS, dtype=np.uint8).reshape(ROWS, COLUMNS) * 2
    dataset = seg_dataset(grid, [(1, 1, values)], kind="FRACTIONAL")
    found = read(dataset, tmp_path, grid)
    assert np.array_equal(found.values[:, :, 1].T == 1, values >= 100)
    assert found.notes == (
        "fractions are probabilities; a voxel is in a segment from 0.5 of the largest fraction (200)",
    )
    dataset.SegmentationFractionalType = "OCCUPANCY"
    exact = read(dataset, tmp_path, grid, Kind.PROBABILITY_MAP)
    assert np.allclose(exact.values[:, :, 1, 0, 0].T, values / 200)
    assert exact.values.dtype == np.float32
    assert "how much of a voxel the segment fills" in exact.notes[0]


def test_a_label_map_keeps_its_values_and_its_padding_is_background(tmp_path):
    grid = make_grid()
    values = np.zeros((ROWS, COLUMNS), np.uint16)
    values[0], values[1], values[2] = 300, 2, 5
    dataset = seg_dataset(grid, [(None, 0, values)], kind="LABELMAP", numbers=(0, 2, 300))
    dataset.PixelPaddingValue = 5
    found = read(dataset, tmp_path, grid)
    assert [(label.value, label.voxels) for label in found.labels] == [(2, COLUMNS), (300, COLUMNS)]
    del dataset.PixelPaddingValue
    with pytest.raises(BadInputError, match="frame 1 holds segment 5, which is not described"):
        read(dataset, tmp_path, grid)


def test_position_decides_over_a_reference_to_another_slice(tmp_path):
    grid, mask = make_grid(), noise(1)
    dataset = seg_dataset(grid, [(1, 1, mask[:, :, 1].T)])
    source = dataset.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence[0]
    source.ReferencedSOPInstanceUID = grid.slices[4].sop_instance_uid
    found = read(dataset, tmp_path, grid)
    assert np.array_equal(found.values[:, :, 1] == 1, mask[:, :, 1])
    assert found.notes == ("1 frames refer to another slice than the one they lie on; their position was taken",)


def test_frames_without_a_position_lie_on_the_frame_of_the_enhanced_image_they_refer_to(tmp_path):
    grid, mask = make_grid(), noise(1)
    slices = tuple(SourceSlice(grid.slices[0].sop_instance_uid, k + 1, old.position_lps_mm)
                   for k, old in enumerate(grid.slices))  # fmt: skip
    enhanced = make_grid(slices=slices)
    dataset = seg_dataset(grid, frames_of({1: mask}))
    for (_, k, _), groups in zip(frames_of({1: mask}), dataset.PerFrameFunctionalGroupsSequence, strict=True):
        del groups.PlanePositionSequence
        source = groups.DerivationImageSequence[0].SourceImageSequence[0]
        source.ReferencedSOPInstanceUID, source.ReferencedFrameNumber = slices[0].sop_instance_uid, k + 1
    found = read(dataset, tmp_path, enhanced)
    assert np.array_equal(found.values == 1, mask)
    assert found.notes == (f"{SLICES} frames without a position are placed by the image they refer to",)


def test_frames_of_other_pixels_are_laid_on_the_slice_by_the_nearest_pixel_with_a_note(tmp_path):
    grid = make_grid((12, 10, 3), (1.0, 1.0, 2.0), origin=(0.0, 0.0, 0.0))
    coarse = make_grid((6, 5, 3), (2.0, 2.0, 2.0), origin=(0.5, 0.5, 0.0))
    mask = noise(1, (6, 5, 3))
    dataset = seg_dataset(coarse, [(1, k, mask[:, :, k].T) for k in range(3)])
    found = read(dataset, tmp_path, grid)
    assert np.array_equal(found.values == 1, mask.repeat(2, axis=0).repeat(2, axis=1))
    assert "3 frames of 6 x 5 pixels lie on another pixel grid" in found.notes[0]
    assert "nearest" in found.notes[0]


def test_frames_that_run_in_other_directions_are_turned_without_resampling(tmp_path):
    grid, mask = make_grid(spacing_mm=(0.8, 0.8, 2.5)), noise(1)
    turned = make_grid((ROWS, COLUMNS, SLICES), (0.8, 0.8, 2.5))
    affine = grid.affine_lps.copy()
    affine[:3, 0], affine[:3, 1] = grid.affine_lps[:3, 1], -grid.affine_lps[:3, 0]
    affine[:3, 3] = (grid.affine_lps @ [COLUMNS - 1, 0, 0, 1])[:3]
    turned = make_grid((ROWS, COLUMNS, SLICES), affine_lps=affine)
    dataset = seg_dataset(turned, [(1, k, mask[::-1, :, k]) for k in range(SLICES)])
    found = read(dataset, tmp_path, grid)
    assert np.array_equal(found.values == 1, mask)
    assert "none was resampled" in found.notes[0]


def test_a_frame_that_reaches_beyond_its_slice_is_cut_with_a_note(tmp_path):
    grid, mask = make_grid(), noise(1)
    larger = make_grid((COLUMNS + 3, ROWS, SLICES), affine_lps=grid.affine_lps)
    frames = [(1, k, np.pad(mask[:, :, k].T, ((0, 0), (0, 3)), constant_values=k == 2)) for k in range(SLICES)]
    found = read(seg_dataset(larger, frames), tmp_path, grid)
    assert np.array_equal(found.values == 1, mask)
    assert found.notes[1:] == ("1 frames reach beyond the edge of their slice and are cut there",)


def test_a_seg_of_a_tilted_series_follows_its_slices_through_the_resampled_volume(tmp_path):
    """Source slices are sheared along j by 1 pixel a slice; the volume is upright and so taller."""
    tilted = make_grid(affine_lps=_sheared(make_grid().affine_lps))
    upright = make_grid(
        (COLUMNS, ROWS + SLICES - 1, SLICES),
        slices=tuple(
            SourceSlice(old.sop_instance_uid, None, tuple((tilted.affine_lps @ [0, 0, k, 1])[:3].tolist()))
            for k, old in enumerate(tilted.slices)
        ),
        source_origin_index=np.array([[0, k, k] for k in range(SLICES)], float),
    )
    mask = noise(1)
    dataset = seg_dataset(tilted, frames_of({1: mask}))
    dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing = decimals([0.9, 0.8])
    expected = np.zeros(upright.shape, bool)
    for k in range(SLICES):
        expected[:, k : k + ROWS, k] = mask[:, :, k]
    found = read(dataset, tmp_path, upright)
    assert np.array_equal(found.values == 1, expected)
    for groups in dataset.PerFrameFunctionalGroupsSequence:
        del groups.PlanePositionSequence
    assert np.array_equal(read(dataset, tmp_path, upright).values == 1, expected)


def _sheared(affine):
    sheared = affine.copy()
    sheared[:3, 2] += affine[:3, 1]
    return sheared


def test_planes_between_slices_are_refused_with_the_distance(tmp_path):
    grid, mask = make_grid(), noise(1)
    dataset = seg_dataset(grid, [(1, k + 0.4, mask[:, :, k].T) for k in range(3)])
    message = (
        r"3 of 3 frames lie between the slices of the series, up to 1\.00 mm from the nearest; slices are 2\.50 mm"
    )
    with pytest.raises(BadInputError, match=message):
        read(dataset, tmp_path, grid)
    assert "contradict" in match(annotation_of(tmp_path / "object.dcm"), grid).reason


def test_thicker_slices_of_another_series_are_refused_because_gaps_would_stay(tmp_path):
    thin = make_grid((COLUMNS, ROWS, 9), (0.8, 0.9, 1.25))
    thick = make_grid(slices=())
    dataset = seg_dataset(thick, [(1, k, noise(1)[:, :, k].T) for k in range(5)])
    with pytest.raises(BadInputError, match=r"segmentation are 2\.50 mm apart, those of the series 1\.25 mm"):
        read(dataset, tmp_path, thin)


def test_frames_across_the_slices_are_refused(tmp_path):
    grid, mask = make_grid(), noise(1)
    dataset = seg_dataset(make_grid(axes=OBLIQUE), frames_of({1: mask}))
    with pytest.raises(BadInputError, match="frames lie across the slices of the series"):
        read(dataset, tmp_path, grid)


def test_frames_outside_of_the_volume_are_left_out_with_a_note(tmp_path):
    grid, mask = make_grid(), noise(1)
    dataset = seg_dataset(grid, [(1, k, mask[:, :, 0].T) for k in (-2, 1, 7)])
    found = read(dataset, tmp_path, grid)
    assert found.notes == ("2 of 3 frames lie outside of the volume and are left out",)
    assert found.labels[0].voxels == mask[:, :, 0].sum()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: setattr(d, "PixelData", d.PixelData[:20]), r"pixel data is truncated: 20 of 62 bytes"),
        (lambda d: setattr(d, "NumberOfFrames", 2_000_000_000), "claims 2000000000 frames"),
        (lambda d: setattr(d, "NumberOfFrames", 6), "claims 6 frames and describes 5"),
        (lambda d: setattr(d, "Rows", 0), "frames of 11 x 0 pixels"),
        (lambda d: setattr(d, "SegmentationType", "Phantom^Cube"), "Segmentation Type is none of"),
        (lambda d: delattr(d, "SegmentSequence"), "describes no segment"),
        (lambda d: delattr(d, "PixelData"), "it has no pixel data"),
        (lambda d: setattr(d, "BitsAllocated", 32), "32 bits for each pixel"),
        (lambda d: setattr(d, "DimensionOrganizationType", "TILED_FULL"), "tiles of a slide"),
        (lambda d: d.SegmentSequence.append(d.SegmentSequence[0]), "Segment Number 1 is given 2 times"),
        (
            lambda d: setattr(d.SegmentSequence[0], "SegmentNumber", 4),
            "holds segment 1, which is not described",
        ),
    ],
)
def test_a_broken_seg_is_refused_in_words(tmp_path, change, message):
    grid, mask = make_grid(), noise(1)
    dataset = seg_dataset(grid, frames_of({1: mask}))
    change(dataset)
    with pytest.raises(BadInputError, match=message) as caught:
        read(dataset, tmp_path, grid)
    assert "Phantom" not in str(caught.value)


def test_a_stack_larger_than_the_limits_is_refused_before_it_is_allocated(tmp_path):
    grid, masks = make_grid(), apart(noise(1), noise(2))
    with pytest.raises(BadInputError, match=r"2 segments on 11 x 9 x 5 voxels are 990 values, at most 600"):
        read(
            seg_dataset(grid, frames_of(masks), numbers=masks), tmp_path, grid, Kind.SEGMENT_STACK,
            Limits(max_voxels=600),
        )  # fmt: skip


def test_a_stack_without_a_voxel_is_nothing_to_do_and_a_label_map_is_empty(tmp_path):
    grid = make_grid()
    dataset = seg_dataset(grid, [(1, 0, np.zeros((ROWS, COLUMNS), bool))])
    with pytest.raises(NothingToDoError, match="no segment of the SEG has a voxel"):
        read(dataset, tmp_path, grid, Kind.SEGMENT_STACK)
    found = read(dataset, tmp_path, grid)
    assert not found.values.any()
    assert found.notes == ("no voxel on the grid: segment 1",)


def test_a_deflated_file_that_inflates_beyond_the_limits_is_refused(tmp_path):
    grid = make_grid()
    dataset = seg_dataset(grid, [(1, 0, np.zeros((ROWS, COLUMNS), bool))])
    dataset.PixelData = bytes(4 << 20)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    path = tmp_path / "object.dcm"
    path.write_bytes(stream.getvalue())
    with pytest.raises(ObjectError, match="inflates to more than"):
        open_object(path, Limits(max_header_mib=1, max_voxels=1 << 20))


def test_codes_laterality_region_and_colour_are_kept(tmp_path):
    grid, mask = make_grid(), noise(1)
    dataset = seg_dataset(grid, frames_of({1: mask}))
    segment = dataset.SegmentSequence[0]
    segment.RecommendedDisplayCIELabValue = [41661, 41167, 40792]
    modifier = item(CodeValue="24028007", CodingSchemeDesignator="SCT", CodeMeaning="Right")
    segment.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [modifier]
    region = item(LongCodeValue="12345678901234567", CodingSchemeDesignator="SCT", CodeMeaning="Upper abdomen")
    segment.AnatomicRegionSequence = [region]
    (label,) = read(dataset, tmp_path, grid).labels
    assert label.facts.colour_rgb == (221, 130, 101)
    assert label.facts.laterality == {"scheme": "SCT", "value": "24028007", "meaning": "Right"}
    assert label.facts.anatomic_region["value"] == "12345678901234567"
    assert label.facts.type == {"scheme": "99TEST", "value": "T", "meaning": "A thing"}
    set_frames(dataset, np.zeros((SLICES, ROWS, COLUMNS), bool), "BINARY")
    assert read(dataset, tmp_path, grid).labels[0].voxels == 0
