"""Text from data is shown, and never acts."""

import pytest

from rmkit.errors import InputError, did_you_mean, shown


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x07", "\\x07"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x9b31m", "\\x9b31m"),  # the one-letter form of ESC [
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("a\u2028b\x85", "a\\u2028b\\x85"),
        ("\u200b\ufeff\U000e0041", "\\u200b\\ufeff\\U000e0041"),  # text that nobody sees
        ("\ud800", "\\ud800"),
        (7, "7"),
    ],
)
def test_what_acts_stands_as_an_escape(text, seen):
    assert shown(text) == seen


@pytest.mark.parametrize("text", ["Zürich, 東京　ok", "می‌خواهم", "👩‍👩‍👧", "a b", "क्‍ष", "\\x1b"])
def test_letters_of_every_script_stay(text):
    assert shown(text) == text


def test_an_error_is_one_line_whatever_it_quotes():
    error = InputError("There is no \x1b[31mfile\nrmkit: all fine")
    assert str(error) == "There is no \\x1b[31mfile\\nrmkit: all fine"
    assert isinstance(error, ValueError)


def test_the_nearest_name_else_all():
    assert did_you_mean("mth", ["math", "code"]) == "; did you mean 'math'?"
    assert did_you_mean("zzz", ["math", "code"]) == "; there is 'math', 'code'."
    assert did_you_mean("zzz", []) == "; there is none."
