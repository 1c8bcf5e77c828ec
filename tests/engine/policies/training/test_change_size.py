"""How long a change of a document is: what was written counts, and where nothing was, what was lost."""

from collections.abc import Mapping

import pytest

from engine.policies.training.change_size import lengths_of_change


@pytest.mark.parametrize(
    ("before", "after", "lengths"),
    [
        ({"a": "one\ntwo\n"}, {"a": "one\ntwo\n"}, {}),
        ({}, {"a": "one\n"}, {"a": 4}),
        ({"a": "one\ntwo\n"}, {"a": "one\nthree\ntwo\n"}, {"a": 6}),
        ({"a": "one\ntwo\n"}, {"a": "one\nthree\n"}, {"a": 6}),
        ({"a": "one\ntwo\n"}, {"a": "two\n"}, {"a": 4}),
        ({"a": "one\n", "b": "x\n"}, {"a": "one\n", "b": "xy\n", "c": "z\n"}, {"b": 3, "c": 2}),
        ({"a": "one\n", "b": "gone\n"}, {"a": "one\n"}, {"b": 5}),
    ],
    ids=["nothing", "new", "inserted", "replaced", "deleted", "several files", "file lost"],
)
def test_lines_that_were_written_count(
    before: Mapping[str, str], after: Mapping[str, str], lengths: Mapping[str, int]
) -> None:
    """By file; a line that was replaced counts as it is now."""
    assert lengths_of_change(before, after) == lengths
