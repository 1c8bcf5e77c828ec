"""Ports: the only doors to the world. Each answers one kind of *asked* event with an outcome event.

What is asked is itself an event that holds everything the effect depends on, so a port needs nothing
besides it and the bytes its digests name. An outcome, good or bad, is an event too: a port raises only
when something of ours is broken.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from events.base import Event, Recorded


class Place(NamedTuple):
    """From where an effect is asked."""

    run: str
    stream: str
    """Name relative to the run."""
    version: int
    """Of the asked event."""


class Port(Protocol):
    """Answers one kind of request."""

    async def __call__(self, asked: Event, place: Place) -> Event:
        """Touch the world and say what came of it."""


class Ports(Protocol):
    """All doors, as the runtime opens them."""

    def door(self, asked: Event) -> Port:
        """Find the port for this request.

        Raises:
            KeyError: Nothing answers this kind; a mistake in composing, not an outcome.
        """

    def stranded(self, history: Sequence[Recorded]) -> str | None:
        """Say what a stream's history relies on that is no longer there, such as a sandbox of a dead process.

        Asked once, when an actor crosses from its recorded history into the live world. None: it may go on.
        """


class PortTable:
    """Ports by the type of what they answer; nothing is ever stranded behind them."""

    def __init__(self, doors: Mapping[type[Event], Port]) -> None:
        self._doors = dict(doors)

    def door(self, asked: Event) -> Port:
        """Find the port for this request."""
        return self._doors[type(asked)]

    def stranded(self, history: Sequence[Recorded]) -> str | None:
        """Nothing here outlives its call."""
        del history
        return None
