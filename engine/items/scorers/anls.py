"""Average normalized Levenshtein similarity, as DocVQA counts it; pure and exact."""

import ast
import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

SOLVED: Final = Fraction(999, 1000)
"""Similarity from which an answer counts as right."""
_FAR: Final = Fraction(1, 2)
"""Share of characters from which two texts have nothing in common."""


def anls(answer: str, expected: Sequence[str]) -> Fraction:
    """Give the similarity of an answer to the closest of those that are expected: 0, or above 1/2 up to 1."""
    said = _normalize(answer)
    return max((_similarity(said, _normalize(each)) for each in expected), default=Fraction(0))


def read_expected(given: Any) -> tuple[str, ...]:
    """Read expected answers as data sets hold them: a list, a list written into a text, or a table with ``answers``.

    Where there are none, an empty answer is expected, as DocVQA's own reader has it.
    """
    match given:
        case Mapping():
            return read_expected(given.get("answers"))
        case str():
            listed = _list_in(given)
            return (given,) if listed is None else read_expected(listed)
        case None:
            return ("",)
        case Sequence():
            return tuple(map(str, given)) or ("",)
        case _:
            return (str(given),)


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


def _list_in(text: str) -> list[Any] | None:
    """Read a list that is written as JSON or as a literal of Python. None: the text is none."""
    if not text.strip().startswith("["):
        return None
    for read, wrong in ((json.loads, ValueError), (ast.literal_eval, (ValueError, SyntaxError))):
        try:
            found = read(text.strip())
        except wrong:
            continue
        if isinstance(found, list):
            return found
    return None
