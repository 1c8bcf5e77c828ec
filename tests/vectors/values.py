"""Values of recorded cases: how they are written, and how an answer says that it differs on purpose."""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from math import inf, isfinite, isnan, nan
from typing import Any, Final, NamedTuple

from engine.policies.training.scores import LEADING_WORDS

Inputs = dict[str, Any]
"""What a case gives, by name."""
Value = Any
"""A value of JSON, as the conventions of the cases have it."""
Kind = Callable[[Inputs, str | None], Value]
"""Answers the cases of one kind from their inputs and what the optimizer answers to every call, if any."""


class OnPurpose(NamedTuple):
    """An answer that differs from SkillOpt's, since a defect of it is mended."""

    value: Value
    weakness: str
    """Number of the defect, such as ``W36``."""


class RefusedOnPurpose(Exception):
    """Raised with the error of ours that stands where SkillOpt goes on in silence."""

    def __init__(self, error: Exception, weakness: str) -> None:
        super().__init__(str(error))
        self.error = error
        self.weakness = weakness


class StubFails(Exception):
    """Raised when the optimizer is asked in a case in which each call fails."""


_NUMBERS: Final[Mapping[str, float]] = {"NaN": nan, "Infinity": inf, "-Infinity": -inf}
_FAILURE: Final = re.compile(r"\w*(?:Error|Exception)\(.*\)", re.DOTALL)
_MOMENT: Final = re.compile(r"datetime\.(datetime|date|time)\(([\d, ]*)\)")


def number(value: Any) -> Any:
    """Read a number, which may be written as one of three words."""
    return _NUMBERS.get(value, value) if isinstance(value, str) else value


def moment(value: Any) -> Any:
    """Read a date or a time; anything else stays as it is."""
    if not isinstance(value, dict):
        return value
    found = _MOMENT.fullmatch(str(value.get("__py__")))
    if found is None:
        return value
    return getattr(dt, found[1])(*map(int, found[2].split(",")))


def written(value: Any) -> Value:
    """Write a value as JSON can hold it."""
    match value:
        case float() if not isfinite(value):
            return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case dt.datetime() | dt.date() | dt.time():
            return {"__py__": repr(value)}
        case Mapping():
            return {str(key): written(each) for key, each in value.items()}
        case list() | tuple():
            return [written(each) for each in value]
        case _:
            return value


def answer_of(stub: str | None) -> str:
    """Give what the optimizer answers.

    Raises:
        StubFails: Each call fails.
    """
    if stub is None or _FAILURE.fullmatch(stub):
        raise StubFails(stub)
    return stub


def leading_words(given: Any) -> tuple[str, ...]:
    """Read the words that SkillOpt adds to a score: a list, or a text with commas. None: its own."""
    if given is None:
        return LEADING_WORDS
    words = given.split(",") if isinstance(given, str) else given
    return tuple(word.strip() for word in words if word.strip())
