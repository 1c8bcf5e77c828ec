"""Scorers answer as those of the benchmarks do, and differ from them on purpose in one named place."""

import datetime as dt
from fractions import Fraction
from typing import Any, Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.items.scorers.anls import SOLVED, anls, read_expected
from engine.items.scorers.answer_tags import first_tagged, last_tagged, widest_last
from engine.items.scorers.cells import CellRangeUnreadable, SheetSize, cell_names, read_ranges, same_value
from engine.items.scorers.choice import AnswerChoice, chosen_label
from engine.items.scorers.em import contains_match, exact_match
from engine.items.scorers.f1 import f1_score
from engine.items.scorers.office import OfficeScore, office_score

END: Final = SheetSize(rows=3, columns=2)
"""Of a sheet."""


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
    assert (one.sheet, one.cells(END), other.sheet, other.cells(END)) == ("My Sheet", ("A1", "A2"), "Data", ("B1",))
    assert read_ranges("A1")[0].sheet is None


@pytest.mark.parametrize("written", ["A:B", "", "A", "1", "1A", "A1:", ":A1", "A1:B", "A1:B2:C3", "É1:É2", "R1C1"])
def test_what_is_no_range_is_refused(written: str) -> None:
    """By name, and nothing is guessed."""
    with pytest.raises(CellRangeUnreadable, match="is not a range of cells"):
        cell_names(written)


@pytest.mark.parametrize(
    ("position", "found"),
    [
        ("A:B", [(None, ("A1", "A2", "A3", "B1", "B2", "B3"))]),
        ("$B:$B", [(None, ("B1", "B2", "B3"))]),
        ("2:3", [(None, ("A2", "A3", "B2", "B3"))]),
        ("B2:B", [(None, ("B2", "B3"))]),
        ("$A$1:b2", [(None, ("A1", "A2", "B1", "B2"))]),
        ("'b2b, sez, de'!A1", [("b2b, sez, de", ("A1",))]),
        ("'a, b'!A1, 'c, d'!B1,C1", [("a, b", ("A1",)), ("c, d", ("B1",)), (None, ("C1",))]),
        ("'One!'A1:A2,'Two!'B1'", [("One", ("A1", "A2")), ("Two", ("B1",))]),
        ('"One"!A1,', [("One", ("A1",))]),
        ("'ورقة1'!A1", [("ورقة1", ("A1",))]),
        ("'A1:A2'", [(None, ("A1", "A2"))]),
        ("'It''s'!A1", [("It''s", ("A1",))]),
        ("a!b!A1", [("a!b", ("A1",))]),
        ("A2:A1", [(None, ())]),
    ],
)
def test_where_an_answer_stands_in_a_workbook(position: str, found: list[tuple[str | None, tuple[str, ...]]]) -> None:
    """Whole columns and rows reach to the end of the sheet; commas and quotes stand where data sets have them."""
    assert [(each.sheet, each.cells(END)) for each in read_ranges(position)] == found


@pytest.mark.parametrize(
    "position",
    ["", ",", " , ", "!A1", "''!A1", "'a, b", "A0", "A1:A0", "XFE1", "XFE:XFE", "A1048577", "A:2", "A1:XFD1048576",
     "Sheet1", "A1;B2", "A1:B2:C3", "1048577:1048577", f"A{'9' * 5_000}"],
)  # fmt: skip
def test_what_no_workbook_has_is_refused_when_it_is_read(position: str) -> None:
    """Before a run begins; so is a range of more cells than can be compared."""
    with pytest.raises(CellRangeUnreadable, match="is not a range of cells") as refused:
        read_ranges(position)
    assert "B2" in str(refused.value.remedy)


WORDS: Final = st.sampled_from(
    ["the", "An", "million", "Billions", "dollars", "5", "1,234.5", "-3", "12%", "$5", "€7", "(B)", "b", "Two", "é",
     "ß", "İ", "½", "٣", "_", "—", "<answer>", "</ANSWER>", "\n", "\u2028", "[", '"', "'", "{", "NaN", "1e3", " "]
)  # fmt: skip
TEXTS: Final = st.lists(WORDS, max_size=6).map(" ".join) | st.text(max_size=12)
CELLS: Final = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), TEXTS, st.datetimes(), st.dates(), st.times(),
    st.timedeltas(), st.just(10**400),
)  # fmt: skip


