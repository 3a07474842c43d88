"""The header of a volume is the one that nibabel makes of the same shape, type and affine."""

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clara_stages.dicom_reader.outputs.nifti_header import nifti_header


def by_nibabel(shape, dtype, affine, has_place):
    header = nibabel.Nifti1Header()
    header.set_data_dtype(dtype)
    header.set_data_shape(shape)
    header.set_sform(affine, code=1)
    header.set_qform(affine, code=1 if has_place else 0, strip_shears=True)
    header.set_xyzt_units("mm")
    header.set_slope_inter(1, 0)
    header["magic"] = header.single_magic
    header["vox_offset"] = header.single_vox_offset
    return bytes(header.binaryblock) + bytes(4)


def affine_of(angles, spacing, origin, shear=0.0, flip=1.0):
    (a, b, c), affine = angles, np.eye(4)
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    leaning = np.array([[1, 0, 0], [0, 1, shear], [0, 0, flip]])
    affine[:3, :3] = about_x @ about_y @ about_z @ leaning @ np.diag(spacing)
    affine[:3, 3] = origin
    return affine


@pytest.mark.parametrize("dtype", [np.dtype(np.int16), np.dtype(np.float32)])
@pytest.mark.parametrize("shape", [(512, 512, 300), (2, 3, 4, 5), (1, 1, 1)])
@pytest.mark.parametrize("has_place", [True, False])
def test_every_byte_is_that_of_nibabel(shape, dtype, has_place):
    affine = np.diag([-0.8, -0.8, 2.5, 1.0])
    affine[:3, 3] = (120.5, 99.25, -1000.0)
    assert nifti_header(shape, dtype, affine, has_place=has_place) == by_nibabel(shape, dtype, affine, has_place)


TURN = st.floats(-3.2, 3.2)


@given(
    angles=st.tuples(TURN, TURN, TURN),
    spacing=st.tuples(*[st.floats(0.1, 10)] * 3),
    origin=st.tuples(*[st.floats(-1e4, 1e4)] * 3),
    shear=st.sampled_from([0.0, 0.2]),
    flip=st.sampled_from([1.0, -1.0]),
)
@settings(max_examples=300, deadline=None)
def test_any_affine_gives_the_rotation_that_nibabel_finds(angles, spacing, origin, shear, flip):
    affine = affine_of(angles, spacing, origin, shear, flip)
    expected = by_nibabel((4, 5, 6), np.dtype(np.int16), affine, has_place=True)
    assert nifti_header((4, 5, 6), np.dtype(np.int16), affine, has_place=True) == expected
