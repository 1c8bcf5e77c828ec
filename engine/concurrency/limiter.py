"""The waiting room in front of a kind of work: nobody gets in before there is a place, and before it is their turn.

What the places are decided by is `engine.concurrency.adaptive_limit`; who is next, `engine.concurrency.fair_queue`. The
room has the clock.

Nobody waits in it without cause, since `AdaptiveLimiter._settle` follows each change of what admission depends on: the
pace, the places in use, those that wait. It lets in whoever may go in, and sets the room's one timer if only the clock
keeps the next one out. The timer is the deadline of the scope in which one of those that wait sleeps: it is set from
outside, so no task has to run before it counts. However that one leaves (admitted, cancelled, woken), `_settle`
follows.
"""

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Literal

import anyio

from engine.concurrency import adaptive_limit
from engine.concurrency.adaptive_limit import AnsweredCall, Bounds, LimitState, RefusedCall
from engine.concurrency.fair_queue import FairQueue, Ticket
from engine.protocols.allowance import SILENT, RateLimitHeaders
from events.types.pool import PoolLimited

Told = Callable[[PoolLimited], None]
"""Is told when a limit changes by much, and why."""

Reason = Literal["refused", "overloaded", "low", "grown", "tuned"]


def nobody(change: PoolLimited) -> None:
    """Tell nobody."""
    del change


class AdaptiveLimiter:
    """Places for one kind of work. For one event loop; shared by any number of runs in it."""

    def __init__(self, name: str, bounds: Bounds, told: Told = nobody) -> None:
        """Open it.

        Args:
            name: For people, such as ``verifiers``.
            bounds: How many places there are. Where all three are the same, nothing said by anyone changes them.
            told: Is told of changes.
        """
        self.name = name
        self._pace = adaptive_limit.opening(bounds)
        self._told = told
        self._said = self._pace.whole
        self._queue: FairQueue[_Waiter] = FairQueue()
        """Exactly those that wait: who is admitted or gives up is taken out at once."""
        self._running = 0
        self._timer: _Waiter | None = None
        """Whose scope has the deadline."""

    @property
    def limit(self) -> int:
        """Places there are now."""
        return self._pace.whole

    @property
    def bounds(self) -> Bounds:
        """Fewest and most places there may be."""
        return self._pace.bounds

    @property
    def running(self) -> int:
        """Places in use."""
        return self._running

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._queue)

    @property
    def opens_at(self) -> float:
        """When the next may go in, if there is a place: seconds of the event loop's clock."""
        return self._pace.opens_at

    @property
    def free(self) -> bool:
        """Whether whoever asks now gets in at once."""
        return not self._queue and self._free()

    def turn(self, run: str, who: str) -> "LimitedTask":
        """Ask for one thing to be done; it keeps its turn however often it is tried.

        Args:
            run: On whose account; runs get equal parts.
            who: Such as the stream of an attempt; so do these, within a run.
        """
        return LimitedTask(self, self._queue.ticket(run, who))

    def tune(self, bounds: Bounds) -> None:
        """Change how many places there may be. What goes on is left to end."""
        self._change(adaptive_limit.within(self._pace, bounds), "tuned", None)

    async def take(self, ticket: Ticket) -> float:
        """Wait for a place, and take it; give the time at which it was taken."""
        taken = self.take_at_once(ticket)
        if taken is not None:
            return taken
        waiter = _Waiter(ticket)
        self._queue.push(ticket, waiter)
        try:
            while waiter.began is None:
                with anyio.CancelScope() as waiter.scope:
                    self._settle()
                    await waiter.admitted.wait()
        except BaseException:
            self._queue.discard(ticket)
            if waiter.began is None:
                self._settle()
            else:
                self.leave(ticket)
            raise
        return waiter.began

    def take_at_once(self, ticket: Ticket) -> float | None:
        """Take a place, if there is one and nobody waits; give the time at which it was taken."""
        return self._take(ticket) if self.free else None

    def leave(self, ticket: Ticket) -> None:
        """Give a place back."""
        self._running -= 1
        self._queue.running[ticket.run] -= 1
        self._settle()

    def forget(self, run: str) -> None:
        """Keep nothing of a run that has ended."""
        self._queue.forget(run)

    def answered(self, began: float, tokens: int | None, left: RateLimitHeaders) -> None:
        """Hear that a call was answered."""
        full = self._running >= self._pace.whole or bool(self._queue)
        after = adaptive_limit.after_answer(self._pace, AnsweredCall(began, anyio.current_time(), full, tokens, left))
        gap = after.gap_s if after.gap_s > 2 * self._pace.gap_s else None
        self._change(after, "grown" if gap is None else "low", gap)

    def refused(self, began: float, retry_after_s: float | None, left: RateLimitHeaders, *, reason: Reason) -> None:
        """Hear that a call was refused because of too many, or too much load."""
        now = anyio.current_time()
        after = adaptive_limit.after_refusal(self._pace, RefusedCall(began, now, retry_after_s, left))
        self._change(after, reason, max(0.0, after.shut_until - now) if after.cut_at == now else None)

    def _free(self) -> bool:
        return adaptive_limit.may_begin(self._pace, self._running, anyio.current_time())

    def _take(self, ticket: Ticket) -> float:
        now = anyio.current_time()
        self._pace = adaptive_limit.after_beginning(self._pace, self._running, now)
        self._running += 1
        self._queue.running[ticket.run] += 1
        return now

    def _settle(self) -> None:
        """Let in who may go in, and set the timer if only the clock keeps the next one out."""
        while self._queue and self._free():
            ticket, waiter = self._queue.pop()
            waiter.began = self._take(ticket)
            waiter.admitted.set()
        if self._timer is not None and self._timer.ticket not in self._queue:
            self._timer = None
        opens_at = adaptive_limit.opens_at(self._pace, self._running)
        if self._timer is None and opens_at < math.inf:
            # The newest is admitted last, so the timer moves on as seldom as may be.
            self._timer = self._queue.newest
        if self._timer is not None and self._timer.scope.deadline != opens_at:
            self._timer.scope.deadline = opens_at

    def _change(self, after: LimitState, reason: Reason, wait_s: float | None) -> None:
        """Go on at another pace, and tell of it if it is a cut, a wait, or growth by half."""
        self._pace = after
        notable = after.whole >= self._said * 1.5 or (after.whole > self._said and after.whole == after.bounds.most)
        if wait_s is not None or reason == "tuned" or (reason == "grown" and notable):
            before, self._said = self._said, after.whole
            wait_s = None if wait_s is None else round(wait_s, 3)
            self._told(PoolLimited(self.name, reason, before, after.whole, wait_s, self._running, self.waiting))
        self._settle()


