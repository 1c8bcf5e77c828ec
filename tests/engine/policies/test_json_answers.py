"""JSON in answers: taken where there is no doubt, repaired where only one object can be meant."""

import math
from typing import Any

import pytest

from engine.policies.json_answers import read_array, read_object


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ('So: {"a": 1} is it', {"a": 1}),
        ('It is {"a": 1}.', {"a": 1}),
        ('{"x": 1} and\n```json\n{"a": 1}\n```', {"a": 1}),
        ('```json{"a": 1}``` {"b": 2}', {"a": 1}),
        ('```json\nno\n```\n{"a": 1}', {"a": 1}),
        ('```json\n{"a": "``` fence"}\n```', {"a": "``` fence"}),
        ('[{"a": 1}]', {"a": 1}),
        ("{}", {}),
    ],
)
def test_an_object_is_found(text: str, value: dict[str, Any]) -> None:
    """A fenced block first, then the widest span."""
    assert read_object(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1,}', {"a": 1}),
        ('{ "a": 1,}', {"a": 1}),
        ('{"a": "he said "hi" there"}', {"a": "he said "}),
        ('{"a": "one\ntwo"}', {"a": "one\ntwo"}),
        ('{"a": 1} }', {"a": 1}),
        ('{"a": 1,} {"b": ', {"a": 1}),
        ('```json\n{"a": 1,}\n``` or {"b": 2}', {"a": 1}),
        ('"{" {"a": "}",}', {"a": "}"}),
        ('{"a": "\\"}",}', {"a": '"}'}),
    ],
)
def test_one_broken_object_is_repaired(text: str, value: dict[str, Any]) -> None:
    """A comma too many, a line break or quotes within a text."""
    read = read_object(text)
    assert read is not None
    assert read.keys() == value.keys()
    assert str(read["a"]).startswith(str(value["a"]))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "none",
        "[1, 2]",
        '{"a": 1} and {"b": 2}',
        '{"a": 1,} and {"b": 2,}',
        '{"a": 1',
        '{"a": [1, 2',
        "{a: 1}",
        "{ , }",
        "{}}",
        '{{"a": 1}',
        '```json\n[1]\n``` {"a": 1}',
        '```json\nsee {"a": 1,}\n``` or {"b": 2}',
        "null",
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"a":' * 100_000 + "1" + "}" * 100_000,
    ],
)
def test_a_doubtful_answer_is_none(text: str) -> None:
    """Two objects, one that was cut short, bare keys, a block that is no object: nothing is guessed."""
    assert read_object(text) is None


@pytest.mark.parametrize(
    "text", [r'{"\udc00": ["\ud800 a", {"b": "\ud83d\ude00"}]}', r'{"\udc00": ["\ud800 a", {"b": "\ud83d\ude00"}],}']
)
def test_half_of_a_surrogate_pair_is_no_character(text: str) -> None:
    """It could not be recorded; a whole pair is one character, also where the rest is repaired."""
    assert read_object(text) == {"\ufffd": ["\ufffd a", {"b": "\U0001f600"}]}
    assert read_array(r'["\udfff"]') == ["\ufffd"]


def test_a_number_that_is_none_is_read_as_python_does() -> None:
    """What stores it refuses it; SkillOpt's reader takes it."""
    read = read_object('{"a": NaN}')
    assert read is not None
    assert math.isnan(read["a"])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[1, 2]", [1, 2]),
        ("see [1, 2] here", [1, 2]),
        ('"so", said [1, 2].', [1, 2]),
        ('```json\n["a"]\n```', ["a"]),
        ('```json\nno\n```\n["a"]', ["a"]),
        ('["]"]', ["]"]),
        ('[{"a": [1]}]', [{"a": [1]}]),
        ("[]", []),
        ("[1] [2]", None),
        ("[1,]", None),
        ('{"a": [1]}', None),
        ('```json\n{"a": [1]}\n```', None),
        ("[1", None),
        ("", None),
    ],
)
def test_an_array_is_found_where_it_stands_by_itself(text: str, value: list[Any] | None) -> None:
    """One within an object is not what was asked for, and none is repaired."""
    assert read_array(text) == value
