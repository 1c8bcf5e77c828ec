"""Average normalized Levenshtein similarity, as DocVQA counts it; pure and exact."""

import ast
import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from fractions import Fraction
from typing import Any, Final

SOLVED: Final = Fraction(999, 1000)
"""Similarity from which an answer counts as right."""
_ANSWERS: Final = ("answers", "ground_truth", "answer")
"""Names under which a table has expected answers; the first that it has counts."""
_TEXTS: Final = ("text", "answer", "value")
"""Names under which one of several has its text."""
_NO_LITERAL: Final = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError)
_FAR: Final = Fraction(1, 2)
"""Share of characters from which two texts have nothing in common."""


def anls(answer: str, expected: Sequence[str]) -> Fraction:
    """Give the similarity of an answer to the closest of those that are expected: 0, or above 1/2 up to 1."""
    said = _normalize(answer)
    return max((_similarity(said, _normalize(each)) for each in expected), default=Fraction(0))


def read_expected(given: Any) -> tuple[str, ...]:
    """Read expected answers as data sets hold them: a list, one written into a text, or a table with ``answers``.

    Where there are none, an empty answer is expected, as DocVQA's own reader has it.
    """
    match given:
        case Mapping():
            key = next((key for key in _ANSWERS if key in given), None)
            return (str(given),) if key is None else read_expected(given[key])
        case str():
            held = _held_in(given.strip())
            return (given.strip(),) if held is None else read_expected(held)
        case None:
            return ("",)
        case AbstractSet():
            return read_expected(sorted(given, key=str))
        case Sequence():
            return tuple(each for one in given for each in _each_expected(one)) or ("",)
        case _:
            return (str(given),)


def _each_expected(one: Any) -> tuple[str, ...]:
    """Read one of a list of answers; one that is a table has it under a name."""
    if not isinstance(one, Mapping):
        return (str(one),)
    key = next((key for key in _TEXTS if key in one), None)
    return (str(one),) if key is None else read_expected(one[key])


def levenshtein(one: str, other: str) -> int:
    """Count the insertions, deletions and replacements of single characters that turn one text into the other."""
    if len(one) < len(other):
        one, other = other, one
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def _normalize(text: str) -> str:
    return " ".join(text.lower().split())


def _similarity(said: str, wanted: str) -> Fraction:
    if not said or not wanted:
        return Fraction(said == wanted)
    distance = Fraction(levenshtein(said, wanted), max(len(said), len(wanted)))
    return Fraction(0) if distance >= _FAR else 1 - distance


def _held_in(text: str) -> Any:
    """Read a list or a table that is written as JSON or as a literal of Python. None: the text is none."""
    if not text.startswith(("[", "{")):
        return None
    for read, wrong in ((json.loads, (ValueError, RecursionError)), (ast.literal_eval, _NO_LITERAL)):
        with suppress(*wrong):
            return read(text)
    return None
