"""A session: one process's hold on a run, and what it notes about itself."""

from collections import deque
from contextlib import suppress
from typing import Final, Literal

import anyio

from engine.core.lineage import SESSION
from engine.core.supervision import Supervisor
from events.base import Draft, Event, Fence, Ref, StreamId
from events.errors import EventRefused
from events.store.base import EventLog
from events.types.session import SessionEnded

_MOST_NOTES: Final = 1000
"""Notes that wait to be written; older ones are dropped for newer ones, and nothing rests on them."""

Ending = Literal["completed", "interrupted", "failed", "drained"]


class Session:
    """One process's hold on a run: its lease, and its entries in the session stream."""

    def __init__(self, log: EventLog, fence: Fence, version: int, lease_s: float) -> None:
        """Take note of what the process holds.

        Args:
            log: Where.
            fence: The run, and the token of the lease.
            version: Of the stream ``session``, from 0.
            lease_s: Seconds for which each renewal keeps the run.
        """
        self.fence = fence
        self._lease_s = lease_s
        self._log = log
        self._version = version
        self._lock = anyio.Lock()
        self._notes: deque[Event] = deque(maxlen=_MOST_NOTES)
        self._flushing = anyio.Lock()
        self._ending = anyio.Lock()
        self._ended = False
        self._noted = anyio.Event()
        self.supervisor = Supervisor(log, self.later)
        """Runs what serves the run beside its actors."""

    @property
    def run(self) -> str:
        """Id of the run."""
        return self.fence.run

    async def note(self, event: Event, cause: Ref | None = None) -> int:
        """Record a fact about this process; give its position."""
        stream = StreamId(self.fence.run, SESSION)
        async with self._lock:
            with anyio.CancelScope(shield=True):  # cut off here, it would not know how far its stream reaches
                appended = await self._log.append(
                    stream, [Draft(event, cause)], expected_version=self._version, fence=self.fence
                )
            self._version = appended.version
        return appended.position

    def later(self, event: Event) -> None:
        """Have a fact recorded soon, by whoever runs `write`; for those that cannot wait."""
        self._notes.append(event)
        self._noted.set()

    async def write(self) -> None:
        """Record what is to be recorded soon; ends only by being cancelled."""
        while True:
            await self.flush()
            await self._noted.wait()
            self._noted = anyio.Event()

    async def flush(self) -> None:
        """Record what is left to be recorded. What cannot be recorded now is kept for the next time."""
        async with self._flushing:
            while self._notes:
                event = self._notes[0]
                with suppress(EventRefused):  # it would be refused for ever, and keep back all others
                    await self.note(event)
                if self._notes and self._notes[0] is event:
                    self._notes.popleft()

    async def settled(self) -> None:
        """Wait until the log holds what was appended before."""
        async with self._lock:  # behind notes that wait; the log itself writes in the order in which it was asked
            await self._log.renew(self.fence, ttl_s=self._lease_s)

    async def renew(self) -> None:
        """Keep the lease while the run goes on; ends only by being cancelled, or by losing the run."""
        while True:
            await anyio.sleep(self._lease_s / 3)
            await self._log.renew(self.fence, ttl_s=self._lease_s)

    async def end(self, reason: Ending) -> None:
        """Let go of the run, once. Bounded, and not cut short by a cancellation."""
        with anyio.move_on_after(10, shield=True):
            async with self._ending:
                if self._ended:
                    return
                await self.flush()
                await self.note(SessionEnded(reason))
                self._ended = True
                await self._log.release(self.fence)
