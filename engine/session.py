"""A session: one process's hold on a run, and what it notes about itself."""

from collections import deque
from typing import Final, Literal

import anyio

from engine.lineage import SESSION
from events.base import Draft, Event, Fence, Ref, StreamId
from events.log import EventLog
from events.session import SessionEnded

LEASE_S: Final = 30.0
"""Seconds a run stays owned by a process that has fallen silent."""
_MOST_NOTES: Final = 1000
"""Notes that wait to be written; older ones are dropped for newer ones, and nothing rests on them."""

Ending = Literal["completed", "interrupted", "failed", "drained"]


class Session:
    """One process's hold on a run: its lease, and its entries in the session stream."""

    def __init__(self, log: EventLog, fence: Fence, version: int) -> None:
        self.fence = fence
        self._log = log
        self._version = version
        self._lock = anyio.Lock()
        self._notes: deque[Event] = deque(maxlen=_MOST_NOTES)
        self._noted = anyio.Event()

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
            await self._noted.wait()
            self._noted = anyio.Event()
            await self.flush()

    async def flush(self) -> None:
        """Record what is left to be recorded."""
        while self._notes:
            await self.note(self._notes.popleft())

    async def renew(self) -> None:
        """Keep the lease while the run goes on; ends only by being cancelled, or by losing the run."""
        while True:
            await anyio.sleep(LEASE_S / 3)
            await self._log.renew(self.fence, ttl_s=LEASE_S)

    async def end(self, reason: Ending) -> None:
        """Let go of the run. Bounded, and not cut short by a cancellation."""
        with anyio.move_on_after(10, shield=True):
            await self.flush()
            await self.note(SessionEnded(reason))
            await self._log.release(self.fence)
