"""Answers of tasks and items in a skill; source: SPARK, 13.6 and 13.7, W5.

As `engine.policies.skill.check` has it for one task: numbers are compared by value, and what the instruction says may
be repeated. A number of four significant digits or with a fraction, or a text that is no plain word, is not there by
chance.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from engine.policies.redaction import said_in
from engine.policies.scan.finding import KnownAnswers, Severity
from engine.policies.skill.check import numbers_in
from engine.policies.skill.literals import VerifierLiterals, significant_digits

_PLAIN_WORD: Final = re.compile(r"[A-Za-z_]+")
_NUMBER: Final = re.compile(r"[-+]?[\d,_]+(?:\.\d+)?")


class RepeatedAnswer(NamedTuple):
    """A line that holds an answer."""

    line: int
    """From 1."""
    severity: Severity
    why: str


def answers_of(told: str, literals: VerifierLiterals) -> KnownAnswers:
    """Give what a task's verifier compares with."""
    return KnownAnswers(told, literals.numbers, literals.texts)


def answers_in(told: str, expected: Any) -> KnownAnswers:
    """Give what an item expects, whatever its format holds it in."""
    found = [str(each) for each in _leaves(expected)]
    numbers = [each for each in found if _NUMBER.fullmatch(each)]
    return KnownAnswers(
        told,
        tuple(sorted({plain for each in numbers if significant_digits(plain := each.replace(",", "")) >= 3})),
        tuple(sorted({each.strip() for each in found if each not in numbers and len(each.strip()) >= 6})),
        often=True,
    )


def repeated_answers(text: str, answers: Sequence[KnownAnswers]) -> Iterator[RepeatedAnswer]:
    """Find the lines of a text that hold an answer. The answers themselves go nowhere.

    Args:
        text: Lines end in LF.
        answers: Of each task and item.
    """
    values = list(numbers_in(text))
    lines = text.split("\n")
    for known in answers:
        grave: Severity = "medium" if known.often else "high"
        told = {value for value, _, _ in numbers_in(known.told)}
        secret = {Decimal(each).copy_abs() for each in known.numbers} - told
        for value, line, written in values:
            if value in secret:
                strong = significant_digits(written) >= 4 or "." in written
                yield RepeatedAnswer(line, grave if strong else "low", "it holds a number that a task expects")
        for each in known.texts:
            if each in known.told or each not in text:
                continue
            strong = _PLAIN_WORD.fullmatch(each) is None
            for line in _lines_with(each, lines, text):
                yield RepeatedAnswer(line, grave if strong else "low", "it holds a text that a task expects")


def _lines_with(answer: str, lines: Sequence[str], text: str) -> Iterator[int]:
    if "\n" in answer:
        yield text[: text.index(answer)].count("\n") + 1
        return
    yield from (number for number, line in enumerate(lines, start=1) if answer in line and said_in(answer, line))


def _leaves(value: Any) -> Iterator[str | int | float]:
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _leaves(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _leaves(each)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield value
