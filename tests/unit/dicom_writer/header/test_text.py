import pytest

from clara_stages.dicom_writer.header.text import code_string, long_string, short_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Organs  (demo)\n", "Organs (demo)"),
        ("left\\right", "left right"),
        ("x" * 70, "x" * 61 + "..."),
        (
            "Demonstration on phantoms only. Not for diagnosis, not for any clinical decision.",
            "Demonstration on phantoms only. Not for diagnosis, not for...",
        ),
        ("y" * 64, "y" * 64),
    ],
)
def test_a_long_string_is_one_line_cut_after_a_word(text, expected):
    assert long_string(text) == expected
    assert len(long_string(text)) <= 64


def test_a_code_string_has_capitals_and_16_characters():
    assert code_string("Demonstration-only, please") == "DEMONSTRATION_ON"


def test_a_short_text_keeps_its_lines_and_is_cut_at_1024():
    assert short_text(" one\r\ntwo\x00\x1bthree ") == "one\r\ntwo  three"
    assert len(short_text("x" * 2000)) == 1024


@pytest.mark.parametrize(
    ("text", "expected"),
    [("../../1 liver", "LIVER"), ("<b>{{ x }}</b> %", "B___ X ____B"), ("2 肝臓", "RESULT"), ("", "RESULT")],
)
def test_a_code_string_begins_with_a_letter_and_is_never_empty(text, expected):
    assert code_string(text) == expected


@pytest.mark.parametrize("make", [long_string, short_text])
def test_marks_that_nobody_sees_and_halves_of_characters_are_left_out(make):
    assert make("a\x85b\u202ec\u2028d\ud800e") == "a b c d e"
