"""What a check says may be passed on, but not what it expected."""

import pytest

from engine.policies.feedback import HIDDEN, hide_expected, hide_values, values_in

TOLD = "Write the word that words.txt names, as 'utf-8', into answer.txt, within 3 lines."


@pytest.mark.parametrize(
    ("message", "passed_on"),
    [
        ("assert 41 == 42", f"assert {HIDDEN} == {HIDDEN}"),
        ("3 lines, not 4", f"3 lines, not {HIDDEN}"),
        ("AssertionError: assert 'nope' == 'hello'", f"AssertionError: assert '{HIDDEN}' == '{HIDDEN}'"),
        ('it is "hello world"', f'it is "{HIDDEN}"'),
        ("not encoded as 'utf-8'", "not encoded as 'utf-8'"),
        ("assert b'ab' == b'hel", f"assert b'{HIDDEN}' == b'{HIDDEN}"),
        ("the file doesn't exist, and it isn't there", "the file doesn't exist, and it isn't there"),
        ("-1.5e3 is too small", f"{HIDDEN} is too small"),
        ("test_v2 of part2.py", "test_v2 of part2.py"),
        (r"'it\'s hello' is wrong", f"'{HIDDEN}' is wrong"),
        ("another word", "another word"),
    ],
)
def test_values_that_the_task_does_not_say_are_hidden(message: str, passed_on: str) -> None:
    """Numbers and quoted texts tend to be what was expected; a message that was cut within one hides the rest."""
    assert hide_values(message, TOLD) == passed_on


@pytest.mark.parametrize(
    ("message", "passed_on"),
    [
        ("Paris is the capital, and paris it is", f"{HIDDEN} is the capital, and {HIDDEN} it is"),
        ("Parisian is no answer", "Parisian is no answer"),
        ("words.txt is not it", "words.txt is not it"),
        ("New Paris", HIDDEN),
    ],
)
def test_known_answers_are_hidden_as_whole_words_unless_the_task_says_them(message: str, passed_on: str) -> None:
    """The longer answer is hidden first, so that no part of it stays."""
    assert hide_expected(message, TOLD, ("Paris", "New Paris", "words.txt", "  ")) == passed_on


def test_every_text_and_number_of_an_expected_value_is_found() -> None:
    """However deep it stands; truth values are none."""
    assert list(values_in({"a": ["x", 4, 2.5, True, None], "b": {"c": "y"}})) == ["x", "4", "2.5", "y"]
