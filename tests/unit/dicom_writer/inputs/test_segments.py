import json

import nibabel
import numpy as np
import pytest

from clara_stages.dicom_writer.inputs.segments import VOXELS_FILES, Form, load_segments
from clara_stages.kit import BadInputError
from tests.support.writing import INPUT_NAMES, write_inputs

FORMS = list(Form)


@pytest.fixture
def written(tmp_path):
    def write(form=Form.LABEL_MAP, **options):
        return write_inputs(tmp_path, form=form, shape=(20, 18, 8), **options)[INPUT_NAMES[form]]

    return write


def rewrite(folder, form, change):
    """Change the voxels of a folder."""
    path = folder / VOXELS_FILES[form]
    image = nibabel.load(path)
    values = change(np.asarray(image.dataobj).copy())
    nibabel.save(nibabel.Nifti1Image(values, image.affine), path)


def edit_table(folder, change):
    document = json.loads((folder / "labels.json").read_text())
    change(document["labels"])
    (folder / "labels.json").write_text(json.dumps(document))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_masks_of_its_segments(written, form):
    segments = load_segments(written(form), form)
    counts = [int(segments.mask(label.segment_number).sum()) for label in segments.table.labels]
    assert segments.shape == (20, 18, 8)
    assert len(counts) == 3
    assert min(counts) > 0
    assert segments.mask(1).dtype == np.bool_
    assert not segments.is_empty
    if form is not Form.PROBABILITY_MAP:
        assert counts == [label.voxels for label in segments.table.labels]


def test_a_stack_and_probabilities_may_overlap_and_agree(tmp_path, written):
    stack = load_segments(written(Form.SEGMENT_STACK), Form.SEGMENT_STACK)
    folder = write_inputs(tmp_path / "other", form="probability_map", shape=(20, 18, 8))["probabilities"]
    probabilities = load_segments(folder, Form.PROBABILITY_MAP)
    assert (stack.mask(1) & stack.mask(3)).any()
    for number in (1, 2, 3):
        np.testing.assert_array_equal(stack.mask(number), probabilities.mask(number))


def test_numbers_are_those_of_a_label_map_alone(written):
    segments = load_segments(written(empty=("liver",)), Form.LABEL_MAP)
    numbers = segments.numbers()
    np.testing.assert_array_equal(numbers == 1, segments.values == 2)
    np.testing.assert_array_equal(numbers == 2, segments.values == 3)
    assert not segments.mask(3).any()


def test_a_stack_has_no_numbers(written):
    stack = load_segments(written(Form.SEGMENT_STACK), Form.SEGMENT_STACK)
    with pytest.raises(ValueError, match="segments are a segment_stack, expected a label_map"):
        stack.numbers()


def test_values_up_to_65535_are_read(written):
    folder = written()
    edit_table(folder, lambda labels: labels[1].update(value=65535))
    rewrite(folder, Form.LABEL_MAP, lambda values: np.where(values == 2, np.uint16(65535), values))
    assert load_segments(folder, Form.LABEL_MAP).numbers().max() == 3


@pytest.mark.parametrize("form", FORMS)
def test_a_segment_without_a_voxel_is_empty_wherever_its_channel_is(written, form):
    segments = load_segments(written(form, empty=("left kidney",)), form)
    assert [label.name for label in segments.table.labels] == ["liver", "aorta"]
    assert segments.table.by_number(3).name == "left kidney"
    assert not segments.mask(3).any()
    assert segments.mask(2).any()


def test_nothing_found_is_empty(written):
    segments = load_segments(written(empty=("liver", "left kidney", "aorta")), Form.LABEL_MAP)
    assert segments.is_empty


@pytest.mark.parametrize(
    ("form", "change", "words"),
    [
        (Form.LABEL_MAP, np.int16, "expected three dimensions of uint8 or uint16 without a scale"),
        (Form.LABEL_MAP, np.float32, "expected three dimensions of uint8 or uint16 without a scale"),
        (Form.SEGMENT_STACK, np.float32, r"expected dimensions \(i, j, k, 1, segment\) of uint8 without a scale"),
        (Form.PROBABILITY_MAP, np.float64, r"expected dimensions \(i, j, k, 1, segment\) of float32"),
    ],
)
def test_voxels_of_another_type_are_refused(written, form, change, words):
    folder = written(form)
    rewrite(folder, form, lambda values: values.astype(change))
    with pytest.raises(BadInputError, match=words):
        load_segments(folder, form)


