"""Events whose shape was outgrown: what earlier versions wrote, and how it reads today.

A tag is for life, so another shape is another tag. What is in a log stays there byte for byte; it is lifted when it is
read, and never written again. ``docs/schema-change.md`` says how to make such a change.
"""

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from events.base import Event
from events.trial import NextChosen


class NextDecided(Event, frozen=True, tag="trial.next_decided"):
    """As `NextChosen`, but with 0 where no attempt follows. Written before 0.1.0 was released."""

    after: int
    decision: Literal["continue", "solved", "exhausted", "give_up_infrastructure", "budget_reached", "cancelled"]
    counted: int
    """Ordinal of the next attempt among those that count, from 1; 0 if there is none."""
    reason: str


Outgrown: TypeAlias = NextDecided
"""The closed union of all of them."""


def _next_decided(old: NextDecided) -> NextChosen:
    return NextChosen(old.after, old.decision, old.counted or None, old.reason)


LIFTS: Final[Mapping[type[Event], Callable[[Any], Event]]] = MappingProxyType({NextDecided: _next_decided})
"""By outgrown class: how it reads today, or one step nearer to today."""

TODAY: Final[Mapping[str, str]] = MappingProxyType({"trial.next_decided": "trial.next_chosen"})
"""By outgrown tag: the tag under which such facts are written today."""


def lift(event: Event) -> Event:
    """Give an event as it reads today; most are as they were written."""
    while (step := LIFTS.get(type(event))) is not None:
        event = step(event)
    return event


def tags_as_written(tags: Collection[str]) -> frozenset[str]:
    """Add to tags of today those under which the same facts were written earlier."""
    return frozenset(tags).union(old for old, today in TODAY.items() if today in tags)
