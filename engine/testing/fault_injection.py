"""A log and ports that die at a chosen moment, to show that a run goes on from anywhere.

Death comes before or after an append or an effect. How one dies is given: by an exception that nothing may survive, or
by SIGKILL. After it nothing reaches the log or the world any more, as with a process that is gone.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Literal, NamedTuple, NoReturn

from typing_extensions import override

from engine.core.ports import EffectAddress, Permit, Port, Ports
from events.base import Appended, Draft, Event, Fence, Recorded, StreamId
from events.codec import tag_of
from events.digest import Digest
from events.redaction.redactor import Redactor
from events.store.base import (
    EVERYTHING,
    Append,
    Erasure,
    EventLog,
    Fetched,
    Head,
    Inspection,
    Lease,
    Payload,
    Row,
    Selection,
    Snapshot,
    Stored,
)
from events.types.session import ScopeStopped


class SimulatedCrash(BaseException):
    """The process is as good as dead. Not an `Exception`: no code of ours may take it for an outcome."""


class CrashPoint(NamedTuple):
    """A place at which a process may die."""

    side: Literal["before", "during", "after"]
    """During: a file is written in part."""
    what: Literal["append", "effect", "file"]
    stream: str
    """Relative to the run; of a file, its path below its folder."""
    tag: str
    """Of the event that is appended first, or asked; of a file, the operation."""


def by_exception(moment: CrashPoint) -> NoReturn:
    """Die within a process that goes on, as a test does."""
    raise SimulatedCrash(moment)


class CrashSchedule:
    """Counts the moments that pass, and ends a life at one of them."""

    def __init__(self, at: int | None, die: Callable[[CrashPoint], NoReturn] = by_exception) -> None:
        """Say when.

        Args:
            at: Which moment, from 0. None: never; then only the moments are counted.
            die: How.
        """
        self.passed: list[CrashPoint] = []
        self._at = at
        self._die = die

    @property
    def dead(self) -> bool:
        """Whether the moment has come."""
        return self._at is not None and len(self.passed) > self._at

    @property
    def is_next(self) -> bool:
        """Whether the next moment is the one."""
        return self._at == len(self.passed)

    def meet(self, moment: CrashPoint) -> None:
        """Live through a moment, or die in it."""
        self.breathe()
        self.passed.append(moment)
        if self.dead:
            self._die(moment)

    def breathe(self) -> None:
        """See that one lives.

        Raises:
            SimulatedCrash: One does not.
        """
        if self.dead:
            raise SimulatedCrash(self.passed[-1])


class CrashingPorts:
    """Ports that are closed by death."""

    def __init__(self, ports: Ports, fate: CrashSchedule) -> None:
        self._ports = ports
        self._fate = fate

    def handler_for(self, asked: Event) -> Port:
        """Find the port for this request, and the moments around it."""
        return partial(self._through, self._ports.handler_for(asked))

    async def recover(self, history: Sequence[Recorded], place: EffectAddress) -> ScopeStopped | None:
        """Ask the ports."""
        return await self._ports.recover(history, place)

    def admit(self, asked: Event, place: EffectAddress) -> AbstractAsyncContextManager[Permit]:
        """Wait where the ports have one wait."""
        return self._ports.admit(asked, place)

    def admit_child(self, child: str) -> AbstractAsyncContextManager[bool]:
        """Begin where the ports let one begin."""
        return self._ports.admit_child(child)

    async def _through(self, port: Port, asked: Event, place: EffectAddress) -> Event:
        self._fate.meet(CrashPoint("before", "effect", place.stream, tag_of(asked)))
        outcome = await port(asked, place)
        self._fate.meet(CrashPoint("after", "effect", place.stream, tag_of(asked)))
        return outcome


class CrashingLog:
    """A log that is out of reach after death. What it holds stays, for another life."""

    def __init__(self, log: EventLog, fate: CrashSchedule) -> None:
        self._log = log
        self._fate = fate

    @property
    def redactor(self) -> Redactor:
        """What is replaced before anything is kept."""
        return self._log.redactor

    async def append(
        self, stream: StreamId, drafts: Sequence[Draft], *, expected_version: int, fence: Fence | None = None
    ) -> Appended:
        """Keep these events, with a moment before and a moment after."""
        tag = tag_of(drafts[-1].event)  # decisions that waited for it stand before it
        self._fate.meet(CrashPoint("before", "append", stream.name, tag))
        appended = await self._log.append(stream, drafts, expected_version=expected_version, fence=fence)
        self._fate.meet(CrashPoint("after", "append", stream.name, tag))
        return appended

    def put(self, data: bytes) -> Digest:
        """Take bytes in."""
        self._fate.breathe()
        return self._log.put(data)

    def put_json(self, data: bytes) -> Digest:
        """Take JSON in."""
        self._fate.breathe()
        return self._log.put_json(data)

    async def get(self, digest: Digest) -> bytes:
        """Give the bytes back."""
        self._fate.breathe()
        return await self._log.get(digest)

    def chain(self) -> AsyncIterator[Sequence[bytes]]:
        """Give the digests of all events."""
        self._fate.breathe()
        return self._log.chain()

    async def inspect(self) -> Inspection:
        """Look for damage."""
        self._fate.breathe()
        return await self._log.inspect()

    def stored(self) -> AsyncIterator[Sequence[Stored]]:
        """List all blobs."""
        self._fate.breathe()
        return self._log.stored()

    def many(self, digests: Sequence[Digest]) -> AsyncIterator[Sequence[Fetched]]:
        """Give many blobs back."""
        self._fate.breathe()
        return self._log.many(digests)

    def read(self, selection: Selection = EVERYTHING) -> AsyncIterator[Recorded]:
        """Give the selected events."""
        self._fate.breathe()
        return self._log.read(selection)

    def payloads(self, selection: Selection = EVERYTHING) -> AsyncIterator[Sequence[Payload]]:
        """Give only places and payloads."""
        self._fate.breathe()
        return self._log.payloads(selection)

    def pages(self, selection: Selection = EVERYTHING) -> AsyncIterator[Sequence[Recorded]]:
        """Give the selected events, a page at a time."""
        self._fate.breathe()
        return self._log.pages(selection)

    def follow(self, selection: Selection = EVERYTHING) -> AsyncIterator[Recorded]:
        """Read on without end."""
        self._fate.breathe()
        return self._log.follow(selection)

    def rows(self, selection: Selection = EVERYTHING) -> AsyncIterator[Sequence[Row]]:
        """Give the selected events undecoded."""
        self._fate.breathe()
        return self._log.rows(selection)

    async def append_all(self, appends: Sequence[Append]) -> Head:
        """Keep events of several streams."""
        self._fate.breathe()
        return await self._log.append_all(appends)

    async def adopt(self, rows: Sequence[Row], erased: Sequence[Erasure] = ()) -> Head:
        """Take over events."""
        self._fate.breathe()
        return await self._log.adopt(rows, erased)

    async def head(self) -> Head:
        """Say how far the log reaches."""
        self._fate.breathe()
        return await self._log.head()

    async def runs(self, *, after: int = 0) -> list[str]:
        """List the ids of runs."""
        self._fate.breathe()
        return await self._log.runs(after=after)

    async def streams(self, run: str) -> dict[str, int]:
        """List a run's streams."""
        self._fate.breathe()
        return await self._log.streams(run)

    async def acquire(self, run: str, owner: str, *, ttl_s: float, take_over: int | None = None) -> Fence:
        """Take a run."""
        self._fate.breathe()
        return await self._log.acquire(run, owner, ttl_s=ttl_s, take_over=take_over)

    async def renew(self, fence: Fence, *, ttl_s: float) -> None:
        """Keep a run."""
        self._fate.breathe()
        await self._log.renew(fence, ttl_s=ttl_s)

    async def release(self, fence: Fence) -> None:
        """Let go of a run: the dead do not."""
        self._fate.breathe()
        await self._log.release(fence)

    async def leases(self) -> list[Lease]:
        """List leases."""
        self._fate.breathe()
        return await self._log.leases()

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a state."""
        self._fate.breathe()
        await self._log.save_snapshot(snapshot)

    async def load_snapshot(self, name: str, revision: int) -> Snapshot | None:
        """Give a state back."""
        self._fate.breathe()
        return await self._log.load_snapshot(name, revision)

    async def snapshots(self) -> list[tuple[str, int]]:
        """List what states are kept."""
        self._fate.breathe()
        return await self._log.snapshots()

    async def erase(self, digest: Digest, reason: str) -> Erasure:
        """Remove bytes."""
        self._fate.breathe()
        return await self._log.erase(digest, reason)

    async def digests(self, beginning: str, *, most: int = 10) -> list[Digest]:
        """List blobs by the beginning of their digests."""
        self._fate.breathe()
        return await self._log.digests(beginning, most=most)

    async def erasures(self) -> list[Erasure]:
        """List what was removed."""
        self._fate.breathe()
        return await self._log.erasures()

    async def close(self) -> None:
        """Leave the file to whoever opened it: it outlives this life."""


class FaultyLog(CrashingLog):
    """A log some of whose operations fail, as a full disk or a mistake of ours has them fail."""

    def __init__(self, log: EventLog, fault: Callable[[str, object], None]) -> None:
        """Say which.

        Args:
            log: What is behind it.
            fault: Called before an operation with its name and what it is about: ``append`` and a `StreamId`,
                ``put`` and bytes, ``read`` or ``pages`` and a `Selection`, ``renew`` and a run. What it raises, the
                operation raises.
        """
        super().__init__(log, CrashSchedule(None))
        self._fault = fault

    @override
    async def append(
        self, stream: StreamId, drafts: Sequence[Draft], *, expected_version: int, fence: Fence | None = None
    ) -> Appended:
        """Fail, or keep these events."""
        self._fault("append", stream)
        return await super().append(stream, drafts, expected_version=expected_version, fence=fence)

    @override
    def put(self, data: bytes) -> Digest:
        """Fail, or take bytes in."""
        self._fault("put", data)
        return super().put(data)

    @override
    def put_json(self, data: bytes) -> Digest:
        """Fail, or take JSON in."""
        self._fault("put", data)
        return super().put_json(data)

    @override
    def read(self, selection: Selection = EVERYTHING) -> AsyncIterator[Recorded]:
        """Fail, or give the selected events."""
        self._fault("read", selection)
        return super().read(selection)

    @override
    def pages(self, selection: Selection = EVERYTHING) -> AsyncIterator[Sequence[Recorded]]:
        """Fail, or give the selected events, a page at a time."""
        self._fault("pages", selection)
        return super().pages(selection)

    @override
    async def renew(self, fence: Fence, *, ttl_s: float) -> None:
        """Fail, or keep a run."""
        self._fault("renew", fence.run)
        await super().renew(fence, ttl_s=ttl_s)
