"""The rule selects; among several a stated order decides; no description reaches a message."""

import dataclasses

import pytest

from clara_stages.dicom_reader.planning.selection import choose
from clara_stages.kit import BadInputError
from tests.support.reading import plans_of
from tests.support.series import CORONAL, uid, write_ct_series, write_series


def numbered(number):
    def change(_k, dataset):
        dataset.SeriesNumber = number
        dataset.SeriesDescription = "Mary Jones"

    return change


def test_the_rule_selects_by_the_facts(tmp_path):
    write_ct_series(tmp_path, series="ct")
    write_series(tmp_path, modality="MR", series="mr")
    selection = choose(plans_of(tmp_path), 'series.modality == "MR"')
    assert selection.plans[0].series.facts["modality"] == "MR"
    assert selection.choice == ""


def test_of_several_the_one_with_most_slices_is_taken_and_said(tmp_path):
    write_ct_series(tmp_path, series="thick", shape=(8, 8, 4), change=numbered(2))
    write_ct_series(tmp_path, series="thin", shape=(8, 8, 6), change=numbered(3))
    selection = choose(plans_of(tmp_path), 'series.modality == "CT"')
    assert selection.plans[0].series.facts["number"] == 3
    assert selection.choice == (
        '2 volumes match the rule series.modality == "CT"; taken is series 3, CT, 6 instances, '
        "which has most slices (the next has 4)"
    )


def test_of_equals_the_lowest_series_number_is_taken_then_the_lowest_uid(tmp_path):
    write_ct_series(tmp_path / "numbers", series="a", change=numbered(7))
    write_ct_series(tmp_path / "numbers", series="b", change=numbered(5))
    selection = choose(plans_of(tmp_path / "numbers"), "")
    assert selection.plans[0].series.facts["number"] == 5
    assert "has the lowest Series Number" in selection.choice
    write_ct_series(tmp_path / "uids", series="a", change=numbered(7))
    write_ct_series(tmp_path / "uids", series="b", change=numbered(7))
    plans = plans_of(tmp_path / "uids")
    selection = choose(plans, "")
    assert selection.plans[0].series.facts["series_instance_uid"] == min(
        item.series.facts["series_instance_uid"] for item in plans
    )
    assert "has the lowest UID" in selection.choice


def test_a_localizer_gives_way_to_a_stack(tmp_path):
    def same_series(_k, dataset):
        dataset.SeriesInstanceUID = uid("study", "localizer")

    write_series(tmp_path, modality="MR", series="localizer", shape=(8, 8, 9))
    write_series(tmp_path, modality="MR", series="more", orientation=CORONAL, shape=(8, 8, 9), change=same_series)
    write_series(tmp_path, modality="MR", series="t2", shape=(8, 8, 5))
    selection = choose(plans_of(tmp_path), 'series.modality == "MR"')
    assert selection.plans[0].series.facts["instances"] == 5
    assert selection.choice.endswith("the only one that is a stack of slices")


def test_a_damaged_stack_does_not_give_way_to_another(tmp_path):
    write_ct_series(tmp_path, series="whole", shape=(8, 8, 4))
    write_ct_series(tmp_path, series="damaged", shape=(8, 8, 9))[4].unlink()
    assert choose(plans_of(tmp_path), "").plans[0].series.facts["instances"] == 8


def test_what_there_is_instead_is_listed_without_descriptions(tmp_path):
    write_ct_series(tmp_path, series="ct", change=numbered(2))
    with pytest.raises(BadInputError) as caught:
        choose(plans_of(tmp_path), 'series.modality == "PT"')
    assert caught.value.message == (
        'none of 1 volumes matches the rule series.modality == "PT" (series 2, CT, 6 instances: 6 slices, 2.5 mm apart)'
    )


def test_a_matching_series_that_is_no_volume_says_why(tmp_path):
    def colour(_k, dataset):
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0

    write_ct_series(tmp_path, change=colour)
    with pytest.raises(BadInputError, match=r"1 volumes that match .* each image is a colour image \(RGB, 3 samples"):
        choose(plans_of(tmp_path), "series.instances > 1")


def test_objects_of_other_classes_are_named_by_their_class(tmp_path):
    def secondary_capture(_k, dataset):
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"

    write_ct_series(tmp_path, change=secondary_capture)
    with pytest.raises(BadInputError, match=r"none of 6 volumes can be made .* a single image"):
        choose(plans_of(tmp_path), "")


