import pytest

from clara_stages.dicom_writer.text import code_string, long_string


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
