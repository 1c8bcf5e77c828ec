"""Exact match and F1 for figures in official reports, as OfficeQA counts them; pure and exact.

OfficeQA drops words such as *million* from both sides, so that "5 million" equals "5 billion" (SkillOpt, W36). Here a
scale counts where both sides name one.
"""

import re
import string
from fractions import Fraction
from typing import Final, NamedTuple

from engine.items.scorers.f1 import words_f1

_PUNCTUATION: Final = str.maketrans("", "", "".join(each for each in string.punctuation if each not in ".-%"))
"""ASCII alone: a minus sign of Unicode stands, so that a figure with it is not the same figure without."""
_LEFT_OUT: Final = re.compile(r"\b(millions?|billions?|dollars?|nominal)\b")
_SCALE: Final = re.compile(r"\b(million|billion)s?\b", re.IGNORECASE)


class OfficeScore(NamedTuple):
    """How an answer compares."""

    exact: bool
    f1: Fraction
    """From 0 to 1."""


def normalize(text: str) -> str:
    """Write a figure in lower case, without words of scale, and ASCII punctuation but ``.``, ``-`` and ``%``."""
    bare = text.lower().translate(_PUNCTUATION)
    return " ".join(_LEFT_OUT.sub(" ", bare).split())


def office_score(answer: str, expected: str) -> OfficeScore:
    """Compare an answer with the one that is expected."""
    said, wanted = normalize(answer), normalize(expected)
    scales, wanted_scales = _scales(answer), _scales(expected)
    if scales and wanted_scales and scales != wanted_scales:
        return OfficeScore(exact=False, f1=words_f1([*said.split(), *scales], [*wanted.split(), *wanted_scales]))
    return OfficeScore(said == wanted, words_f1(said.split(), wanted.split()))


def _scales(text: str) -> list[str]:
    return [found.lower() for found in _SCALE.findall(text)]
