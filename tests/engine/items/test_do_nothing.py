"""Stories of the do-nothing baseline: what an item scores if nobody works on it."""

from fractions import Fraction
from io import BytesIO

import pytest

from engine.items.base import Item
from engine.items.do_nothing import do_nothing_mark, right_untouched
from events.digest import Digest, digest_of
from events.values import NamedDigest


def nothing(digest: Digest) -> bytes:
    """Give no bytes: the item names none."""
    raise AssertionError(digest)


def question(*answers: str) -> Item:
    """Write a question."""
    return Item(format="question", question="Which letter comes first?", expected=list(answers))


def test_an_empty_answer_is_right_where_what_is_expected_is_an_article() -> None:
    """The scorer takes articles out, so that "A" is expected to be empty; such an item says nothing of a skill."""
    assert right_untouched(question("A"), nothing)
    assert right_untouched(question("B", "the"), nothing)
    mark = do_nothing_mark(question("B"), nothing)
    assert (mark.outcome, mark.hard, mark.soft) == ("unsolved", False, Fraction(0))


def _workbook(value: object) -> bytes:
    book = pytest.importorskip("openpyxl").Workbook()
    book.active["A1"] = value
    out = BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(("begins", "soft"), [((1, 2), Fraction(1, 2)), ((1, 1), Fraction(1))])
def test_workbooks_are_scored_as_they_are_given(begins: tuple[int, int], soft: Fraction) -> None:
    """One of two is right as it stands: half right, and not solved; both: solved, and nobody did anything."""
    named = {f"{n}_t_{which}.xlsx": _workbook(value) for n, value in enumerate(begins, 1)
             for which, value in (("input", value), ("answer", 1))}  # fmt: skip
    blobs = {digest_of(data): data for data in named.values()}
    item = Item(
        format="spreadsheetbench",
        question="Write 1 into A1.",
        expected={
            "position": "A1",
            "cases": [["1_t_input.xlsx", "1_t_answer.xlsx"], ["2_t_input.xlsx", "2_t_answer.xlsx"]],
        },
        files=tuple(NamedDigest(name, digest_of(data)) for name, data in named.items()),
    )
    mark = do_nothing_mark(item, blobs.__getitem__)
    assert (mark.soft, mark.hard) == (soft, soft == 1)


def test_a_world_is_scored_at_its_beginning() -> None:
    """An errand of two parts, of which none is met where nobody moves; not one that cannot be looked at."""
    goal = {"object": "apple", "receptacle": "fridge", "state": "clean"}
    item = Item(format="household", question="An errand.", expected={"seed": 1, "goal": goal})
    mark = do_nothing_mark(item, nothing)
    assert (mark.outcome, mark.reasons) == ("unsolved", ("0 of 2 parts of the goal are met",))


def test_a_skill_that_should_not_be_read_is_not_read_by_nobody() -> None:
    """A query that should not trigger the skill is right if nothing is done; one that should is not."""
    for triggers in (True, False):
        item = Item(format="agentskills_triggers", question="Hello.", expected={"triggers": triggers, "skill": "greet"})
        assert right_untouched(item, nothing) is not triggers


def test_what_only_a_judge_can_tell_is_not_said_to_be_wrong() -> None:
    """There is no mark, as for any answer that nobody checked."""
    item = Item(format="agentskills", question="Hi.", expected={"output": None, "assertions": ["It is polite"]})
    mark = do_nothing_mark(item, nothing)
    assert (mark.outcome, mark.hard) == ("infrastructure", None)
    assert not right_untouched(item, nothing)
