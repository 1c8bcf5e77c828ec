"""The log in a SQLite file. The format is described in ``docs/log-format.md``."""

import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import NamedTuple, Self

from anyio import CancelScope, move_on_after
from anyio import Event as Signal
from typing_extensions import override

from events.base import Appended, Draft, Fence, Recorded, StreamId
from events.digest import Digest, digest_of
from events.errors import BlobTooLarge, EventRefused, LogClosed
from events.redaction.redactor import NOTHING_SECRET, Redactor
from events.store.base import EVERYTHING, Append, Erasure, Fetched, Head, Lease, Row, Selection, Snapshot
from events.store.draft import check_adopted, check_stream, prepare, rows_of
from events.store.group_commit import GroupCommit, PendingAppend
from events.store.sqlite import leases
from events.store.sqlite.blobs import erase, largest
from events.store.sqlite.lock import FileLock
from events.store.sqlite.open import open_reader, open_writer
from events.store.sqlite.plan import adopt
from events.store.sqlite.reader import Reader
from events.store.sqlite.readonly import SqliteSource
from events.store.sqlite.writer import LogWriter

MOST_CLEAN = 4_096
"""Digests of bytes without secrets that are remembered."""


class Settings(NamedTuple):
    """How long to wait for others."""

    patience_s: float = 10.0
    """Seconds to wait for another program's lock, above 0."""
    poll_s: float = 0.25
    """Seconds after which a follower looks for appends of other processes; those of this one wake it at once."""


DEFAULTS = Settings()
"""For a person's own machine."""


