"""The rule selects; among several a stated order decides; no description reaches a message."""

import pytest

from clara_stages.dicom_reader.headers.study import load_study
from clara_stages.dicom_reader.selection import choose_series, group_series
from clara_stages.kit import BadInputError
from tests.support.series import CORONAL, uid, write_ct_series, write_series


def series_of(folder):
    return group_series(load_study(folder).instances)


def numbered(number):
    def change(_k, dataset):
        dataset.SeriesNumber = number
        dataset.SeriesDescription = "Mary Jones"

    return change


def test_the_rule_selects_by_the_facts(tmp_path):
    write_ct_series(tmp_path, series="ct")
    write_series(tmp_path, modality="MR", series="mr")
    selection = choose_series(series_of(tmp_path), 'series.modality == "MR"')
    assert selection.series.facts["modality"] == "MR"
    assert selection.choice == ""


def test_of_several_the_one_with_most_slices_is_taken_and_said(tmp_path):
    write_ct_series(tmp_path, series="thick", shape=(8, 8, 4), change=numbered(2))
    write_ct_series(tmp_path, series="thin", shape=(8, 8, 6), change=numbered(3))
    selection = choose_series(series_of(tmp_path), 'series.modality == "CT"')
    assert selection.series.facts["number"] == 3
    assert selection.choice == (
        '2 series match the rule series.modality == "CT"; taken is series 3, CT, 6 instances, '
        "which has most slices (the next has 4)"
    )


def test_of_equals_the_lowest_series_number_is_taken_then_the_lowest_uid(tmp_path):
    write_ct_series(tmp_path / "numbers", series="a", change=numbered(7))
    write_ct_series(tmp_path / "numbers", series="b", change=numbered(5))
    selection = choose_series(series_of(tmp_path / "numbers"), "")
    assert selection.series.facts["number"] == 5
    assert "has the lowest Series Number" in selection.choice
    write_ct_series(tmp_path / "uids", series="a", change=numbered(7))
    write_ct_series(tmp_path / "uids", series="b", change=numbered(7))
    series = series_of(tmp_path / "uids")
    selection = choose_series(series, "")
    assert selection.series.facts["series_instance_uid"] == min(item.facts["series_instance_uid"] for item in series)
    assert "has the lowest UID" in selection.choice


def test_a_localizer_gives_way_to_a_stack(tmp_path):
    def same_series(_k, dataset):
        dataset.SeriesInstanceUID = uid("study", "localizer")

    write_series(tmp_path, modality="MR", series="localizer", shape=(8, 8, 9))
    write_series(tmp_path, modality="MR", series="more", orientation=CORONAL, shape=(8, 8, 9), change=same_series)
    write_series(tmp_path, modality="MR", series="t2", shape=(8, 8, 5))
    selection = choose_series(series_of(tmp_path), 'series.modality == "MR"')
    assert selection.series.facts["instances"] == 5
    assert selection.choice.endswith("the only one that is a stack of slices")


def test_a_damaged_stack_does_not_give_way_to_another(tmp_path):
    write_ct_series(tmp_path, series="whole", shape=(8, 8, 4))
    write_ct_series(tmp_path, series="damaged", shape=(8, 8, 9))[4].unlink()
    assert choose_series(series_of(tmp_path), "").series.facts["instances"] == 8


def test_what_there_is_instead_is_listed_without_descriptions(tmp_path):
    write_ct_series(tmp_path, series="ct", change=numbered(2))
    with pytest.raises(BadInputError) as caught:
        choose_series(series_of(tmp_path), 'series.modality == "PT"')
    assert (
        caught.value.message == 'none of 1 series matches the rule series.modality == "PT" (series 2, CT, 6 instances)'
    )


def test_a_matching_series_that_is_no_volume_says_why(tmp_path):
    def colour(_k, dataset):
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0

    write_ct_series(tmp_path, change=colour)
    with pytest.raises(BadInputError, match=r"1 series that match .* each image is a colour image \(RGB, 3 samples"):
        choose_series(series_of(tmp_path), "series.instances > 1")


def test_objects_of_other_classes_are_named_by_their_class(tmp_path):
    def secondary_capture(_k, dataset):
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"

    write_ct_series(tmp_path, change=secondary_capture)
    with pytest.raises(BadInputError, match="Secondary Capture Image Storage, no single-frame CT, MR or PET"):
        choose_series(series_of(tmp_path), "")


def test_two_studies_are_refused_unless_the_rule_leaves_one(tmp_path):
    write_ct_series(tmp_path, study="one", series="a", change=numbered(1))
    write_ct_series(tmp_path, study="two", series="b", change=numbered(2))
    series = series_of(tmp_path)
    with pytest.raises(BadInputError, match="2 matching series belong to 2 studies"):
        choose_series(series, "")
    assert choose_series(series, "series.number == 2").series.facts["number"] == 2


@pytest.mark.parametrize("rule", ["series.modalty == 'CT'", "series.number", "series.number =="])
def test_a_rule_that_fails_is_bad_input(tmp_path, rule):
    write_ct_series(tmp_path)
    with pytest.raises(BadInputError, match="parameter 'select'"):
        choose_series(series_of(tmp_path), rule)