def test_two_studies_are_refused_unless_the_rule_leaves_one(tmp_path):
    write_ct_series(tmp_path, study="one", series="a", change=numbered(1))
    write_ct_series(tmp_path, study="two", series="b", change=numbered(2))
    plans = plans_of(tmp_path)
    with pytest.raises(BadInputError, match="2 matching volumes belong to 2 studies"):
        choose(plans, "")
    assert choose(plans, "series.number == 2").plans[0].series.facts["number"] == 2


@pytest.mark.parametrize("rule", ["series.modalty == 'CT'", "series.number", "series.number =="])
def test_a_rule_that_fails_is_bad_input(tmp_path, rule):
    write_ct_series(tmp_path)
    with pytest.raises(BadInputError, match="parameter 'select'"):
        choose(plans_of(tmp_path), rule)


def two_echoes(folder, **options):
    """One series with two volumes of equal size, told apart by Echo Time and Echo Number alone."""

    def echo(number):
        def change(k, dataset):
            dataset.SeriesInstanceUID = uid("study", "echoes")
            dataset.SOPInstanceUID = uid("echo", number, k)
            dataset.EchoNumbers, dataset.EchoTime = number, f"{number * 20}"

        return change

    for number in (1, 2):
        write_series(folder, modality="MR", series=f"echo{number}", change=echo(number), **options)


def test_several_volumes_of_one_series_are_not_guessed_between(tmp_path):
    two_echoes(tmp_path)
    found = r"holds 2 volumes \(told apart by .*echo.*\): .*, .*; one is expected"
    with pytest.raises(BadInputError, match=found) as caught:
        choose(plans_of(tmp_path), 'series.modality == "MR"')
    assert "volume.name ==" in caught.value.remedy


def test_a_rule_picks_a_volume_by_its_attributes(tmp_path):
    two_echoes(tmp_path)
    (plan,) = choose(plans_of(tmp_path), "volume.echo_time_ms > 30.0").plans
    assert {frame.attributes.echo_time_ms for frame in plan.frames} == {40.0}


def test_all_volumes_come_in_the_order_of_their_names(tmp_path):
    two_echoes(tmp_path)
    plans = choose(plans_of(tmp_path), "", volumes="all").plans
    assert [plan.facts["echo_number"] for plan in plans] == [1, 2]


def test_volumes_that_differ_in_one_number_are_one_volume_of_four_axes_when_asked(tmp_path):
    two_echoes(tmp_path, shape=(8, 7, 5))
    (plan,) = choose(plans_of(tmp_path), "", volumes="4d").plans
    assert plan.shape == (8, 7, 5, 2)
    assert [frame.attributes.echo_number for frame in plan.frames] == [1] * 5 + [2] * 5


def test_images_count_only_where_they_are_asked_for(tmp_path):
    write_ct_series(tmp_path, shape=(8, 8, 1))
    with pytest.raises(BadInputError, match="one slice is no volume"):
        choose(plans_of(tmp_path), 'series.modality == "CT"')
    (plan,) = choose(plans_of(tmp_path), 'series.modality == "CT"', images=True).plans
    assert plan.shape == (8, 8, 1)


def test_volumes_of_another_factor_to_the_same_unit_are_not_joined(tmp_path):
    two_echoes(tmp_path)
    plans = plans_of(tmp_path)
    heavier = dataclasses.replace(plans[1], unit=dataclasses.replace(plans[1].unit, factor=1.01))
    assert len(choose([plans[0], heavier], "", volumes="all").plans) == 2
    with pytest.raises(BadInputError, match="holds 2 volumes"):
        choose([plans[0], heavier], "", volumes="4d")


def test_a_joined_volume_has_no_fact_that_its_volumes_do_not_share(tmp_path):
    two_echoes(tmp_path)
    plans = plans_of(tmp_path)
    plans = [dataclasses.replace(plan, facts=plan.facts | {"acquisition_number": n}) for n, plan in enumerate(plans, 3)]
    (joined,) = choose(plans, "", volumes="4d").plans
    assert [joined.facts[key] for key in ("echo_number", "echo_time_ms", "acquisition_number")] == [0, 0.0, 0]