class SqliteLog(SqliteSource):
    """An event log in one file, open for appending and reading.

    Open it with `SqliteLog.open`; it is also an async context manager. Several tasks and several processes may
    use one file, and so may several logs in one process.
    """

    def __init__(self, writer: LogWriter, reader: Reader, *, poll_s: float) -> None:
        """Put the parts together; use `SqliteLog.open` instead."""
        super().__init__(reader)
        self.redactor = writer.redactor
        self._writer = writer
        self._blobs = writer.blobs
        self._poll_s = poll_s
        self._group = GroupCommit(self._write, writer.checkpoint_if_due)
        self._grown = Signal()
        self._closed = False
        self._clean: dict[Digest, None] = {}
        """Bytes in which no secret stands that is known."""
        self._looked_for = self.redactor.learnt

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
            path: The file, or a symbolic link to it; `-wal`, `-shm`, `-writer` and `-queue` stand beside the file.
            clock: Says the time in microseconds since 1970, UTC.
            redactor: Replaces known secrets before anything is written.
            create: Whether to make a log that is not there.
            settings: How long to wait for others.

        Raises:
            LogNotOurs: It is not a log, or is not there and was not to be made.
            LogNewer: A later version wrote it.
            LogLinked: The file has several names.
            LogLocked: Another program holds it.
            LogCorrupt: SQLite finds it damaged.
        """
        file = Path(os.path.realpath(path))  # noqa: ASYNC240 - a name is looked at, not a file
        lock = FileLock(file, settings.patience_s)
        try:
            opened = await open_writer(file, lock, patience_s=settings.patience_s, create=create, clock=clock)
            try:
                most = await opened[0].run(largest)
                reading = await open_reader(file, patience_s=settings.patience_s)
            except BaseException:
                with CancelScope(shield=True):
                    await opened[0].close()
                raise
        except BaseException:
            lock.close()
            raise
        writer = LogWriter(opened, lock, redactor=redactor, clock=clock, most=most)
        return cls(writer, Reader(reading), poll_s=settings.poll_s)

    async def append(
        self, stream: StreamId, drafts: Sequence[Draft], *, expected_version: int, fence: Fence | None = None
    ) -> Appended:
        """Keep these events side by side at the end of a stream."""
        self._check_open()
        entry = PendingAppend(stream, drafts, prepare(drafts), expected_version, fence)
        if entry.size > self._writer.most:
            raise EventRefused(
                "an append", f"it has {entry.size:,} bytes, and a log keeps {self._writer.most:,} in one piece"
            )
        if not self._writer.knows(stream):
            check_stream(stream, self.redactor)
        await self._group.submit(entry)
        if entry.error is not None:
            raise entry.error
        assert entry.appended is not None
        return entry.appended._replace(kept=[event for event, _ in entry.drafts]) if entry.redacted else entry.appended

    async def _write(self, entries: Sequence[PendingAppend]) -> None:
        """Write a batch, and wake the followers."""
        if await self._writer.write(entries):
            grown, self._grown = self._grown, Signal()
            grown.set()

    def put(self, data: bytes) -> Digest:
        """Take bytes in, without known secrets."""
        return self._put(data, self.redactor.replace)

    def put_json(self, data: bytes) -> Digest:
        """Take JSON in, without known secrets in its texts."""
        return self._put(data, self.redactor.json)

    def _put(self, data: bytes, without_secrets: Callable[[bytes], bytes]) -> Digest:
        if self._closed:  # a dozen times a turn: no call
            raise LogClosed
        digest = digest_of(data)
        if not self._innocent(digest):
            kept = without_secrets(data)
            if kept is data:
                self._clean[digest] = None
            else:
                data, digest = kept, digest_of(kept)
        if len(data) > self._writer.most:
            raise BlobTooLarge(digest, len(data), self._writer.most)
        return self._blobs.put(digest, data)

    def _innocent(self, digest: Digest) -> bool:
        """Say whether bytes were looked through not long ago: a prompt and the tools are put again at each turn."""
        if self._looked_for != self.redactor.learnt or len(self._clean) > MOST_CLEAN:
            self._looked_for = self.redactor.learnt
            self._clean.clear()
        return digest in self._clean

    @override
    async def get(self, digest: Digest) -> bytes:
        """Give the bytes back."""
        self._check_open()
        data = self._blobs.at_hand(digest)
        if data is None:
            data = await super().get(digest)
            self._blobs.remember(digest, data)
        return data

    @override
    async def many(self, digests: Sequence[Digest]) -> AsyncIterator[Sequence[Fetched]]:
        """Give many blobs back, some at a time."""
        # Reading writes nothing: it must be possible on a full disk too.
        if waiting := self._blobs.waiting(digests):
            yield list(waiting.items())
        rest = [digest for digest in digests if digest not in waiting]
        async for page in super().many(rest):
            yield page

    async def append_all(self, appends: Sequence[Append]) -> Head:
        """Keep events of several streams, whole or not at all."""
        return await self.adopt(rows_of(appends, self.redactor, self._writer.clock()))

    async def adopt(self, rows: Sequence[Row], erased: Sequence[Erasure] = ()) -> Head:
        """Take over events of another log, and note which blobs they name were erased there."""
        check_adopted(rows, self.redactor)
        await self._flush()
        head = await self._writer.exclusively(lambda file: adopt(file, rows, erased))
        grown, self._grown = self._grown, Signal()
        grown.set()
        return head

    async def erase(self, digest: Digest, reason: str) -> Erasure:
        """Remove a blob's bytes, from the write-ahead log too."""
        await self._flush()
        erasure = Erasure(digest, self.redactor.text(reason), self._writer.clock())
        await self._writer.exclusively(lambda file: erase(file, erasure))
        self._blobs.forget(digest)
        await self.checkpoint()
        return erasure

    @override
    async def digests(self, beginning: str, *, most: int = 10) -> list[Digest]:
        """List blobs by the beginning of their digests."""
        return await super().digests(beginning, most=most)

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

    async def acquire(self, run: str, owner: str, *, ttl_s: float, take_over: int | None = None) -> Fence:
        """Take ownership of a run for a while."""
        now = self._writer.clock()
        wanted = Lease(run, self.redactor.text(owner), 0, now + round(ttl_s * 1e6))
        return await self._writer.exclusively(lambda file: leases.acquire(file, wanted, now=now, take_over=take_over))

    async def renew(self, fence: Fence, *, ttl_s: float) -> None:
        """Keep ownership for another while."""
        expires_at = self._writer.clock() + round(ttl_s * 1e6)
        await self._writer.exclusively(lambda file: leases.renew(file, fence, expires_at))

    async def release(self, fence: Fence) -> None:
        """Let go of a run."""
        now = self._writer.clock()
        await self._writer.exclusively(lambda file: leases.release(file, fence, now))

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep the state of a projection."""

        def save(file: sqlite3.Connection) -> None:
            file.execute("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?)", snapshot)

        await self._writer.exclusively(save, counts=False)

    async def checkpoint(self) -> None:
        """Move everything from the write-ahead log into the file and empty it, unless readers need it still."""
        self._check_open()
        with CancelScope(shield=True):
            await self._writer.checkpoint("TRUNCATE")

    @override
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
                await self._let_go()

    async def _let_go(self) -> None:
        """Close the connections."""
        reader, writer = self._reader.connection, self._writer
        # The last one to close checkpoints, unless it can only read. So readers first, and the checkpoint is complete;
        # but last where somebody wrote other bytes into the file, since ours must not be mixed into those.
        first, last = (reader, writer) if await writer.finish() else (writer, reader)
        try:
            await first.close()
        finally:
            await last.close()

    async def _flush(self) -> None:
        """Write staged blobs that no append has taken along."""
        with CancelScope(shield=True):
            await self._write(())

    def _check_open(self) -> None:
        """Refuse when closed."""
        if self._closed:
            raise LogClosed
