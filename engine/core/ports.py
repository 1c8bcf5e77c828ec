"""Ports: the only doors to the world. Each answers one kind of *asked* event with an outcome event.

What is asked is itself an event that holds everything the effect depends on, so a port needs nothing
besides it and the bytes its digests name. An outcome, good or bad, is an event too: a port raises only
when something of ours is broken.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple, Protocol, TypeVar

from anyio import CancelScope

from events.base import Event, Recorded
from events.types.session import ScopeStopped

T = TypeVar("T")


class EffectAddress(NamedTuple):
    """From where an effect is asked."""

    run: str
    stream: str
    """Name relative to the run."""
    version: int
    """Of the asked event."""


class Permit:
    """Leave to ask the world for one thing, unless somebody ordered a stop."""

    def __init__(self, stop: ScopeStopped | None = None) -> None:
        self.stop = stop
        """What was ordered. None: nothing, go on."""
        self._scope: CancelScope | None = None

    def order(self, stop: ScopeStopped) -> None:
        """Order a stop; in-flight work is aborted."""
        self.stop = self.stop or stop
        if self._scope is not None:
            self._scope.cancel()

    async def during(self, work: Callable[[], Awaitable[T]]) -> T | None:
        """Do something unless a stop is ordered. None: one was, so it did not finish."""
        if self.stop is not None:
            return None
        with CancelScope() as self._scope:
            return await work()
        return None


class Port(Protocol):
    """Answers one kind of request."""

    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """Touch the world and say what came of it."""


class Ports(Protocol):
    """All doors, as the runtime opens them."""

    def handler_for(self, asked: Event) -> Port:
        """Find the port for this request.

        Raises:
            KeyError: Nothing answers this kind; a mistake in composing, not an outcome.
        """

    async def recover(self, history: Sequence[Recorded], place: EffectAddress) -> ScopeStopped | None:
        """Bring back what a stream's history relies on, such as a sandbox of a dead process, or say that it is lost.

        Asked once, when an actor crosses from its recorded history into the live world. None: it may go on.
        """

    def admit(self, asked: Event, place: EffectAddress) -> AbstractAsyncContextManager[Permit]:
        """Wait until this may be asked, and hold its place until it is answered.

        `place` is where it is recorded, or is going to be.

        What waits here has not been asked yet: nobody pays for it, no time limit counts it, and a process that dies
        leaves nothing in flight.
        """

    def admit_child(self, child: str) -> AbstractAsyncContextManager[bool]:
        """Wait until an actor may begin on its stream, and hold its place until it has ended. False: it must not."""


class PortTable:
    """Ports by the type of what they answer; nothing is ever lost behind them."""

    def __init__(self, doors: Mapping[type[Event], Port]) -> None:
        self._doors = dict(doors)

    def handler_for(self, asked: Event) -> Port:
        """Find the port for this request."""
        return self._doors[type(asked)]

    async def recover(self, history: Sequence[Recorded], place: EffectAddress) -> ScopeStopped | None:
        """Nothing here outlives its call."""
        del history, place
        return None

    def admit(self, asked: Event, place: EffectAddress) -> AbstractAsyncContextManager[Permit]:
        """Let everything be asked."""
        del asked, place
        return granted()

    def admit_child(self, child: str) -> AbstractAsyncContextManager[bool]:
        """Let everyone begin."""
        del child
        return begun()


@asynccontextmanager
async def granted() -> AsyncIterator[Permit]:
    """Give leave to whoever asks."""
    yield Permit()


@asynccontextmanager
async def begun() -> AsyncIterator[bool]:
    """Let whoever asks begin."""
    yield True
