import nibabel as nib
import numpy as np
import pytest

from clara_stages.dicom_writer.label_map import load_label_map
from clara_stages.kit import BadInputError


def test_segment_numbers_are_slices_of_rows_and_columns(build):
    values = build.example_values()
    labels = load_label_map(build.labels(values, np.eye(4)))
    numbers = labels.segment_numbers()
    assert numbers.shape == (6, 9, 12)
    assert numbers[2, 3, 1] == 1
    assert numbers[5, 0, 11] == 2
    np.testing.assert_array_equal(numbers == 2, (values == 7).transpose(2, 1, 0))


def test_values_up_to_65535_are_read(build):
    values = build.example_values().astype(np.uint16)
    values[values == 7] = 65535
    document = build.label_document(build.example_values())
    document["labels"][1]["value"] = 65535
    assert load_label_map(build.labels(values, np.eye(4), document)).segment_numbers().max() == 2


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_labels_of_another_type_are_refused(build, dtype):
    folder = build.labels(build.example_values(), np.eye(4))
    nib.save(nib.Nifti1Image(build.example_values().astype(dtype), np.eye(4)), folder / "labels.nii")
    with pytest.raises(BadInputError, match="expected three dimensions of uint8 or uint16 without a scale"):
        load_label_map(folder)


def test_scaled_labels_are_refused(build):
    folder = build.labels(build.example_values(), np.eye(4))
    image = nib.Nifti1Image(build.example_values(), np.eye(4))
    image.header.set_slope_inter(0.5, 0)
    nib.save(image, folder / "labels.nii")
    with pytest.raises(BadInputError, match="without a scale"):
        load_label_map(folder)


def test_a_missing_map_is_named(build):
    folder = build.labels(build.example_values(), np.eye(4))
    (folder / "labels.nii").unlink()
    with pytest.raises(BadInputError, match=r"labels\.nii is missing"):
        load_label_map(folder)


@pytest.mark.parametrize("content", [b"", b"no nifti", b"\x5c\x01\x00\x00" + b"\x00" * 400])
def test_a_broken_map_is_named(build, content):
    folder = build.labels(build.example_values(), np.eye(4))
    (folder / "labels.nii").write_bytes(content)
    with pytest.raises(BadInputError, match=r"labels\.nii (cannot be read|has shape)"):
        load_label_map(folder)


def test_a_truncated_map_is_named(build):
    folder = build.labels(build.example_values(), np.eye(4))
    (folder / "labels.nii").write_bytes((folder / "labels.nii").read_bytes()[:-100])
    with pytest.raises(BadInputError, match=r"labels\.nii cannot be read"):
        load_label_map(folder)


def test_a_voxel_value_without_a_meaning_is_refused(build):
    values = build.example_values()
    document = build.label_document(values)
    values[0, 0, 0] = 5
    with pytest.raises(BadInputError, match=r"1 voxels of value 5, labels\.json says 0; 1 values differ"):
        load_label_map(build.labels(values, np.eye(4), document))
