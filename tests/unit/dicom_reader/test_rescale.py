"""Stored values become Hounsfield units, PET units or MR signal."""

import numpy as np
import pytest

from clara_stages.dicom_reader.pixels.format import PixelFormat
from clara_stages.dicom_reader.values.rescale import Rescale, find_unit, rescale_slice
from clara_stages.kit import BadInputError

HU = Rescale(slope=1, intercept=-1024, rescale_type="HU")


def pixels(**changes):
    return PixelFormat(transfer_syntax_uid="1.2.840.10008.1.2.1", **changes)


def rescaled(stored, rescale=HU, modality="CT", **changes):
    return rescale_slice(np.array([stored], dtype=np.int32), rescale, pixels(**changes), modality)


def test_ct_with_whole_numbers_is_int16():
    result = rescaled([24, 1024, 2000])
    assert result.values.dtype == np.int16
    assert result.values.tolist() == [[-1000, 0, 976]]


def test_a_slope_with_fractions_gives_float32():
    result = rescaled([1, 2], Rescale(slope=0.25, intercept=0), "PT")
    assert result.values.dtype == np.float32
    assert result.values.tolist() == [[0.25, 0.5]]


def test_a_fractional_slope_whose_values_are_whole_is_int16():
    assert rescaled([2, 4], Rescale(slope=0.5, intercept=0), "MR").values.dtype == np.int16


def test_unsigned_values_beyond_int16_are_float32_and_exact():
    result = rescaled([0, 65535], Rescale(), "MR", signed=False)
    assert result.values.dtype == np.float32
    assert result.values.tolist() == [[0, 65535]]


def test_ct_padding_becomes_the_lowest_value():
    result = rescaled([-2000, 1024], padding=-2000)
    assert result.values.tolist() == [[-1024, 0]]
    assert (result.padding_voxels, result.raised_voxels) == (1, 0)


def test_padding_written_as_unsigned_means_the_signed_pixel():
    assert rescaled([-2000, 1024], padding=63536).padding_voxels == 1


def test_padding_may_be_a_range():
    result = rescaled([100, 101, 150, 151], padding=150, padding_limit=101)
    assert result.values.tolist() == [[-924, -1024, -1024, -873]]


def test_ct_padding_above_air_is_padding_all_the_same():
    assert rescaled([3000], padding=3000).values.tolist() == [[-1024]]


def test_ct_values_below_the_scale_are_raised_and_counted():
    result = rescaled([-2000, 0, 1024])
    assert result.values.tolist() == [[-1024, -1024, 0]]
    assert (result.padding_voxels, result.raised_voxels) == (0, 1)


def test_mr_padding_stays():
    result = rescaled([-2000, 5], Rescale(), "MR", padding=-2000)
    assert result.values.tolist() == [[-2000, 5]]
    assert result.padding_voxels == 0


def test_values_beyond_float32_are_refused():
    with pytest.raises(BadInputError, match=r"rescaled values run from 1e\+60"):
        rescaled([1, 2], Rescale(slope=1e60, intercept=0), "MR")


@pytest.mark.parametrize(
    ("modality", "rescales", "unit"),
    [
        ("CT", [HU, Rescale(slope=1, intercept=0)], "HU"),
        ("MR", [Rescale(), Rescale()], "1"),
        ("MR", [Rescale(slope=2, intercept=1, rescale_type="normalized")], "1"),
        ("PT", [Rescale(slope=2, intercept=0, units="BQML")], "Bq/ml"),
        ("PT", [Rescale(slope=2, intercept=0, units="GML")], "g/ml"),
        ("PT", [Rescale(slope=2, intercept=0, units="CNTS")], "CNTS"),
    ],
)
def test_a_series_has_one_unit(modality, rescales, unit):
    assert find_unit(modality, rescales) == unit


@pytest.mark.parametrize(
    ("modality", "rescales", "message"),
    [
        ("CT", [HU, Rescale(slope=1, intercept=0, rescale_type="US")], "Rescale Type of the CT is US, expected HU"),
        ("CT", [Rescale(slope=1, intercept=0, rescale_type="Mrs Jones")], "Rescale Type of the CT is no code"),
        ("CT", [Rescale()], "0 of 1 images have both Rescale Slope and Rescale Intercept, 0 have one of them"),
        ("MR", [Rescale(), Rescale(slope=1, intercept=0)], "1 of 2 images have both"),
        ("MR", [Rescale(slope=1)], "0 of 1 images have both .* 1 have one of them"),
        ("MR", [Rescale(slope=0, intercept=1)], "Rescale Slope is 0"),
        ("CT", [Rescale(has_lookup_table=True), HU], "1 of 2 images have a Modality LUT Sequence"),
        ("PT", [Rescale(slope=1, intercept=0, units="BQML"), Rescale(slope=1, intercept=0)], "mixes 2 units"),
    ],
)
def test_a_series_without_one_known_unit_is_refused(modality, rescales, message):
    with pytest.raises(BadInputError, match=message):
        find_unit(modality, rescales)
