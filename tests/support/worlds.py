"""Worlds for tests: a memory log, ports that answer from a list, and a way to live a run again."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from engine.core.history import RunHistory, load_histories
from engine.core.ports import EffectAddress, Permit, begun, granted
from engine.core.scope import Scope
from engine.core.world import ReadOnlyBlobs, ReplayContext
from events.base import Event, Recorded
from events.store.base import EventLog
from events.store.memory import MemoryLog
from events.types.sandbox import ActionAsked, ActionObserved
from events.types.session import ScopeStopped


class Ticking:
    """A clock that moves at each look: by a second, if nothing else is said."""

    def __init__(self, every_s: int = 1) -> None:
        self.now = 0
        self._every_us = every_s * 1_000_000

    def __call__(self) -> int:
        """Look."""
        self.now += self._every_us
        return self.now


class Echo:
    """Answers every action with its own command, and counts how often it was asked."""

    def __init__(self, log: EventLog, *, lost: str | None = None) -> None:
        self.asked: list[str] = []
        self._log = log
        self._lost = lost

    def handler_for(self, asked: Event) -> "Echo":
        """There is one door."""
        del asked
        return self

    async def recover(self, history: Sequence[Recorded], place: EffectAddress) -> ScopeStopped | None:
        """Say what the test said."""
        del history, place
        return None if self._lost is None else ScopeStopped("sandbox_lost", self._lost)

    def admit(self, asked: Event, place: EffectAddress) -> AbstractAsyncContextManager[Permit]:
        """Let everything be asked."""
        del asked, place
        return granted()

    def admit_child(self, child: str) -> AbstractAsyncContextManager[bool]:
        """Let everyone begin."""
        del child
        return begun()

    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """Give the command back as its output."""
        assert isinstance(asked, ActionAsked)
        self.asked.append(f"{place.stream}@{place.version}")
        return ActionObserved(0, "exited", asked.command, asked.command)


NO_HISTORY = RunHistory({}, ())


def memory_log() -> MemoryLog:
    """Make an empty log with a clock of its own."""
    return MemoryLog(clock=Ticking())


def live_world(log: EventLog, ports: Any, histories: RunHistory = NO_HISTORY) -> ReplayContext:
    """A world with open ports."""
    return ReplayContext(log, log, "r1", histories.by_stream, histories.sessions, ports, None, set())


async def closed_world(log: EventLog) -> ReplayContext:
    """A world that holds all that was recorded, and nothing else."""
    histories = await load_histories(log, "r1")
    return ReplayContext(log, ReadOnlyBlobs(log), "r1", histories.by_stream, histories.sessions, None, None, set())


async def payloads(log: EventLog) -> dict[str, list[bytes]]:
    """All streams of the run, byte for byte."""
    histories = await load_histories(log, "r1")
    return {name: [each.payload for each in history] for name, history in histories.by_stream.items()}


Actor = Callable[[Scope], Any]
