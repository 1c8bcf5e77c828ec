"""What a command that only looks has before it: a log, and a screen to show it on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

from anyio import Path as AsyncPath
from anyio import TemporaryDirectory

from engine.runtime.leases import LeaseHolder, holder_of
from events.bundle.copy import copy
from events.bundle.source import BundleSource, looks_like_bundle
from events.bundle.verify import require_sound
from events.store.base import EventLog
from events.store.sqlite.readonly import SqliteSource
from events.store.sqlite.store import SqliteLog
from views.terminal.errors import LogAbsent, UsageWrong
from views.terminal.host import Host
from views.terminal.screen import Screen

SUFFIX: Final = ".bundle"
"""Of bundles, unless somebody names them otherwise."""


class OpenedLog(NamedTuple):
    """A log that is there, and a screen."""

    log: EventLog
    path: Path
    screen: Screen
    machine: Host

    bundled: bool = False
    """Whether it is a bundle, unpacked for the moment: what is written to it is gone afterwards."""

    def writable(self) -> EventLog:
        """Give the log to write to.

        Raises:
            UsageWrong: It is a bundle.
        """
        if self.bundled:
            raise UsageWrong(
                f"{self.path} is a bundle, and bundles are read-only",
                remedy="import it into a log with `stillroom bundle read` and use that log",
            )
        return self.log

    async def owned(self) -> dict[str, LeaseHolder]:
        """List the runs that a process holds at this moment, and which; one that is known to be dead holds none."""
        now = self.machine.clock()
        holders = {lease.run: holder_of(lease, now) for lease in await self.log.leases()}
        return {run: holder for run, holder in holders.items() if holder is not None}


def is_file(path: Path) -> bool:
    """Say whether what a person typed in place of a run's id is a file to look into."""
    return path.suffix == SUFFIX or path.is_file()


@asynccontextmanager
async def reading(machine: Host, screen: Screen, path: Path) -> AsyncIterator[OpenedLog]:
    """Open a log, or a bundle, to look at it.

    Raises:
        LogAbsent: There is none.
        BundleBroken: It is a bundle, and was changed.
    """
    if is_bundle(path):
        async with _unpacked(machine, path) as log:
            yield OpenedLog(log, path, screen, machine, bundled=True)
        return
    if not await AsyncPath(path).exists():
        raise LogAbsent(str(path))
    async with await SqliteLog.open(path, clock=machine.clock, create=False) as log:
        yield OpenedLog(log, path, screen, machine)


async def opened_source(path: Path) -> SqliteSource:
    """Open a log's file to read it and nothing else: to look for damage must not need a file that can be written.

    Raises:
        LogAbsent: There is none.
    """
    if not await AsyncPath(path).exists():
        raise LogAbsent(str(path))
    return await SqliteSource.open_source(path)


def is_bundle(path: Path) -> bool:
    """Say whether what is named as a log is a bundle."""
    return path.suffix == SUFFIX or looks_like_bundle(path)


@asynccontextmanager
async def _unpacked(machine: Host, path: Path) -> AsyncIterator[EventLog]:
    """Put a bundle into a log of its own, in a folder that goes away with it."""
    async with (
        await BundleSource.open(path) as bundle,
        TemporaryDirectory(prefix="stillroom-") as folder,
        await SqliteLog.open(Path(folder) / "log.db", clock=machine.clock) as log,
    ):
        await copy(bundle, log, (await require_sound(bundle)).runs)
        yield log
