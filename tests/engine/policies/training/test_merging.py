"""Merging loses nothing that it does not say, and what came from where outlives it."""

import pytest

from engine.policies.training.errors import SupportUnreadable
from engine.policies.training.merging import (
    Item,
    at_level,
    claimed_support,
    concatenated,
    groups,
    read_merged,
    sources_of,
    support_of,
)

ONE: Item = {"op": "append", "content": "a", "sources": ["fail.0"]}
TWO: Item = {"op": "append", "content": "b", "sources": ["fail.1", "fail.2"]}
GROUP = ((ONE,), (TWO,))


def test_a_group_holds_two_at_least() -> None:
    """Or a level would leave as many proposals as it had."""
    assert groups("abcde", 3) == (("a", "b", "c"), ("d", "e"))
    assert groups("abcde", 1) == groups("abcde", 2) == (("a", "b"), ("c", "d"), ("e",))
    assert groups("", 8) == ()


@pytest.mark.parametrize(
    ("answer", "items"),
    [
        ({"edits": [{"op": "append"}]}, ({"op": "append"},)),
        ({"edits": []}, ()),
        ({"edits": None}, None),
        ({"edits": ["append"]}, None),
        ({"suggestions": []}, None),
        ({}, None),
        (None, None),
    ],
)
def test_an_answer_is_a_list_of_items(answer: dict[str, object] | None, items: tuple[Item, ...] | None) -> None:
    """An empty one drops everything, which a model may; anything else drops nothing."""
    assert read_merged(answer, "edits") == items


def test_items_that_are_only_joined_keep_their_level() -> None:
    """Those that a model merged are of the level at which it did."""
    joined = concatenated((({"content": "a", "merge_level": 1},), ({"content": "b"},)))
    assert [item["merge_level"] for item in at_level(joined, 2, merged=False)] == [1, 2]
    assert [item["merge_level"] for item in at_level(joined, 2, merged=True)] == [2, 2]


def test_a_merged_item_says_what_it_rests_on() -> None:
    """On what the model names; on the same items; or on all of the group, since it was made of that (W20)."""
    new: Item = {"op": "append", "content": "c"}
    assert sources_of(new, ["fail.2", "fail.9"], GROUP) == ("fail.2",)
    assert sources_of({"op": "append", "content": "b", "merge_level": 1}, [], GROUP) == ("fail.1", "fail.2")
    assert sources_of(new, ["fail.9"], GROUP) == ("fail.0", "fail.1", "fail.2")
    assert sources_of(new, [], (({"content": "x", "sources": None},),)) == ()


def test_support_is_counted() -> None:
    """Over the rows that reflections saw, each reflection once."""
    rows = {"fail.0": 8, "fail.1": 3}
    assert support_of(["fail.0", "fail.1", "fail.0"], rows) == 11
    assert support_of(["succ.0"], rows) == 0


@pytest.mark.parametrize(
    ("claim", "support"), [(4, 4), (0, 1), (-3, 1), (None, 1), ("7", 7), ("", 1), (2.9, 2), ([], 1)]
)
def test_claimed_support_is_one_at_least(claim: object, support: int) -> None:
    """Which is what SkillOpt counts with."""
    assert claimed_support(claim) == support


@pytest.mark.parametrize("claim", ["many", [3], float("nan"), float("inf")])
def test_a_claim_that_is_no_number_is_refused(claim: object) -> None:
    """SkillOpt's whole training ends at it (W17); counting rows needs no claim."""
    with pytest.raises(SupportUnreadable, match="rests on"):
        claimed_support(claim)
