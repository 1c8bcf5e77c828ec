"""F1 over words, as SearchQA counts it: the overlap with the best of the expected answers; pure and exact."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from engine.items.scorers.em import normalize


def f1_score(answer: str, expected: Sequence[str]) -> Fraction:
    """Give the best F1 of an answer, from 0 to 1. With no answer expected: 0."""
    said = normalize(answer).split()
    return max((words_f1(said, normalize(each).split()) for each in expected), default=Fraction(0))


def words_f1(said: Sequence[str], wanted: Sequence[str]) -> Fraction:
    """Give the F1 of two lists of words, each word as often as it stands there. Two empty lists agree: 1."""
    if not said and not wanted:
        return Fraction(1)
    common = (Counter(said) & Counter(wanted)).total()
    return Fraction(2 * common, len(said) + len(wanted))
