"""Leave to ask: every request waits here for its orders and for a place in its pool, before it is recorded."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import anyio

from engine.concurrency.limiter import AdaptiveLimiter, LimitedTask
from engine.concurrency.pools import Pools
from engine.concurrency.run_controls import RunControls
from engine.core.ports import EffectAddress, Permit
from engine.effects.models import ModelPort
from engine.effects.sandboxes import SandboxPort
from events.base import Event
from events.streams import family_of
from events.types.model import ModelAsked
from events.types.sandbox import SandboxAsked, VerifyAgainAsked, VerifyAsked
from events.types.steps import StepVerifyAsked


class Admission:
    """Who may ask, and when. One per run and process."""

    def __init__(self, run: str, pools: Pools, begun: Mapping[str, AdaptiveLimiter], orders: RunControls) -> None:
        """Prepare.

        Args:
            run: Its id.
            pools: For what is asked.
            begun: By family of streams, where its actors wait to begin. Others begin at once.
            orders: What is ordered of the run.
        """
        self._run = run
        self._pools = pools
        self._begun = begun
        self._orders = orders
        self._sandboxes: dict[str, LimitedTask] = {}

    @property
    def rooms(self) -> tuple[AdaptiveLimiter, ...]:
        """All that may have to be waited in."""
        return (*dict.fromkeys(self._begun.values()), *self._pools.rooms)

    @asynccontextmanager
    async def admit(
        self, asked: Event, place: EffectAddress, models: ModelPort, sandboxes: SandboxPort
    ) -> AsyncIterator[Permit]:
        """Wait while the run is paused, and for a place; hold it until the request is answered.

        A sandbox keeps its place until it is released. One whose attempt is stopped is closed here.
        """
        stream = place.stream
        with self._orders.asking(stream) as leave:
            if self._orders.paused:
                await leave.during(self._orders.unpaused)
            turn: LimitedTask | None = None
            match asked:
                case ModelAsked():
                    turn = models.turn(asked, place)
                    models.turns[stream] = turn
                case VerifyAsked() | VerifyAgainAsked() | StepVerifyAsked():
                    turn = self._pools.verifiers.turn(self._run, stream)
                case SandboxAsked():
                    turn = self._pools.sandboxes.turn(self._run, stream)
                    self._sandboxes[stream] = turn
                case _:
                    pass
            try:
                if turn is not None and leave.stop is None and not turn.taken_at_once():
                    await leave.during(turn.wait)
                if self._orders.halted:  # while it waited for its place
                    await leave.during(self._orders.unpaused)
                yield leave
            finally:
                models.turns.pop(stream, None)
                if leave.stop is not None:
                    with anyio.CancelScope(shield=True):
                        await sandboxes.drop(stream)
                self._give_back(asked, stream, turn, sandboxes)

    @asynccontextmanager
    async def admit_child(self, child: str) -> AsyncIterator[bool]:
        """Let an actor begin when there is a place for its family, unless none may begin any more."""
        room = self._begun.get(family_of(child))
        if room is None:
            yield True
            return
        turn = room.turn(self._run, child)
        await turn.wait()
        try:
            yield not self._orders.drained
        finally:
            turn.release()

    def close(self) -> None:
        """Give back what the run still holds; its sandboxes are closed. Other runs of the process may wait for it."""
        while self._sandboxes:
            self._sandboxes.popitem()[1].release()

    def _give_back(self, asked: Event, stream: str, turn: LimitedTask | None, sandboxes: SandboxPort) -> None:
        """Free what is not used any more."""
        if turn is not None and not isinstance(asked, SandboxAsked):
            turn.release()
        if stream in self._sandboxes and not sandboxes.holds(stream):
            self._sandboxes.pop(stream).release()
