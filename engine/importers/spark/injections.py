"""Which intervention each attempt of a task of SPARK was told, as far as what was recorded says it.

The text that was added to the instruction says it best: a block of feedback has a title of its own for either level.
Where no text is recorded, the reading of PDI before the attempt says it (SPARK, 1.7), unless readings may only have
been observed; a first attempt is told of none before it. Otherwise nothing says it.
"""

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from engine.importers.spark.records import PdiSnapshot, SparkAttempt, Story

_STRONG: Final = re.compile(r"^#{2,4} [^\w\n]*Critical Exploration Feedback\s*$", re.MULTILINE)
_SOFT: Final = re.compile(r"^#{2,4} [^\w\n]*Exploration Feedback\s*$", re.MULTILINE)


class Injection(NamedTuple):
    """What an attempt was told."""

    attempt: int
    intervention: Literal["none", "soft", "strong"] | None
    """None: nothing says."""
    follows_from: Literal["injection", "pdi", "order"] | None
    read: bool = False
    """Whether it is known what PDI showed before."""


_Level = Literal["none", "soft", "strong"]


def injections(story: Story) -> Iterator[Injection]:
    """Say it of each attempt, in order."""
    readings = {memo.attempt: _level(memo.snapshot) for memo in story.memos if memo.reflected}
    last: _Level | None = None
    expected = 0
    for tried in story.attempts:
        if tried.number == 0:
            last = "none"
        elif tried.number != expected:
            last = readings.get(tried.number - 1)  # those between are lost
        yield _injection(story, tried, last)._replace(read=tried.number > 0 and last is not None)
        expected = tried.number + 1
        if tried.number in readings:
            last = readings[tried.number]
        elif tried.judged and not tried.solved:
            last = None  # it was reflected upon, and what was read is not recorded
        # Else the reading before stands: an attempt without a trial is not read (1.7).


def _injection(story: Story, tried: SparkAttempt, last: _Level | None) -> Injection:
    if tried.injection is not None:
        return Injection(tried.number, _read(tried.injection), "injection")
    if tried.number == 0:
        return Injection(tried.number, "none", "order")
    if last is None:
        return Injection(tried.number, None, None)
    # Readings that are only observed are not acted upon.
    return Injection(tried.number, "none" if story.injects is False else last, "pdi")


def _level(snapshot: PdiSnapshot | None) -> _Level | None:
    if snapshot is None:
        return None
    return snapshot.level if snapshot.triggered else "none"


def _read(injection: str) -> _Level:
    if _STRONG.search(injection):
        return "strong"
    return "soft" if _SOFT.search(injection) else "none"