class _Waiter:
    """One that waits."""

    def __init__(self, ticket: Ticket) -> None:
        self.ticket = ticket
        self.admitted = anyio.Event()
        self.began: float | None = None
        """When it was admitted. None: it waits."""
        self.scope = anyio.CancelScope()
        """In which it sleeps; a new one each time the timer has woken it."""


class LimitedTask:
    """One thing to be done, which may take several tries."""

    def __init__(self, room: AdaptiveLimiter, ticket: Ticket) -> None:
        self._room = room
        self._ticket = ticket
        self._held: float | None = None

    async def wait(self) -> None:
        """Wait for a place and hold it for the first try."""
        if self._held is None:
            self._held = await self._room.take(self._ticket)

    def taken_at_once(self) -> bool:
        """Hold a place for the first try, if it need not be waited for. Say whether one is held."""
        if self._held is None:
            self._held = self._room.take_at_once(self._ticket)
        return self._held is not None

    def release(self) -> None:
        """Give back a place that is held and was not used."""
        if self._held is not None:
            self._held = None
            self._room.leave(self._ticket)

    @asynccontextmanager
    async def place(self) -> AsyncIterator["LimiterPermit"]:
        """Have a place for one try, waiting for it if none is held."""
        await self.wait()
        began, self._held = self._held, None
        assert began is not None
        try:
            yield LimiterPermit(self._room, began)
        finally:
            self._room.leave(self._ticket)


class LimiterPermit:
    """A place in use. Whoever uses it says how it went; who says nothing is taken to know nothing."""

    def __init__(self, room: AdaptiveLimiter, began: float) -> None:
        self._room = room
        self._began = began

    def answered(self, tokens: int | None = None, left: RateLimitHeaders = SILENT) -> None:
        """Say that it was answered.

        Args:
            tokens: Input and output together. None: not counted.
            left: What the provider says is left of its limits.
        """
        self._room.answered(self._began, tokens, left)

    def refused(self, retry_after_s: float | None = None, left: RateLimitHeaders = SILENT) -> None:
        """Say that it was refused because there were too many (429)."""
        self._room.refused(self._began, retry_after_s, left, reason="refused")

    def overloaded(self, retry_after_s: float | None = None, left: RateLimitHeaders = SILENT) -> None:
        """Say that the provider has too much load (503, 529)."""
        self._room.refused(self._began, retry_after_s, left, reason="overloaded")
