"""Edits as answers have them."""

from typing import Any

import pytest

from engine.policies.edits.edit import DOCUMENT, Edit, EditFault, count_of, read_edit


def test_an_edit_is_read_with_all_that_is_said_of_it() -> None:
    """What is not said is what an edit without it means."""
    item = {
        "op": "replace",
        "content": "c",
        "target": "t",
        "file": "a.md",
        "support_count": 3,
        "source_type": "failure",
        "merge_level": 1,
        "other": None,
    }
    assert read_edit(item) == Edit("replace", "c", "t", "a.md", 3, "failure", 1)
    assert read_edit({}) == Edit("", "", "", DOCUMENT, None, None, None)
    assert read_edit({"op": "append", "file": ""}).file == DOCUMENT


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ("append x", "an edit is an object, and a value of type str was given"),
        (None, "an edit is an object, and null was given"),
        ({"op": "append", "content": None}, "'content' of an edit is a text, and null was given"),
        ({"op": "append", "target": ["a"]}, "'target' of an edit is a text, and a value of type list was given"),
        ({"op": 1}, "'op' of an edit is a text, and a value of type int was given"),
        ({"file": {}}, "'file' of an edit is a text, and a value of type dict was given"),
    ],
)
def test_what_is_no_edit_is_named(item: Any, problem: str) -> None:
    """The optimizer hears what was wrong."""
    with pytest.raises(EditFault) as caught:
        read_edit(item)
    assert str(caught.value) == problem


@pytest.mark.parametrize(("value", "count"), [(3, 3), (0, 0), (True, None), ("3", None), (2.0, None), (None, None)])
def test_a_count_that_is_none_ends_nothing(value: Any, count: int | None) -> None:
    """SkillOpt's training ends at one (W17)."""
    assert count_of(value) == count


def test_a_source_that_is_no_word_is_left_out() -> None:
    """It says nothing that steers."""
    assert read_edit({"source_type": 1}).source_type is None
    assert read_edit({"source_type": ""}).source_type is None