@pytest.mark.parametrize(
    ("form", "change"),
    [
        (Form.LABEL_MAP, lambda values: values[..., None].repeat(2, axis=3)),
        (Form.SEGMENT_STACK, lambda values: values[:, :, :, 0]),
        (Form.SEGMENT_STACK, lambda values: values.repeat(2, axis=3)),
        (Form.PROBABILITY_MAP, lambda values: values[:, :, :, 0, 0]),
    ],
)
def test_other_dimensions_are_refused(written, form, change):
    folder = written(form)
    rewrite(folder, form, change)
    with pytest.raises(BadInputError, match=r"has shape \(20, 18, 8.*expected (three )?dimensions"):
        load_segments(folder, form)


@pytest.mark.parametrize(
    ("bad", "words"), [(np.nan, "nan"), (-0.1, r"-0\.1 to 1"), (1.5, r"0 to 1\.5"), (np.inf, "inf")]
)
def test_what_is_no_probability_is_refused(written, bad, words):
    folder = written(Form.PROBABILITY_MAP)

    def change(values):
        values[3, 4, 5, 0, 1] = bad
        return values

    rewrite(folder, Form.PROBABILITY_MAP, change)
    with pytest.raises(BadInputError, match=rf"channel 1 of probabilities\.nii has values from .*{words}"):
        load_segments(folder, Form.PROBABILITY_MAP)


def test_a_stack_holds_0_and_1_alone(written):
    folder = written(Form.SEGMENT_STACK)
    rewrite(folder, Form.SEGMENT_STACK, lambda values: values * 2)
    with pytest.raises(BadInputError, match=r"channel 0 of segments\.nii has values from 0 to 2, expected 0 and 1"):
        load_segments(folder, Form.SEGMENT_STACK)


def test_a_voxel_value_without_a_meaning_is_refused(written):
    folder = written()

    def change(values):
        values[0, 0, 0] = 5
        return values

    rewrite(folder, Form.LABEL_MAP, change)
    with pytest.raises(BadInputError, match=r"1 voxels of value 5, labels\.json says 0; 1 values differ"):
        load_segments(folder, Form.LABEL_MAP)


@pytest.mark.parametrize("form", [Form.SEGMENT_STACK, Form.PROBABILITY_MAP])
def test_a_channel_without_a_meaning_is_refused(written, form):
    folder = written(form)
    rewrite(folder, form, lambda values: np.concatenate([values, values[..., :1]], axis=4))
    with pytest.raises(BadInputError, match=r"voxels above 0 in channel 3, labels\.json says 0; 1 channels differ"):
        load_segments(folder, form)


@pytest.mark.parametrize("channel", [1, 7])
def test_two_segments_of_one_channel_or_one_that_is_not_there_are_refused(written, channel):
    folder = written(Form.SEGMENT_STACK)
    edit_table(folder, lambda labels: labels[2].update(channel=channel))
    with pytest.raises(BadInputError, match=f"says channel {channel} of segment 3; .* 3 channels, each of at most one"):
        load_segments(folder, Form.SEGMENT_STACK)


def test_scaled_labels_are_refused(written):
    folder = written()
    image = nibabel.Nifti1Image(np.zeros((20, 18, 8), np.uint8), np.eye(4))
    image.header.set_slope_inter(0.5, 0)
    nibabel.save(image, folder / "labels.nii")
    with pytest.raises(BadInputError, match="without a scale"):
        load_segments(folder, Form.LABEL_MAP)


def test_a_missing_map_is_named(written):
    folder = written()
    (folder / "labels.nii").unlink()
    with pytest.raises(BadInputError, match=r"labels\.nii is missing"):
        load_segments(folder, Form.LABEL_MAP)


@pytest.mark.parametrize("content", [b"", b"no nifti", b"\x5c\x01\x00\x00" + b"\x00" * 400])
def test_a_broken_map_is_named(written, content):
    folder = written()
    (folder / "labels.nii").write_bytes(content)
    with pytest.raises(BadInputError, match=r"labels\.nii (cannot be read|has shape|has an affine)"):
        load_segments(folder, Form.LABEL_MAP)


def test_a_truncated_map_is_named(written):
    folder = written()
    (folder / "labels.nii").write_bytes((folder / "labels.nii").read_bytes()[:-100])
    with pytest.raises(BadInputError, match=r"labels\.nii cannot be read") as caught:
        load_segments(folder, Form.LABEL_MAP)
    assert str(folder) not in caught.value.message  # it may be named after the patient


def test_an_affine_that_is_flat_is_refused(written):
    folder = written()
    content = bytearray((folder / "labels.nii").read_bytes())
    content[280:296] = bytes(16)  # srow_x
    (folder / "labels.nii").write_bytes(content)
    with pytest.raises(BadInputError, match=r"labels\.nii has an affine that is not finite, or flat"):
        load_segments(folder, Form.LABEL_MAP)
