"""Tools by which a model looks into a folder show a bounded part of it, and say what they leave out."""

import json
from typing import Any, Final

import pytest

from engine.items.tools import ToolLimits, use_tool

FILES: Final = {"a/1940.txt": "one\nTwo ", "a/1941.txt": "two", "b.md": "0123456789", "empty": ""}
LIMITS: Final = ToolLimits(paths=2, chars=4, hits=1)


def _use(name: str, **arguments: Any) -> tuple[str, bool]:
    return tuple(use_tool(name, json.dumps(arguments), FILES, LIMITS))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("glob", {"pattern": "*"}, "a/1940.txt\na/1941.txt\n[2 more paths]"),
        ("glob", {"pattern": "a/194?.txt"}, "a/1940.txt\na/1941.txt"),
        ("glob", {"pattern": "A/*"}, "no path matches A/*"),
        ("read", {"path": "b.md"}, "0123\n[6 more characters; go on with offset 4]"),
        ("read", {"path": "b.md", "offset": 6}, "6789"),
        ("read", {"path": "b.md", "offset": 5}, "5678\n[1 more characters; go on with offset 9]"),
        ("read", {"path": "b.md", "offset": 10}, "b.md has 10 characters"),
        ("read", {"path": "b.md", "offset": -3}, "0123\n[6 more characters; go on with offset 4]"),
        ("read", {"path": "empty"}, "empty is empty"),
        ("read", {"path": "../b.md"}, "there is no file ../b.md"),
        ("grep", {"text": "TWO"}, "a/1940.txt:2: Two\n[1 more lines]"),
        ("grep", {"text": "two", "path": "*1941*"}, "a/1941.txt:1: two"),
        ("grep", {"text": "(two"}, "no line holds (two"),
        ("grep", {"text": ""}, "the text to find is empty"),
        ("grep", {"text": "456"}, "b.md:1: 0123"),
    ],
)
def test_what_is_shown_is_bounded_and_what_is_left_out_is_counted(
    name: str, arguments: dict[str, Any], text: str
) -> None:
    """By the limits of the loop."""
    assert _use(name, **arguments) == (text, True)


@pytest.mark.parametrize(
    ("name", "arguments", "problem"),
    [
        ("rm", "{}", "there is no tool 'rm'; there are glob, read, grep"),
        ("read", "{", "the arguments of `read` are not JSON"),
        ("read", "{}", "the arguments of `read` are wrong: Object missing required field `path`"),
        ("glob", '{"pattern": 1}', "the arguments of `glob` are wrong: Expected `str`"),
        ("glob", '{"pattern": "*", "all": true}', "the arguments of `glob` are wrong: Object contains unknown field"),
    ],
)
def test_a_call_that_is_wrong_is_told_why(name: str, arguments: str, problem: str) -> None:
    """It counts as no call that was carried out."""
    result = use_tool(name, arguments, FILES, LIMITS)
    assert not result.ran
    assert result.text.startswith(problem)
