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
_WORD: Final = re.compile(r"\w{3,}")
_COMMON: Final = frozenset(
    {
        *("and", "are", "did", "does", "for", "from", "has", "have", "her", "his", "how", "into", "its", "that"),
        *("the", "their", "there", "these", "this", "those", "was", "were", "what", "when", "where", "which"),
        *("who", "whom", "whose", "why", "will", "with"),
    }
)
"""Words that most questions have."""
_LEAST_WORDS: Final = 3
"""Telling words of a question that can be known again."""


class RepeatedAnswer(NamedTuple):
    """A line that holds an answer."""

    line: int
    """From 1."""
    severity: Severity
    why: str


def answers_of(told: str, literals: VerifierLiterals) -> KnownAnswers:
    """Give what a task's verifier compares with."""
    return KnownAnswers(told, literals.numbers, literals.texts)


def answers_in(told: str, expected: Any, question: str = "") -> KnownAnswers:
    """Give what an item expects, whatever its format holds it in.

    Args:
        told: All that it says itself.
        expected: What it expects, as JSON holds it.
        question: What it asks, of all that it says.
    """
    found = [str(each) for each in _leaves(expected)]
    numbers = [each for each in found if _NUMBER.fullmatch(each)]
    return KnownAnswers(
        told,
        tuple(sorted({plain for each in numbers if significant_digits(plain := each.replace(",", "")) >= 3})),
        tuple(sorted({each.strip() for each in found if each not in numbers and len(each.strip()) >= 6})),
        often=True,
        question=question,
        beside=tuple(sorted({each.strip() for each in found if each.strip()})),
    )


def repeated_answers(text: str, answers: Sequence[KnownAnswers]) -> Iterator[RepeatedAnswer]:
    """Find the lines of a text that hold an answer. The answers themselves go nowhere.

    Args:
        text: Lines end in LF.
        answers: Of each task and item.
    """
    values = list(numbers_in(text))
    lines = text.split("\n")
    words = [_telling_words(line) for line in lines]
    for known in answers:
        grave: Severity = "medium" if known.often else "high"
        for value, line, written in values if (secret := _secret_numbers(known)) else ():
            if value in secret:
                strong = significant_digits(written) >= 4 or "." in written
                yield RepeatedAnswer(line, grave if strong else "low", "it holds a number that a task expects")
        yield from _beside_question(known, lines, words)
        for each in known.texts:
            if each in known.told or each not in text:
                continue
            strong = _PLAIN_WORD.fullmatch(each) is None
            for line in _lines_with(each, lines, text):
                yield RepeatedAnswer(line, grave if strong else "low", "it holds a text that a task expects")


def _beside_question(
    known: KnownAnswers, lines: Sequence[str], words: Sequence[frozenset[str]]
) -> Iterator[RepeatedAnswer]:
    """Find answers that stand with most of the words of their own question, in a line or in two that follow each other.

    A single word of a question is no sign, and neither is an answer that the question gives itself.
    """
    asked = _telling_words(known.question)
    answers = [each for each in known.beside if not said_in(each, known.question)]
    if len(asked) < _LEAST_WORDS or not answers:
        return
    for number, line in enumerate(lines, start=1):
        near = words[number - 1] | (words[number - 2] if number > 1 else frozenset())
        if len(asked & near) * 3 >= len(asked) * 2 and any(said_in(each, line) for each in answers):
            yield RepeatedAnswer(number, "medium", "it answers a question of the items that it is to help with")


def _telling_words(text: str) -> frozenset[str]:
    return frozenset(word for word in _WORD.findall(text.lower()) if word not in _COMMON)


def _secret_numbers(known: KnownAnswers) -> set[Decimal]:
    """Give the numbers that what is told does not say itself; looking for those takes longest, and most have none."""
    numbers = {Decimal(each).copy_abs() for each in known.numbers}
    return numbers - {value for value, _, _ in numbers_in(known.told)} if numbers else numbers


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
