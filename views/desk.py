"""What a command that only looks has before it: a log, and a screen to show it on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from anyio import Path as AsyncPath

from events.log import EventLog
from events.sqlite import SqliteLog
from views.errors import LogAbsent
from views.machine import Machine
from views.screen import Screen


class Desk(NamedTuple):
    """A log that is there, and a screen."""

    log: EventLog
    path: Path
    screen: Screen
    machine: Machine

    async def owned(self) -> set[str]:
        """List the runs that a process holds at this moment."""
        now = self.machine.clock()
        return {lease.run for lease in await self.log.leases() if lease.expires_at > now}


@asynccontextmanager
async def reading(machine: Machine, screen: Screen, path: Path) -> AsyncIterator[Desk]:
    """Open a log to look at it.

    Raises:
        LogAbsent: There is none.
    """
    if not await AsyncPath(path).exists():
        raise LogAbsent(str(path))
    async with await SqliteLog.open(path, clock=machine.clock, create=False) as log:
        yield Desk(log, path, screen, machine)
