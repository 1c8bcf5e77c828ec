"""What an optimizer is asked for, and how items of its answers are read."""

import pytest

from engine.policies.edits.edit import Edit
from engine.policies.edits.modes import (
    FULL_REWRITE,
    PATCH,
    REWRITE,
    ReadItems,
    RevisionSuggestion,
    SkillCandidate,
    UnknownMode,
    UpdateMode,
    mode_named,
    read_items,
    truncated,
)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("patch", PATCH),
        (" EDITS ", PATCH),
        ("rewrite", REWRITE),
        ("rewrite_from_suggestions", REWRITE),
        ("suggestions", REWRITE),
        ("full_rewrite", FULL_REWRITE),
        ("skill_rewrite_minibatch", FULL_REWRITE),
    ],
)
def test_a_mode_has_the_names_that_skillopt_gives_it(name: str, mode: UpdateMode) -> None:
    """So that its settings can be taken over."""
    assert mode_named(name) == mode


def test_a_mode_that_is_none_is_refused() -> None:
    """SkillOpt takes every other word for patch."""
    with pytest.raises(UnknownMode, match="no update mode 'ptch'"):
        mode_named("ptch")


def test_edits_are_read_one_by_one() -> None:
    """One that is none does not cost the others."""
    payload = {"edits": [{"op": "append", "content": "x"}, 5, {"op": "delete", "target": "t"}]}
    assert read_items(PATCH, payload) == ReadItems(
        (Edit("append", "x"), Edit("delete", target="t")),
        ("item 2: an edit is an object, and a value of type int was given",),
    )


def test_suggestions_are_read() -> None:
    """One without words suggests nothing."""
    payload = {
        "revise_suggestions": [
            {"title": "t", "instruction": "i", "type": "clarify", "priority_hint": 3, "support_count": 2},
            {"title": " "},
            "x",
            {"title": "t"},
        ]
    }
    assert read_items(REWRITE, payload) == ReadItems(
        (RevisionSuggestion("t", "i", type="clarify", support_count=2), RevisionSuggestion("t")),
        ("item 2: a suggestion has an 'instruction' or a 'title'", "item 3: an item is an object"),
    )


def test_candidates_are_read() -> None:
    """A summary may be a list or one text; without a document there is no candidate."""
    payload = {
        "skill_candidates": [
            {"new_skill": "# S\n", "change_summary": ["a", 1, " "], "source_type": "failure", "merge_level": 1},
            {"new_skill": "# T\n", "change_summary": "b", "title": "t"},
            {"new_skill": " \n", "title": "t"},
        ]
    }
    assert read_items(FULL_REWRITE, payload) == ReadItems(
        (
            SkillCandidate("# S\n", change_summary=("a",), source_type="failure", merge_level=1),
            SkillCandidate("# T\n", "t", ("b",)),
        ),
        ("item 3: a candidate has a 'new_skill'",),
    )


def test_an_answer_without_a_list_has_no_items() -> None:
    """Which is not the same as an empty list: that drops everything on purpose."""
    assert read_items(PATCH, {"skill_candidates": []}) is None
    assert read_items(PATCH, {"edits": {}}) is None
    assert read_items(PATCH, {"edits": []}) == ReadItems((), ())


def test_items_are_cut_to_the_first() -> None:
    """None are kept of 0; a negative number is no limit."""
    items = (Edit("append", "a"), Edit("append", "b"))
    assert truncated(items, 1) == items[:1]
    assert truncated(items, 0) == ()
    assert truncated(items, -1) == items
    assert truncated(items, None) == items