@given(answer=TEXTS, expected=st.lists(TEXTS, max_size=3))
def test_whatever_is_said_has_a_score_from_0_to_1_which_case_and_space_leave_alone(
    answer: str, expected: list[str]
) -> None:
    """And one that is right is right to the full."""
    for hard, soft in (
        (exact_match(answer, expected), f1_score(answer, expected)),
        (anls(answer, expected) == 1, anls(answer, expected)),
        *((score.exact, score.f1) for score in (office_score(answer, each) for each in expected)),
    ):
        assert 0 <= soft <= 1
        assert soft == 1 or not hard
    spaced = f"  {' '.join(answer.split())}\n"
    assert exact_match(spaced, expected) == exact_match(answer, expected)
    assert anls(spaced, expected) == anls(answer, expected)
    for each in expected:
        assert exact_match(each, expected)
        assert anls(each, expected) == 1
        assert office_score(each, each) == OfficeScore(exact=True, f1=Fraction(1))


@given(text=TEXTS)
def test_wherever_an_answer_stands_it_is_found_again_between_tags(text: str) -> None:
    """Whatever else the tags hold, but tags."""
    assume("<" not in text)
    tagged = f"so\n<answer>{text}</Answer>"
    assert {last_tagged(tagged), first_tagged(tagged), widest_last(tagged)} == {text.strip()}


@given(one=CELLS, other=CELLS)
def test_cells_compare_alike_from_both_sides_whatever_they_hold(one: Any, other: Any) -> None:
    """Also numbers that no float holds; only what is no number differs from itself."""
    assert same_value(one, other) is same_value(other, one)
    assert same_value(one, one) or str(one).strip().lower().lstrip("+-") == "nan"


@given(given=st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["answers", "text", "x"]), inner),
))  # fmt: skip
def test_expected_answers_are_read_whatever_a_table_holds(given: Any) -> None:
    """There is always one, if only an empty one."""
    read = read_expected(given)
    assert read
    assert all(isinstance(each, str) for each in read)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (" x ", ("x",)),
        ('{"ground_truth": ["x", "y"]}', ("x", "y")),
        ("{'answer': 'x'}", ("x",)),
        ([{"text": "x"}, {"value": 3}, {"answer": ["y", "z"]}, "w"], ("x", "3", "y", "z", "w")),
        ("{'a', 'b'}", ("a", "b")),
        ("[1, 2.5, true, null]", ("1", "2.5", "True", "None")),
        ("[not a list", ("[not a list",)),
        ("[" * 100_000, ("[" * 100_000,)),
        ({"answers": None}, ("",)),
        ({"other": 1}, ("{'other': 1}",)),
        (5, ("5",)),
    ],
)
def test_expected_answers_stand_in_many_forms(given: Any, read: tuple[str, ...]) -> None:
    """As DocVQA's own reader takes them."""
    assert read_expected(given) == read


@pytest.mark.parametrize(
    ("answer", "expected", "exact"),
    [
        ("-184.143", "−184.143", False),  # noqa: RUF001 - as the questions have it
        ("184.143", "−184.143", False),  # noqa: RUF001
        ("[0.096, −184.143]", "0.096 −184.143", True),  # noqa: RUF001
        ("€5", "5", False),
        ("$5", "5", True),
        ("36080", "36080 million", True),
        ("1608.80%", "1608.80", False),
        ("1608.8%", "1608.80%", False),
        ("1,169.41 Million", "1169.41 million", True),
        ("", "", True),
        ("million", "", True),
        ("26_02", "2602", True),
    ],
)
def test_figures_are_compared_as_they_are_written(answer: str, expected: str, *, exact: bool) -> None:
    """No tolerance: commas, ASCII signs and words of scale count for nothing, digits and all else do."""
    assert office_score(answer, expected).exact is exact


def test_a_choice_has_its_words_in_any_case_and_an_empty_one_is_chosen_by_nobody() -> None:
    """Labels are compared in capitals, without what stands behind them."""
    choices = [AnswerChoice("a.", " Two "), AnswerChoice("B", ""), AnswerChoice("C)", "x y")]
    given = ["TWO", "", "A", "a)", "c: x", "X Y", "b .", "x"]
    assert [chosen_label(each, choices) for each in given] == ["A", "", "A", "A", "C", "C", "B", "X"]
