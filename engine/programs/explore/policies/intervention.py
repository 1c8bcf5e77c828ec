"""What the next attempt is told because of PDI; source: SPARK, 1.6 and 1.7.

On purpose otherwise than SPARK:

* the stale snapshot (1.7): after an attempt that gave no reading SPARK repeats the previous intervention. Here a
  missing reading is no reading; ``Stale.REPEAT`` restores the old behaviour.
* W3: a reading from a failed reflection is not valid and triggers nothing; ``Invalid.TRUST`` restores the old one.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Literal

from msgspec import Struct


class ReadingFacts(Struct, frozen=True):
    """PDI after one reflection."""

    triggered: bool
    level: Literal["soft", "strong"] | None
    """None when not triggered."""
    valid: bool
    """False when the memo was not healthy or the samples too few to mean anything."""


class PdiMode(StrEnum):
    """What readings are good for."""

    OFF = "off"
    OBSERVE = "observe"
    """Record what would be done; tell the agent nothing."""
    INTERVENE = "intervene"


class Stale(StrEnum):
    """What an attempt without a reading means."""

    FORGET = "forget"
    REPEAT = "repeat"
    """SPARK's: act on the last reading there was."""


class Invalid(StrEnum):
    """What a reading which is not valid means."""

    IGNORE = "ignore"
    TRUST = "trust"
    """SPARK's: it knows no validity."""


class InterventionSettings(Struct, frozen=True):
    """How to act on readings."""

    mode: PdiMode = PdiMode.INTERVENE
    stale: Stale = Stale.FORGET
    invalid: Invalid = Invalid.IGNORE


class Level(StrEnum):
    """How far the next attempt is turned."""

    NONE = "none"
    SOFT = "soft"
    STRONG = "strong"


class InterventionChoice(Struct, frozen=True):
    """What is done, and what would have been."""

    level: Level
    """What the next attempt is told."""
    would_be: Level
    """What it would be told if readings were acted upon; differs from ``level`` only while observing."""
    reason: str
    """For people. Never shown to the agent."""


def intervene(readings: Sequence[ReadingFacts | None], rule: InterventionSettings) -> InterventionChoice:
    """Choose what the next attempt is told.

    Args:
        readings: One for each attempt that ended, in order; None where it gave none (nothing was reflected upon).
        rule: How to act on them.
    """
    if rule.mode is PdiMode.OFF:
        return InterventionChoice(Level.NONE, Level.NONE, "readings are not used")
    would_be, reason = _level(_last(readings, rule.stale), rule.invalid)
    if rule.mode is PdiMode.OBSERVE:
        return InterventionChoice(Level.NONE, would_be, f"only observing: {reason}")
    return InterventionChoice(would_be, would_be, reason)


def _last(readings: Sequence[ReadingFacts | None], stale: Stale) -> ReadingFacts | None:
    match stale:
        case Stale.FORGET:
            return readings[-1] if readings else None
        case Stale.REPEAT:
            return next((reading for reading in reversed(readings) if reading is not None), None)


def _level(reading: ReadingFacts | None, invalid: Invalid) -> tuple[Level, str]:
    if reading is None:
        return Level.NONE, "the last attempt gave no reading"
    if not reading.valid and invalid is Invalid.IGNORE:
        return Level.NONE, "the last reading is not valid"
    if not reading.triggered:
        return Level.NONE, "the last reading is above the threshold"
    level = Level.STRONG if reading.level == "strong" else Level.SOFT
    return level, f"the last reading triggered a {level} intervention"
