import datetime

import pytest
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.header.source_time import (
    UNKNOWN_TIME,
    date_text,
    latest_source_time,
    result_moment,
    time_text,
)


def instance(**attributes):
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"ContentDate": "20210304", "ContentTime": "101112.5"}, "2021-03-04 10:11:12.500000"),
        ({"ContentDate": "20210304", "ContentTime": "10", "StudyDate": "20210305"}, "2021-03-05 00:00:00"),
        ({"StudyDate": "20210304", "StudyTime": "2561"}, "2021-03-04 00:00:00"),
        ({"StudyDate": "20210304", "StudyTime": "235960"}, "2021-03-04 23:59:59"),
        ({"ContentDate": "20219999", "SeriesDate": "20200101", "SeriesTime": "0830"}, "2020-01-01 08:30:00"),
        ({"AcquisitionDate": "1999.01.02"}, "None"),
        ({}, "None"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_latest_valid_moment_is_taken(attributes, expected):
    assert str(latest_source_time([instance(**attributes)])) == expected


def test_the_latest_of_all_instances_counts():
    instances = [instance(ContentDate=f"2021030{day}") for day in (2, 4, 3)]
    assert str(latest_source_time(instances)) == "2021-03-04 00:00:00"


def test_texts_are_da_and_tm():
    assert (date_text(UNKNOWN_TIME), time_text(UNKNOWN_TIME)) == ("19000101", "000000")
    assert date_text(datetime.datetime.fromisoformat("0214-01-02")) == "02140102"
    assert time_text(datetime.datetime.fromisoformat("2021-01-01T01:02:03.450000")) == "010203.450000"


def test_a_source_without_a_date_gives_one_that_nobody_takes_for_real_and_a_warning():
    warnings: list[str] = []
    assert result_moment([instance()], warnings.append) == UNKNOWN_TIME
    assert warnings == ["the source states no date: the result's dates are 1900-01-01"]
