"""Stored values become Hounsfield units, PET units or MR signal, in the smallest type that holds them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clara_stages.dicom_reader.values.rescale import LOWEST_HU, Rescale, may_exceed_int16, rescale_frame, volume_dtype
from clara_stages.dicom_reader.values.unit import Unit
from clara_stages.kit import BadInputError
from tests.support.value_frames import frame

HU = Unit(name="HU")
NONE = Unit(name="1")


def rescaled(stored, rescale=None, unit=HU, dtype=np.int32, **pixels):
    return rescale_frame(np.array([stored], dtype=dtype), frame("CT", rescale, **pixels), unit)


def test_ct_with_whole_numbers_is_int16():
    result = rescaled([24, 1024, 2000])
    assert result.values.dtype == np.int16
    assert result.values.tolist() == [[-1000, 0, 976]]


def test_a_slope_with_fractions_gives_float32_even_where_the_values_are_whole():
    result = rescaled([1, 2], Rescale(slope=0.5, intercept=0), NONE)
    assert result.values.dtype == np.float32
    assert result.values.tolist() == [[0.5, 1]]


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32])
def test_every_stored_type_gives_the_same_values(dtype):
    assert rescaled([0, 7, 200], Rescale(slope=3, intercept=-5), NONE, dtype).values.tolist() == [[-5, 16, 595]]


def test_stored_values_are_not_changed():
    stored = np.array([[-3000, 0, 5]], dtype=np.int16)
    rescale_frame(stored, frame("CT", padding=-3000), HU)
    assert stored.tolist() == [[-3000, 0, 5]]


def test_unsigned_values_beyond_int16_are_float32_and_exact():
    result = rescaled([0, 65535], Rescale(), NONE, np.uint16, signed=False)
    assert result.values.dtype == np.float32
    assert result.values.tolist() == [[0, 65535]]


def test_an_intercept_may_bring_values_beyond_int16_back():
    result = rescaled([32768, 65535], Rescale(slope=1, intercept=-32768), NONE, np.uint16, signed=False)
    assert result.values.dtype == np.int16
    assert result.values.tolist() == [[0, 32767]]


def test_an_intercept_beyond_int16_is_exact():
    result = rescaled([0, 10], Rescale(slope=-1, intercept=100_000), NONE)
    assert (result.values.dtype, result.values.tolist()) == (np.float32, [[100_000, 99_990]])
    result = rescaled([90_000, 100_010], Rescale(slope=1, intercept=-100_000), NONE)
    assert (result.values.dtype, result.values.tolist()) == (np.int16, [[-10_000, 10]])


def test_the_factor_of_the_unit_multiplies_slope_and_intercept():
    result = rescaled([10, 20], Rescale(slope=2, intercept=4), Unit(name="{SUVbw}g/ml", factor=0.25))
    assert result.values.dtype == np.float32
    assert result.values.tolist() == [[6, 11]]


def test_ct_padding_becomes_the_lowest_value():
    result = rescaled([-2000, 1024], padding=-2000)
    assert result.values.tolist() == [[-1024, 0]]
    assert (result.padding_voxels, result.raised_voxels) == (1, 0)


def test_padding_written_as_unsigned_means_the_signed_pixel():
    assert rescaled([-2000, 1024], padding=63536).padding_voxels == 1


def test_padding_may_be_a_range():
    result = rescaled([100, 101, 150, 151], padding=150, padding_limit=101)
    assert result.values.tolist() == [[-924, -1024, -1024, -873]]


def test_padding_far_above_int16_leaves_the_volume_int16():
    result = rescaled([1024, 65535], dtype=np.uint16, signed=False, padding=65535)
    assert result.values.dtype == np.int16
    assert result.values.tolist() == [[0, -1024]]


def test_a_slice_that_is_all_padding_is_all_air():
    result = rescaled([60000, 60000], dtype=np.uint16, signed=False, padding=60000)
    assert result.values.tolist() == [[-1024, -1024]]
    assert result.values.dtype == np.int16
    assert (result.padding_voxels, result.raised_voxels) == (2, 0)


def test_padding_below_the_scale_is_not_counted_as_raised():
    result = rescaled([-2000, -1999, 1024], padding=-2000)
    assert (result.padding_voxels, result.raised_voxels) == (1, 1)


def test_ct_values_below_the_scale_are_raised_and_counted():
    result = rescaled([-2000, 0, 1024], dtype=np.int16)
    assert result.values.dtype == np.int16
    assert result.values.tolist() == [[-1024, -1024, 0]]
    assert (result.padding_voxels, result.raised_voxels) == (0, 1)


def test_fractional_hu_have_the_same_floor():
    result = rescaled([-2000, 0], Rescale(slope=1.5, intercept=-1000))
    assert result.values.tolist() == [[-1024, -1000]]
    assert result.raised_voxels == 1


def test_the_lowest_stored_value_with_an_intercept_does_not_wrap():
    assert rescaled([-32768, 32767], dtype=np.int16).values.tolist() == [[-1024, 31743]]
    assert rescaled([2**31 - 1], Rescale(slope=1, intercept=1.0), dtype=np.int32).values.tolist() == [[2.0**31]]


def test_padding_and_low_values_of_other_units_stay():
    result = rescaled([-2000, 5], Rescale(), NONE, padding=-2000)
    assert result.values.tolist() == [[-2000, 5]]
    assert (result.padding_voxels, result.raised_voxels) == (0, 0)


def test_values_beyond_float32_are_refused():
    with pytest.raises(BadInputError, match=r"rescaled values run from 1e\+60"):
        rescaled([1, 2], Rescale(slope=1e60, intercept=0), NONE)
    with pytest.raises(BadInputError, match=r"rescaled values run from .* to inf"):
        rescaled([0, 2], Rescale(slope=1e308, intercept=1e308), NONE)


SLOPES = st.one_of(
    st.integers(-40, 40).filter(bool).map(float), st.floats(-8, 8).filter(lambda slope: abs(slope) > 1e-6)
)
INTERCEPTS = st.one_of(st.integers(-70_000, 70_000).map(float), st.floats(-5000, 5000))


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([np.uint8, np.int16, np.uint16, np.int32]),
    st.data(),
    SLOPES,
    INTERCEPTS,
    st.booleans(),
    st.one_of(st.none(), st.integers(-40_000, 70_000)),
)
def test_values_equal_float64_arithmetic(dtype, data, slope, intercept, hounsfield, padding):
    limits = np.iinfo(dtype)
    numbers = data.draw(st.lists(st.integers(int(limits.min), int(limits.max)), min_size=1, max_size=9))
    stored = np.array([numbers], dtype=dtype)
    signed = bool(limits.min)
    bits = limits.bits
    image = frame(
        "CT",
        Rescale(slope=slope, intercept=intercept),
        signed=signed,
        bits_allocated=bits,
        bits_stored=bits,
        high_bit=bits - 1,
        padding=padding,
    )
    result = rescale_frame(stored, image, HU if hounsfield else NONE)
    expected = stored.astype(np.float64) * slope + intercept
    if hounsfield:
        expected = np.maximum(expected, LOWEST_HU)
        if padding is not None:
            expected[stored == image.instance.pixels.padding_range()[0]] = LOWEST_HU
    assert np.array_equal(result.values, expected.astype(np.float32 if result.values.dtype == np.float32 else np.int64))
    is_whole = slope.is_integer() and intercept.is_integer()
    fits = expected.min() >= -32768 and expected.max() <= 32767
    unit = HU if hounsfield else NONE
    assert volume_dtype([image], unit) == (np.int16 if is_whole else np.float32)
    assert result.values.dtype == (np.int16 if is_whole and fits else np.float32)
    assert fits or may_exceed_int16([image], unit)


def expected_type(*rescales, unit=NONE, **pixels):
    frames = [frame("MR", rescale, **pixels) for rescale in rescales]
    return str(volume_dtype(frames, unit)), not may_exceed_int16(frames, unit)


def test_the_type_is_certain_where_bits_and_slope_cannot_leave_int16():
    assert expected_type(Rescale(), bits_stored=12, signed=False) == ("int16", True)
    assert expected_type(Rescale(slope=8, intercept=0), bits_stored=12, signed=False) == ("int16", True)
    assert expected_type(Rescale(), signed=True) == ("int16", True)


def test_the_type_of_sixteen_unsigned_bits_is_not_certain():
    assert expected_type(Rescale(), signed=False) == ("int16", False)
    assert expected_type(Rescale(slope=16, intercept=0), bits_stored=12, signed=False) == ("int16", False)


def test_the_floor_of_hu_makes_sixteen_signed_bits_certain():
    hounsfield = Rescale(slope=1, intercept=-1024)
    assert expected_type(hounsfield, unit=HU, signed=True) == ("int16", True)
    assert expected_type(hounsfield, unit=NONE, signed=True) == ("int16", False)


def test_one_fractional_slope_makes_the_volume_float32():
    assert expected_type(Rescale(slope=1, intercept=0), Rescale(slope=1.5, intercept=0))[0] == "float32"
    assert expected_type(Rescale(slope=1, intercept=0), unit=Unit(name="x", factor=0.1))[0] == "float32"
