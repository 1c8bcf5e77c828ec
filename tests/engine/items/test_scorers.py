"""Scorers answer as those of the benchmarks do, and differ from them on purpose in one named place."""

import datetime as dt
from fractions import Fraction
from typing import Any

import pytest

from engine.items.scorers.anls import SOLVED, anls
from engine.items.scorers.answer_tags import first_tagged, last_tagged, widest_last
from engine.items.scorers.cells import CellRangeUnreadable, cell_names, read_ranges, same_value
from engine.items.scorers.choice import AnswerChoice, chosen_label
from engine.items.scorers.em import contains_match, exact_match
from engine.items.scorers.f1 import f1_score
from engine.items.scorers.office import office_score


@pytest.mark.parametrize(
    ("answer", "expected", "hard", "soft"),
    [
        ("The Beatles", ["beatles!"], True, Fraction(1)),
        ("New York City", ["New York"], False, Fraction(4, 5)),
        ("city of New York", ["New York", "York"], False, Fraction(2, 3)),
        ("the", [""], True, Fraction(1)),
        ("", ["x"], False, Fraction(0)),
        ("x", [], False, Fraction(0)),
        ("b b", ["b"], False, Fraction(2, 3)),
    ],
)
def test_short_answers(answer: str, expected: list[str], *, hard: bool, soft: Fraction) -> None:
    """Equal after normalising; how right, the exact share of common words."""
    assert (exact_match(answer, expected), f1_score(answer, expected)) == (hard, soft)


@pytest.mark.parametrize(("answer", "expected"), [("New York", "york"), ("York", "New York")])
def test_an_answer_may_lie_within_another(answer: str, expected: str) -> None:
    """In either direction; it is told beside the score, and is none."""
    assert contains_match(answer, [expected])
    assert not contains_match(answer, ["Paris"])


@pytest.mark.parametrize(
    ("text", "last", "first", "widest"),
    [
        ("<answer>a</answer> no, <ANSWER> b\n</Answer>", "b", "a", "b"),
        ("so it is\n 42 \n\n", "42", "42", "42"),
        ("<answer>a</answer> rest</answer>", "a", "a", "a</answer> rest"),
        ("", "", "", ""),
        ("so: <answer></answer>", "", "", ""),
    ],
)
def test_where_an_answer_stands(text: str, last: str, first: str, widest: str) -> None:
    """Three benchmarks read tags in three ways."""
    assert (last_tagged(text), first_tagged(text), widest_last(text)) == (last, first, widest)


@pytest.mark.parametrize(
    ("answer", "expected", "soft"),
    [
        ("Hallo", ["hello"], Fraction(4, 5)),
        ("ab", ["ac"], Fraction(0)),
        ("abc", ["abd"], Fraction(2, 3)),
        ("a  B", ["A b"], Fraction(1)),
        ("", [""], Fraction(1)),
        ("x", [""], Fraction(0)),
    ],
)
def test_similar_texts(answer: str, expected: list[str], soft: Fraction) -> None:
    """Half of the characters or more different is nothing at all."""
    assert anls(answer, expected) == soft
    assert (soft >= SOLVED) == (soft == 1)


def test_a_scale_counts_where_both_sides_name_one() -> None:
    """SkillOpt calls 5 million equal to 5 billion (W36); without a scale on one side it cannot be known."""
    assert office_score("5 million", "5 millions").exact
    assert office_score("$5 million", "5").exact
    wrong = office_score("5 million", "5 billion")
    assert (wrong.exact, wrong.f1) == (False, Fraction(1, 2))


@pytest.mark.parametrize(
    ("answer", "label"),
    [("b", "B"), ("(B)", "(B"), ("B.", "B"), ("two", "B"), ("C because", "C"), ("Option B", "OPTION B"), ("", "")],
)
def test_a_choice_is_read_from_its_label_or_its_words(answer: str, label: str) -> None:
    """A label counts before a choice that has the same words."""
    choices = [AnswerChoice("A", "one"), AnswerChoice("B", "two"), AnswerChoice("C", "B")]
    assert chosen_label(answer, choices) == label


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1.004, True),
        (1, 1.006, False),
        ("1.0", 1, True),
        ("", None, True),
        (0, None, False),
        (0, "", False),
        (True, 1, True),
        ("a", "a ", False),
        (dt.datetime(2020, 1, 1), 43831, True),  # noqa: DTZ001 - cells have no zone
        (dt.date(2020, 1, 1), 43831, False),
        (dt.time(1, 2, 3), dt.time(1, 2, 9), True),
        (dt.time(1, 2, 3), dt.time(1, 3, 3), False),
        ("nan", "nan", False),
    ],
)
def test_cells_that_hold_the_same(one: Any, other: Any, *, same: bool) -> None:
    """Numbers to two decimals, days whole, times to the minute; an empty text is an empty cell."""
    assert same_value(one, other) is same
    assert same_value(other, one) is same


def test_cells_are_named_column_by_column() -> None:
    """Beyond Z, too, and with the quotes that workbooks leave around names of sheets."""
    assert cell_names("Y1:AB2") == ("Y1", "Y2", "Z1", "Z2", "AA1", "AA2", "AB1", "AB2")
    assert cell_names("B2") == ("B2",)
    (one, other) = read_ranges("'My Sheet'!A1:A2, Data'!B1")
    assert (one.sheet, one.cells, other.sheet, other.cells) == ("My Sheet", ("A1", "A2"), "Data", ("B1",))
    assert read_ranges("A1")[0].sheet is None


@pytest.mark.parametrize("written", ["A:B", "", "1A", "A1:B", "A1:B2:C3"])
def test_what_is_no_range_is_refused(written: str) -> None:
    """By name, and nothing is guessed."""
    with pytest.raises(CellRangeUnreadable, match="is not a range of cells"):
        cell_names(written)
