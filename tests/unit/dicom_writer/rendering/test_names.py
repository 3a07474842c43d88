"""What can be read in pictures and reports."""

from types import SimpleNamespace

import pytest

from clara_stages.dicom_writer.inputs.label_table import Code
from clara_stages.dicom_writer.rendering.fonts import REPLACEMENT, is_legible, legible
from clara_stages.dicom_writer.rendering.names import shown_colour, shown_name, shown_unit

LEFT = Code(scheme="SCT", value="7771000", meaning="Left")


def label(name, meaning="Liver", side=None, colour=(200, 100, 50)):
    kind = Code(scheme="SCT", value="1", meaning=meaning)
    return SimpleNamespace(name=name, type=kind, laterality=side, segment_number=7, colour_rgb=colour)


@pytest.mark.parametrize(
    "text",
    [
        "left kidney",
        "Leber, rechter Lappen (größer)",
        "Πνεύμονας αριστερός",
        "печень и желчный пузырь",
        "±5 µm², ≥ 2 °, ½",
    ],
)
def test_latin_greek_and_cyrillic_are_shown_as_they_are(text):
    assert legible(text) == text


def test_a_letter_with_its_accent_apart_is_put_together():
    assert legible("e\u0301") == "é"


@pytest.mark.parametrize("hidden", ["\x00", "\x1b", "\x85", "\u200b", "\u202e", "\ufeff", "\ue000"])
def test_what_has_no_glyph_is_seen_to_be_missing(hidden):
    assert legible(f"a{hidden}b") in (f"a{REPLACEMENT}b", "a b")
    assert hidden not in legible(f"a{hidden}b")


def test_lines_become_one():
    assert legible(" a\n\tb \r\n c ") == "a b c"


def test_a_name_that_cannot_be_shown_gives_way_to_its_code():
    assert shown_name(label("肝臓")) == "Liver"
    assert shown_name(label("肝臓", side=LEFT)) == "Liver (left)"


def test_where_the_code_cannot_be_shown_either_the_number_says_which_it_is():
    name = shown_name(label("肝臓 2", meaning="肝臓"))
    assert name == f"segment 7 {REPLACEMENT * 2} 2"
    assert not is_legible("肝臓")


def test_a_side_is_added_once():
    assert shown_name(label("kidney", side=LEFT)) == "kidney (left)"
    assert shown_name(label("Left kidney", side=LEFT)) == "Left kidney"
    assert shown_name(label("cleft", side=LEFT)) == "cleft (left)"


def test_a_long_name_is_cut_visibly():
    name = shown_name(label("W" * 300))
    assert len(name) == 64
    assert name.endswith("...")


def test_a_colour_that_would_not_be_seen_on_black_is_lightened():
    assert shown_colour(label("x", colour=(0, 0, 0))) == (90, 90, 90)
    assert shown_colour(label("x", colour=(0, 0, 255))) == (0, 0, 255)


def test_units_are_shown_without_braces():
    assert shown_unit("{SUVbw}g/ml") == "SUVbw g/ml"
    assert shown_unit("1") == ""
    assert shown_unit("HU") == "HU"
