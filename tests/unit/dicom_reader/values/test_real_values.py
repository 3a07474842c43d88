"""Values of real images equal the references that come with them."""

import nibabel
import numpy as np
import pydicom
import pytest

from clara_stages.dicom_reader.headers.study import load_study
from clara_stages.dicom_reader.values.rescale import rescale_frame, volume_dtype
from clara_stages.dicom_reader.values.unit import find_unit
from tests.support.data import case

pytestmark = pytest.mark.data


def series_values(folder, modality):
    """Unit and values ``[slice, row, column]`` of the only series of a modality, slices in order of position."""
    frames = [frame for frame in load_study(folder).frames if frame.instance.modality == modality]
    normal = np.cross(frames[0].plane.orientation_lps[:3], frames[0].plane.orientation_lps[3:])
    frames.sort(key=lambda frame: float(np.dot(normal, frame.plane.position_lps_mm)))
    unit = find_unit(frames)
    slices = [rescale_frame(pydicom.dcmread(frame.instance.path).pixel_array, frame, unit) for frame in frames]
    dtype = volume_dtype(frames, unit)
    assert all(item.values.dtype == dtype for item in slices)
    return unit, np.stack([item.values for item in slices])


def reference(path):
    """Values ``[slice, row, column]`` of a NIfTI, whose axes are turned so that its slices rise along LPS."""
    image = nibabel.as_closest_canonical(nibabel.load(path))
    return np.asarray(image.dataobj, dtype=np.float64)[::-1, ::-1].transpose(2, 1, 0)


def test_pet_that_is_suv_keeps_its_slope_of_each_slice():
    folder = case("ct-mr-pet-rtstruct")
    unit, values = series_values(folder, "PT")
    assert (unit.name, unit.factor) == ("{SUVbw}g/ml", 1.0)
    assert unit.basis == "SUV as stored: Units GML, SUV Type BW"
    assert values.dtype == np.float32
    expected = reference(folder / "nifti" / "PET_image.nii.gz")
    assert np.abs(values - expected).max() <= 1e-6 * expected.max()


def test_ct_and_mr_equal_their_references():
    folder = case("ct-mr-pet-rtstruct")
    for modality, name, unit_name in (("CT", "CT_image", "HU"), ("MR", "MR_T1_image", "1")):
        unit, values = series_values(folder, modality)
        assert unit.name == unit_name
        assert values.dtype == np.int16
        expected = reference(folder / "nifti" / f"{name}.nii.gz")
        assert np.array_equal(values, np.maximum(expected, -1024) if modality == "CT" else expected)


def test_slope_and_intercept_differ_from_slice_to_slice():
    folder = case("hard-per-slice-rescale")
    unit, values = series_values(folder, "MR")
    assert (unit.name, values.dtype) == ("1", np.float32)
    expected = np.asarray(nibabel.load(folder / "002_non_isotropic_ground_truth.nii.gz").dataobj, dtype=np.float64)
    assert np.abs(values - expected.transpose(2, 1, 0)).max() <= 1e-5
