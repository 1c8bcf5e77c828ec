"""Leave to ask: every request waits here for its orders and for a place in its pool, before it is recorded."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

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
        self.orders = orders
        self._sandboxes: dict[str, LimitedTask] = {}

    @property
    def rooms(self) -> tuple[AdaptiveLimiter, ...]:
        """All that may have to be waited in."""
        return (*dict.fromkeys(self._begun.values()), *self._pools.rooms)

    def admit(
        self, asked: Event, place: EffectAddress, models: ModelPort, sandboxes: SandboxPort
    ) -> AbstractAsyncContextManager[Permit]:
        """Wait while the run is paused, and for a place; hold it until the request is answered.

        A sandbox keeps its place until it is released. One whose attempt is stopped is closed here.
        """
        return _Admitted(self, asked, place, models, sandboxes)

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
            yield not self.orders.drained
        finally:
            turn.release()

    def close(self) -> None:
        """Give back what the run still holds; its sandboxes are closed. Other runs of the process may wait for it."""
        while self._sandboxes:
            self._sandboxes.popitem()[1].release()

    def turn_for(self, asked: Event, place: EffectAddress, models: ModelPort) -> LimitedTask | None:
        """Ask for a turn in the pool of a request. None: it needs none."""
        turn: LimitedTask | None = None
        match asked:
            case ModelAsked():
                turn = models.turns[place.stream] = models.turn(asked, place)
            case VerifyAsked() | VerifyAgainAsked() | StepVerifyAsked():
                turn = self._pools.verifiers.turn(self._run, place.stream)
            case SandboxAsked():
                turn = self._sandboxes[place.stream] = self._pools.sandboxes.turn(self._run, place.stream)
            case _:
                pass
        return turn

    def give_back(self, asked: Event, stream: str, turn: LimitedTask | None, sandboxes: SandboxPort) -> None:
        """Free what is not used any more."""
        if turn is not None and not isinstance(asked, SandboxAsked):
            turn.release()
        if stream in self._sandboxes and not sandboxes.holds(stream):
            self._sandboxes.pop(stream).release()


class _Admitted:
    """One request, from when it waits for leave until it is answered. No generator: it is made for each request."""

    def __init__(
        self, admission: Admission, asked: Event, place: EffectAddress, models: ModelPort, sandboxes: SandboxPort
    ) -> None:
        self._admission = admission
        self._asked = asked
        self._place = place
        self._models = models
        self._sandboxes = sandboxes
        self._turn: LimitedTask | None = None
        self._leave = Permit()

    async def __aenter__(self) -> Permit:
        orders = self._admission.orders
        leave = self._leave = orders.begin_asking(self._place.stream)
        try:
            if orders.paused:
                await leave.during(orders.unpaused)
            turn = self._turn = self._admission.turn_for(self._asked, self._place, self._models)
            if turn is not None and leave.stop is None and not turn.taken_at_once():
                await leave.during(turn.wait)
            if orders.halted:  # while it waited for its place
                await leave.during(orders.unpaused)
        except BaseException:
            await self._end()
            raise
        return leave

    async def __aexit__(self, *_: object) -> None:
        await self._end()

    async def _end(self) -> None:
        stream = self._place.stream
        try:
            self._models.turns.pop(stream, None)
            if self._leave.stop is not None:
                with anyio.CancelScope(shield=True):
                    await self._sandboxes.drop(stream)
            self._admission.give_back(self._asked, stream, self._turn, self._sandboxes)
        finally:
            self._admission.orders.end_asking(self._leave)
