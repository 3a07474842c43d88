"""CEL rules over the facts."""

import pytest

from clara_stages.kit.contract.facts import SAMPLE_SERIES, SAMPLE_STUDY, SAMPLE_VOLUME, build_study_facts, header_values
from clara_stages.kit.contract.rules import RuleError, check_rule, evaluate_rule


def header(uid: str, series: str = "1.1", **values):
    return {"StudyInstanceUID": "1", "SeriesInstanceUID": series, "SOPInstanceUID": uid, "Modality": "CT", **values}


def test_facts_have_every_key_of_the_sample_and_its_types():
    facts = build_study_facts([header("1")])
    assert set(facts) == set(SAMPLE_STUDY)
    assert {key: type(value) for key, value in facts["series"][0].items()} == {
        key: type(value) for key, value in SAMPLE_SERIES.items()
    }


def test_the_order_of_arrival_changes_no_fact():
    headers = [
        header("2", SeriesDescription="b"),
        header("1", SeriesDescription="a"),
        header("3", "1.2", Modality="MR"),
    ]
    assert build_study_facts(headers) == build_study_facts(reversed(headers))


def test_one_marked_instance_makes_a_phantom_series():
    facts = build_study_facts([header("1"), header("2", QualityControlSubject="YES")])
    assert facts["series"][0]["quality_control_subject"] is True


@pytest.mark.parametrize(
    ("rule", "answer"),
    [
        ('study.series.exists(s, s.modality == "CT" && s.instances >= 2)', True),
        ('study.series.exists(s, s.modality == "MR")', False),
        ('"CT" in study.modalities', True),
        ("study.instances == 2 && size(study.series) == 1", True),
        ('study.series.all(s, s.description.matches("(?i)abd"))', False),
        ("study.series[0].slice_thickness_mm < 5.0", True),
    ],
)
def test_a_rule_answers_for_a_study(rule, answer):
    check_rule(rule, "study")
    assert evaluate_rule(rule, study=build_study_facts([header("1"), header("2")])) is answer


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("study.", "no CEL expression"),
        ('"CT"', "answers a string, expected true or false"),
        ("study.modality", "did you mean 'modalities'"),
        ('false && study.series.exists(s, s.modalty == "CT")', "unknown 'modalty'; did you mean 'modality'"),
        ("patient == 3", "cannot be evaluated"),
        ("patient.age > 3", "unknown 'age'"),
        ('study.instances == "20" && study.instances > "3"', "cannot be evaluated"),
        ("", "no CEL expression"),
    ],
)
def test_a_rule_that_could_not_be_evaluated_later_is_refused_now(rule, said):
    with pytest.raises(RuleError, match=said):
        check_rule(rule, "study")


def test_a_name_inside_a_text_is_no_fact():
    check_rule('series.description == "a.b.modalty"', "series")


class Header:
    """A data set as pydicom gives it: attributes by keyword, some of them broken."""

    StudyInstanceUID = "1"
    SeriesInstanceUID = "1.1"
    SOPInstanceUID = "1.1.1"
    Modality = "CT"
    SeriesDescription = ""
    Rows = 512
    SliceThickness = 2.5
    PixelSpacing = (0.5, 0.75)
    ImageType = ("ORIGINAL", "PRIMARY")
    SeriesNumber = "not a number"
    BodyPartExamined = None

    @property
    def Manufacturer(self):
        raise ValueError("broken element")


def test_a_header_is_read_as_far_as_it_can_be():
    facts = build_study_facts([header_values(Header())], called_ae_title="A", calling_ae_title="B")
    (series,) = facts["series"]
    assert (facts["called_ae_title"], facts["calling_ae_title"], facts["modalities"]) == ("A", "B", ["CT"])
    assert (series["rows"], series["slice_thickness_mm"], series["pixel_spacing_mm"]) == (512, 2.5, [0.5, 0.75])
    assert (series["image_type"], series["number"], series["manufacturer"]) == (["ORIGINAL", "PRIMARY"], 0, "")


def test_a_single_value_of_a_list_is_a_list_of_one():
    facts = build_study_facts([header("1", ImageType="ORIGINAL", PixelSpacing=0.5)])
    assert (facts["series"][0]["image_type"], facts["series"][0]["pixel_spacing_mm"]) == (["ORIGINAL"], [])


def test_a_study_without_an_instance_has_empty_facts():
    assert build_study_facts([])["series"] == []


@pytest.mark.parametrize("text", ["NaN", "inf", "1e999"])
def test_a_number_that_is_none_is_no_fact(text):
    assert build_study_facts([header("1", SliceThickness=text)])["series"][0]["slice_thickness_mm"] == 0.0


def test_a_rule_about_series_may_ask_for_the_volume_too():
    rule = 'series.modality == "MR" && volume.b_value >= 500.0'
    check_rule(rule, "series")
    series = build_study_facts([header("1", Modality="MR")])["series"][0]
    assert evaluate_rule(rule, series=series, volume=SAMPLE_VOLUME)
    assert not evaluate_rule(rule, series=series, volume=SAMPLE_VOLUME | {"b_value": 50.0})


def test_a_misspelt_fact_of_a_volume_comes_with_the_nearest_one():
    with pytest.raises(RuleError, match="unknown 'bvalue'; did you mean 'b_value'"):
        check_rule("volume.bvalue == 800.0", "series")


def test_what_a_person_typed_is_not_said_where_a_rule_answers_it():
    study = build_study_facts([header("1") | {"StudyDescription": "JONES^MARY"}])
    with pytest.raises(RuleError, match="answers a string") as caught:
        evaluate_rule("study.description", study=study)
    assert "JONES" not in str(caught.value)
