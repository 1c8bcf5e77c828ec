"""The log in memory: the shipped substitute, for tests and dry runs. It promises what the file promises.

It forgets everything with the process; nothing else about it is a simplification.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

from anyio import Event as Signal
from anyio.lowlevel import checkpoint

from events.base import Appended, Draft, Fence, Recorded, StreamId
from events.digest import Digest, digest_of, span_of
from events.errors import BlobErased, BlobMissing, FenceLost, LogClosed, LogError, RunOwned, VersionConflict
from events.redaction.redactor import NOTHING_SECRET, Redactor
from events.store.base import (
    EVERYTHING,
    Append,
    Erasure,
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
from events.store.chain import GENESIS, link, stream_part
from events.store.draft import check_adopted, check_stream, follow_on, hold_secrets, prepare, rows_of, without_secrets
from events.store.row import recorded_rows

PAGE = 2_000
"""Events in a page."""


@dataclass
class _Kept:
    """What a file would hold."""

    rows: list[Row] = field(default_factory=list)
    versions: dict[StreamId, int] = field(default_factory=dict)
    blobs: dict[Digest, bytes | Erasure] = field(default_factory=dict)
    withheld: dict[Digest, bytes] = field(default_factory=dict)
    """Bytes that were put after they had been erased: they stay erased, and whoever put them goes on."""
    leases: dict[str, Lease] = field(default_factory=dict)
    snapshots: dict[tuple[str, int], Snapshot] = field(default_factory=dict)


class MemoryLog:
    """Events, blobs, leases and snapshots in dictionaries."""

    def __init__(self, *, clock: Callable[[], int], redactor: Redactor = NOTHING_SECRET) -> None:
        """Begin an empty log.

        Args:
            clock: Says the time in microseconds since 1970, UTC.
            redactor: Replaces known secrets before anything is kept.
        """
        self.redactor = redactor
        self._clock = clock
        self._kept = _Kept()
        self._grown = Signal()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def append(
        self, stream: StreamId, drafts: Sequence[Draft], *, expected_version: int, fence: Fence | None = None
    ) -> Appended:
        """Keep these events side by side at the end of a stream."""
        ready, kept = prepare(drafts), None
        if hold_secrets([ready], self.redactor):
            drafts = without_secrets(drafts, self.redactor)
            ready, kept = prepare(drafts), [event for event, _ in drafts]
        check_stream(stream, self.redactor)
        # Everything below happens between two awaits, so it happens as a whole.
        await self._open()
        self._check_fence(fence)
        version = self._kept.versions.get(stream, 0)
        if version != expected_version:
            raise VersionConflict("/".join(stream), expected=expected_version, actual=version)
        rows, part, at = self._kept.rows, stream_part(stream), self._clock()
        first = len(rows) + 1
        for tag, cause, payload in ready:
            version += 1
            before = rows[-1].digest if rows else GENESIS
            digest = link(before, (len(rows) + 1, version, at), part, cause, payload)
            rows.append(Row(len(rows) + 1, stream.run, stream.name, version, tag, cause, at, payload, digest))
        self._kept.versions[stream] = version
        grown, self._grown = self._grown, Signal()
        grown.set()
        return Appended(first, version, at, kept)

    async def append_all(self, appends: Sequence[Append]) -> Head:
        """Keep events of several streams, whole or not at all."""
        return await self.adopt(rows_of(appends, self.redactor, self._clock()))

    async def adopt(self, rows: Sequence[Row], erased: Sequence[Erasure] = ()) -> Head:
        """Take over events of another log."""
        check_adopted(rows, self.redactor)
        await self._open()
        versions = dict(self._kept.versions)
        for row in rows:
            follow_on(versions, row)
        kept, before = self._kept.rows, self._kept.rows[-1].digest if self._kept.rows else GENESIS
        for row in rows:
            place, part = (len(kept) + 1, row.version, row.at), stream_part(StreamId(row.run, row.name))
            before = link(before, place, part, row.cause, row.payload)
            kept.append(row._replace(position=place[0], digest=before))
        self._kept.versions = versions
        for each in erased:
            self._kept.blobs.setdefault(each.digest, each)
        grown, self._grown = self._grown, Signal()
        grown.set()
        return Head(len(kept), Digest(before.hex()))

    def put(self, data: bytes) -> Digest:
        """Take bytes in, without known secrets."""
        return self._put(self.redactor.replace(data))

    def put_json(self, data: bytes) -> Digest:
        """Take JSON in, without known secrets in its texts."""
        return self._put(self.redactor.json(data))

    def _put(self, data: bytes) -> Digest:
        if self._closed:
            raise LogClosed
        digest = digest_of(data)
        if isinstance(self._kept.blobs.setdefault(digest, data), Erasure):
            self._kept.withheld[digest] = data
        return digest

    async def get(self, digest: Digest) -> bytes:
        """Give the bytes back."""
        await self._open()
        found = self._kept.withheld.get(digest, self._one(digest))
        if isinstance(found, LogError):
            raise found
        return found

    async def many(self, digests: Sequence[Digest]) -> AsyncIterator[Sequence[Fetched]]:
        """Give many blobs back, one at a time."""
        for digest in digests:
            await self._open()
            yield [(digest, self._one(digest))]

    def _one(self, digest: Digest) -> bytes | LogError:
        match self._kept.blobs.get(digest):
            case None:
                return BlobMissing(digest)
            case Erasure() as erasure:
                return BlobErased(digest, reason=erasure.reason, at=erasure.at)
            case data:
                return data

    async def erase(self, digest: Digest, reason: str) -> Erasure:
        """Remove a blob's bytes."""
        await self._open()
        if isinstance(found := self._one(digest), LogError):
            raise found
        erasure = Erasure(digest, self.redactor.text(reason), self._clock())
        self._kept.blobs[digest] = erasure
        self._kept.snapshots.clear()
        return erasure

    async def digests(self, beginning: str, *, most: int = 10) -> list[Digest]:
        """List blobs by the beginning of their digests."""
        await self._open()
        span = span_of(beginning)
        found = [] if span is None else sorted(each for each in self._kept.blobs if span[0] <= each <= span[1])
        return found[:most]

    async def erasures(self) -> list[Erasure]:
        """List the blobs whose bytes were removed."""
        await self._open()
        return sorted(blob for blob in self._kept.blobs.values() if isinstance(blob, Erasure))

    async def chain(self) -> AsyncIterator[Sequence[bytes]]:
        """Give the digests of all events in order."""
        await self._open()
        yield [row.digest for row in self._kept.rows]

    async def inspect(self) -> Inspection:
        """Look for damage: there is nothing but events and blobs."""
        await self._open()
        return Inspection((), ())

    async def stored(self) -> AsyncIterator[Sequence[Stored]]:
        """List all blobs."""
        await self._open()
        yield [Stored(digest, None) for digest in self._kept.blobs]

    async def rows(self, selection: Selection = EVERYTHING) -> AsyncIterator[Sequence[Row]]:
        """Give the selected events undecoded, a page at a time."""
        await self._open()
        until = len(self._kept.rows) if selection.until is None else min(selection.until, len(self._kept.rows))
        for start in range(selection.after, until, PAGE):
            await checkpoint()
            page = [row for row in self._kept.rows[start : min(start + PAGE, until)] if selection.takes(row)]
            if page:
                yield page

    async def payloads(self, selection: Selection = EVERYTHING) -> AsyncIterator[Sequence[Payload]]:
        """Give only places and payloads, a page at a time."""
        async for page in self.rows(selection):
            yield [(row.position, row.version, row.payload) for row in page]

    async def pages(self, selection: Selection = EVERYTHING) -> AsyncIterator[Sequence[Recorded]]:
        """Give the selected events, a page at a time."""
        async for page in self.rows(selection):
            yield recorded_rows(page, "the log in memory")

    async def read(self, selection: Selection = EVERYTHING) -> AsyncIterator[Recorded]:
        """Give the selected events in order of position."""
        async for page in self.pages(selection):
            for event in page:
                yield event

    async def follow(self, selection: Selection = EVERYTHING) -> AsyncIterator[Recorded]:
        """Like `read`, and then wait for more."""
        while selection.until is None or selection.after < selection.until:
            grown, head = self._grown, len(self._kept.rows)
            upto = head if selection.until is None else min(head, selection.until)
            async for event in self.read(selection._replace(until=upto)):
                yield event
            selection = selection._replace(after=max(selection.after, upto))
            if selection.until is None or selection.after < selection.until:
                await grown.wait()
            await self._open()

    async def head(self) -> Head:
        """Say how far the log reaches."""
        await self._open()
        rows = self._kept.rows
        return Head(len(rows), Digest((rows[-1].digest if rows else GENESIS).hex()))

    async def runs(self, *, after: int = 0) -> list[str]:
        """List the ids of runs, oldest first."""
        await self._open()
        newer = {row.run for row in self._kept.rows[after:]}
        return [run for run in dict.fromkeys(stream.run for stream in self._kept.versions) if run in newer]

    async def streams(self, run: str) -> dict[str, int]:
        """List a run's streams with their versions."""
        await self._open()
        return {stream.name: version for stream, version in self._kept.versions.items() if stream.run == run}

    async def acquire(self, run: str, owner: str, *, ttl_s: float, take_over: int | None = None) -> Fence:
        """Take ownership of a run for a while."""
        await self._open()
        owner, now = self.redactor.text(owner), self._clock()
        lease = self._kept.leases.get(run)
        if lease is not None and lease.owner != owner and lease.expires_at > now and lease.token != take_over:
            raise RunOwned(run, owner=lease.owner, seconds_left=(lease.expires_at - now) / 1e6)
        token = 1 if lease is None else lease.token + 1
        self._kept.leases[run] = Lease(run, owner, token, now + round(ttl_s * 1e6))
        return Fence(run, token)

    async def renew(self, fence: Fence, *, ttl_s: float) -> None:
        """Keep ownership for another while."""
        await self._open()
        self._check_fence(fence)
        lease = self._kept.leases[fence.run]
        self._kept.leases[fence.run] = lease._replace(expires_at=self._clock() + round(ttl_s * 1e6))

    async def release(self, fence: Fence) -> None:
        """Let go of a run. Its token stays, so that an append that comes late is still told apart."""
        await self._open()
        lease = self._kept.leases.get(fence.run)
        if lease is not None and lease.token == fence.token:
            self._kept.leases[fence.run] = lease._replace(expires_at=min(lease.expires_at, self._clock()))

    async def leases(self) -> list[Lease]:
        """List leases, run out or not."""
        await self._open()
        return sorted(self._kept.leases.values())

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep the state of a projection."""
        await self._open()
        self._kept.snapshots[snapshot.name, snapshot.revision] = snapshot

    async def load_snapshot(self, name: str, revision: int) -> Snapshot | None:
        """Give the latest state back."""
        await self._open()
        return self._kept.snapshots.get((name, revision))

    async def snapshots(self) -> list[tuple[str, int]]:
        """List what states are kept."""
        await self._open()
        return sorted(self._kept.snapshots)

    async def close(self) -> None:
        """Refuse whatever comes next."""
        self._closed = True
        self._grown.set()
        await checkpoint()

    async def _open(self) -> None:
        """Let others run, as a file would, and refuse when closed."""
        await checkpoint()
        if self._closed:
            raise LogClosed

    def _check_fence(self, fence: Fence | None) -> None:
        """Refuse whoever no longer owns the run."""
        if fence is None:
            return
        lease = self._kept.leases.get(fence.run)
        current = 0 if lease is None else lease.token
        if current != fence.token:
            raise FenceLost(fence.run, token=fence.token, current=current)
