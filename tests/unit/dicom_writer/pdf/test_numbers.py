"""Numbers as they are written in the report."""

from types import SimpleNamespace

import pytest

from clara_stages.dicom_writer.measurements import SegmentMeasurements
from clara_stages.dicom_writer.pdf.numbers import NOT_MEASURED, shown_length, shown_number, table_columns


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "0"), (None, NOT_MEASURED), (1754.96, "1755"), (424.94, "424.9"), (34.786, "34.79"), (9.4051, "9.405"),
        (-276.0, "-276.0"), (0.0123456, "0.01235"), (0.00123456, "0.001235"), (0.000123456, "1.23e-04"),
        (-999.96, "-1000.0"), (123456.7, "123457"), (1234567.0, "1.23e+06"),
    ],
)  # fmt: skip
def test_numbers_have_four_digits_that_mean_something(value, expected):
    assert shown_number(value) == expected


def test_lengths_have_one_decimal():
    assert shown_length(12.34) == "12.3"
    assert shown_length(None) == NOT_MEASURED


def test_what_was_measured_of_no_segment_has_no_column():
    measured = [SegmentMeasurements(label=SimpleNamespace(), voxels=3, mean=1.0, unit="{SUVbw}g/ml")]
    assert [column.heading for column in table_columns(measured)] == ["Voxels", "Mean (SUVbw g/ml)"]


def test_the_slice_of_the_long_axis_is_counted_from_1():
    measured = [SegmentMeasurements(label=SimpleNamespace(), voxels=3, long_axis_mm=7.0, long_axis_slice=0)]
    assert [column.texts for column in table_columns(measured)] == [["3"], ["7.0"], ["1"]]
