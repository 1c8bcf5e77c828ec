"""Exact match, as SearchQA counts it: equal after normalising, with any of the expected answers; pure."""

import re
import string
from collections.abc import Sequence
from typing import Final

_PUNCTUATION: Final = str.maketrans("", "", string.punctuation)
_ARTICLES: Final = re.compile(r"\b(a|an|the)\b")


def normalize(text: str) -> str:
    """Write an answer in lower case, without ASCII punctuation and English articles, words one space apart."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str, expected: Sequence[str]) -> bool:
    """Say whether an answer equals one of those that are expected. With none expected it does not."""
    said = normalize(answer)
    return any(said == normalize(each) for each in expected)


def contains_match(answer: str, expected: Sequence[str]) -> bool:
    """Say whether an answer contains one that is expected, or lies within it; an empty one lies within every other."""
    said = normalize(answer)
    return any(said in wanted or wanted in said for wanted in map(normalize, expected))
