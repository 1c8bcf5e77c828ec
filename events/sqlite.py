"""The log in a SQLite file. The format is described in ``docs/log-format.md``."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import NamedTuple, Self

from anyio import CancelScope, move_on_after
from anyio import Event as Signal

from events import sqlite_blobs, sqlite_leases, sqlite_many
from events.base import Appended, Draft, Fence, Recorded, StreamId
from events.digest import Digest
from events.draft import check_stream, prepare
from events.group import Entry, Group
from events.log import EVERYTHING, Erasure, Fetched, Head, Lease, Payload, Row, Selection, Snapshot
from events.log_errors import LogClosed
from events.redact import NOTHING_SECRET, Redactor
from events.row import recorded
from events.sqlite_blobs import erase, load
from events.sqlite_lock import FileLock
from events.sqlite_open import open_reader, open_writer
from events.sqlite_read import Reader
from events.sqlite_write import Writer


class Settings(NamedTuple):
    """How long to wait for others."""

    patience_s: float = 10.0
    """Seconds to wait for another program's lock, above 0."""
    poll_s: float = 0.25
    """Seconds after which a follower looks for appends of other processes; those of this one wake it at once."""


DEFAULTS = Settings()
"""For a person's own machine."""


class SqliteLog:
    """An event log in one file, open for appending and reading.

    Open it with `SqliteLog.open`; it is also an async context manager. Several tasks and several processes may
    use one file, and so may several logs in one process.
    """

    def __init__(self, writer: Writer, reader: Reader, *, poll_s: float) -> None:
        """Put the parts together; use `SqliteLog.open` instead."""
        self.path = writer.connection.path
        self.redactor = writer.redactor
        self._writer = writer
        self._reader = reader
        self._blobs = writer.blobs
        self._poll_s = poll_s
        self._group = Group(self._write, writer.checkpoint_if_due)
        self._grown = Signal()
        self._closed = False

    @classmethod
    async def open(
        cls,
        path: str | PathLike[str],
        *,
        clock: Callable[[], int],
        redactor: Redactor = NOTHING_SECRET,
        create: bool = True,
        settings: Settings = DEFAULTS,
    ) -> Self:
        """Open a log, and make it if it is not there.

        Args:
            path: The file; `-wal`, `-shm`, `-writer` and `-queue` stand beside it.
            clock: Says the time in microseconds since 1970, UTC.
            redactor: Replaces known secrets before anything is written.
            create: Whether to make a log that is not there.
            settings: How long to wait for others.

        Raises:
            LogNotOurs: It is not a log, or is not there and was not to be made.
            LogNewer: A later version wrote it.
            LogLocked: Another program holds it.
            LogCorrupt: SQLite finds it damaged.
        """
        file = Path(path)
        lock = FileLock(file, settings.patience_s)
        try:
            writing = await open_writer(file, lock, patience_s=settings.patience_s, create=create)
            try:
                reading = await open_reader(file, patience_s=settings.patience_s)
            except BaseException:
                with CancelScope(shield=True):
                    await writing.close()
                raise
        except BaseException:
            lock.close()
            raise
        writer = Writer(writing, lock, redactor=redactor, clock=clock)
        return cls(writer, Reader(reading), poll_s=settings.poll_s)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def append(
        self, stream: StreamId, drafts: Sequence[Draft], *, expected_version: int, fence: Fence | None = None
    ) -> Appended:
        """Keep these events side by side at the end of a stream."""
        self._check_open()
        ready = prepare(drafts)
        if not self._writer.knows(stream):
            check_stream(stream, self.redactor)
        entry = Entry(stream, drafts, ready, expected_version, fence)
        await self._group.submit(entry)
        if entry.error is not None:
            raise entry.error
        assert entry.appended is not None
        return entry.appended

    async def _write(self, entries: Sequence[Entry]) -> None:
        """Write a batch, and wake the followers."""
        if await self._writer.write(entries):
            grown, self._grown = self._grown, Signal()
            grown.set()

    def put(self, data: bytes) -> Digest:
        """Take bytes in, without known secrets."""
        self._check_open()
        return self._blobs.put(self.redactor.replace(data))

    async def get(self, digest: Digest) -> bytes:
        """Give the bytes back."""
        self._check_open()
        data = self._blobs.at_hand(digest)
        if data is None:
            data = await load(self._reader.connection, digest)
            self._blobs.remember(digest, data)
        return data

    async def many(self, digests: Sequence[Digest]) -> AsyncIterator[Sequence[Fetched]]:
        """Give many blobs back, some at a time."""
        # Reading writes nothing: it must be possible on a full disk too.
        if waiting := self._blobs.waiting(digests):
            yield list(waiting.items())
        rest = [digest for digest in digests if digest not in waiting]
        async for page in sqlite_many.many(self._reader.connection, rest):
            yield page

    async def erase(self, digest: Digest, reason: str) -> Erasure:
        """Remove a blob's bytes, from the write-ahead log too."""
        await self._flush()
        erasure = Erasure(digest, self.redactor.text(reason), self._writer.clock())
        await self._writer.exclusively(lambda file: erase(file, erasure))
        self._blobs.forget(digest)
        await self.checkpoint()
        return erasure

    async def digests(self, beginning: str, *, most: int = 10) -> list[Digest]:
        """List blobs by the beginning of their digests."""
        return await sqlite_blobs.digests(self._reader.connection, beginning, most)

    async def erasures(self) -> list[Erasure]:
        """List the blobs whose bytes were removed."""
        sql = "SELECT digest, erased_reason, erased_at FROM blobs WHERE data IS NULL ORDER BY digest"
        rows = await self._reader.connection.fetch(sql)
        return [Erasure(Digest(digest.hex()), reason.decode(), at) for digest, reason, at in rows]

    async def rows(self, selection: Selection = EVERYTHING) -> AsyncIterator[Sequence[Row]]:
        """Give the selected events undecoded, a page at a time."""
        async for page in self._reader.rows(selection, await self._end(selection)):
            yield page

    async def payloads(self, selection: Selection = EVERYTHING) -> AsyncIterator[Sequence[Payload]]:
        """Give only places and payloads, a page at a time."""
        async for page in self._reader.payloads(selection, await self._end(selection)):
            yield page

    async def _end(self, selection: Selection) -> int:
        """Say where reading ends: what comes later is for the next reading."""
        head = (await self._reader.head()).position
        return head if selection.until is None else min(head, selection.until)

    async def pages(self, selection: Selection = EVERYTHING) -> AsyncIterator[Sequence[Recorded]]:
        """Give the selected events, a page at a time."""
        where = str(self.path)
        async for page in self._reader.kept(selection, await self._end(selection)):
            yield recorded(page, where)

    async def read(self, selection: Selection = EVERYTHING) -> AsyncIterator[Recorded]:
        """Give the selected events in order of position."""
        async for page in self.pages(selection):
            for event in page:
                yield event

    async def follow(self, selection: Selection = EVERYTHING) -> AsyncIterator[Recorded]:
        """Like `read`, and then wait for more."""
        last = selection.until
        while last is None or selection.after < last:
            # In this order: what is committed after the numbers were taken wakes us again.
            grown, seen = self._grown, await self._reader.changed()
            head = (await self._reader.head()).position
            async for event in self.read(selection._replace(until=head if last is None else min(head, last))):
                yield event
            selection = selection._replace(after=max(selection.after, head))
            if last is None or selection.after < last:
                await self._wait(grown, seen)

    async def _wait(self, grown: Signal, seen: int) -> None:
        """Wait until this process or another one has committed something."""
        while not grown.is_set():
            with move_on_after(self._poll_s):
                await grown.wait()
            if not grown.is_set() and await self._reader.changed() != seen:
                return

    async def head(self) -> Head:
        """Say how far the log reaches."""
        return await self._reader.head()

    async def runs(self) -> list[str]:
        """List the ids of all runs, oldest first."""
        rows = await self._reader.connection.fetch("SELECT run FROM streams GROUP BY run ORDER BY min(id)")
        return [run.decode() for (run,) in rows]

    async def streams(self, run: str) -> dict[str, int]:
        """List a run's streams with their versions."""
        sql = """
            SELECT name, (SELECT max(version) FROM events WHERE stream = streams.id)
            FROM streams WHERE run = ? ORDER BY id
        """
        return {name.decode(): version or 0 for name, version in await self._reader.connection.fetch(sql, (run,))}

    async def acquire(self, run: str, owner: str, *, ttl_s: float, take_over: int | None = None) -> Fence:
        """Take ownership of a run for a while."""
        now = self._writer.clock()
        wanted = Lease(run, self.redactor.text(owner), 0, now + round(ttl_s * 1e6))
        return await self._writer.exclusively(
            lambda file: sqlite_leases.acquire(file, wanted, now=now, take_over=take_over)
        )

    async def renew(self, fence: Fence, *, ttl_s: float) -> None:
        """Keep ownership for another while."""
        expires_at = self._writer.clock() + round(ttl_s * 1e6)
        await self._writer.exclusively(lambda file: sqlite_leases.renew(file, fence, expires_at))

    async def release(self, fence: Fence) -> None:
        """Let go of a run."""
        now = self._writer.clock()
        await self._writer.exclusively(lambda file: sqlite_leases.release(file, fence, now))

    async def leases(self) -> list[Lease]:
        """List leases, run out or not."""
        return await self._reader.connection.run(sqlite_leases.everyone)

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep the state of a projection."""

        def save(file: sqlite3.Connection) -> None:
            file.execute("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?)", snapshot)

        await self._writer.exclusively(save)

    async def load_snapshot(self, name: str, revision: int) -> Snapshot | None:
        """Give the latest state back."""
        sql = "SELECT position, state FROM snapshots WHERE name = ? AND revision = ?"
        found = await self._reader.connection.fetch(sql, (name, revision))
        return Snapshot(name, revision, *found[0]) if found else None

    async def checkpoint(self) -> None:
        """Move everything from the write-ahead log into the file and empty it, unless readers need it still."""
        self._check_open()
        with CancelScope(shield=True):
            await self._writer.checkpoint("TRUNCATE")

    async def close(self) -> None:
        """Write what is staged, then let go of the file."""
        if self._closed:
            return
        self._closed = True
        with CancelScope(shield=True):
            try:
                await self._flush()
            finally:
                self._grown.set()
                # Readers first: then ours is the last connection of this process, and its checkpoint complete.
                await self._reader.connection.close()
                await self._writer.close()

    async def _flush(self) -> None:
        """Write staged blobs that no append has taken along."""
        with CancelScope(shield=True):
            await self._write(())

    def _check_open(self) -> None:
        """Refuse when closed."""
        if self._closed:
            raise LogClosed
