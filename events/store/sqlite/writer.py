"""The writing connection: one transaction per batch, one digest chain, one lock between processes."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TypeVar

import msgspec
from anyio import CancelScope, Lock

from events.base import StreamId
from events.digest import Digest
from events.errors import BlobTooLarge, EventRefused, LogCorrupt, LogError, LogFull, LogLocked, LogLost, LogUnwritable
from events.redaction.redactor import Redactor
from events.store.chain import stream_part
from events.store.draft import hold_secrets, prepare, without_secrets
from events.store.group_commit import PendingAppend
from events.store.sqlite.blobs import BlobRow, Packer, StagedBlobs, insert, largest
from events.store.sqlite.connection import Connection, checked, text
from events.store.sqlite.identity import FileIdentity, Known
from events.store.sqlite.lock import FileLock
from events.store.sqlite.plan import FileEnd, FileMark, StreamEnd, WritePlan, plan

CHECKPOINT_BYTES = 32 << 20
"""Written since the last checkpoint: larger ones are faster in sum, and the caller that makes it waits longer."""

_MARK = """
SELECT coalesce((SELECT max(position) FROM events), 0),
    coalesce((SELECT digest FROM events ORDER BY position DESC LIMIT 1), zeroblob(32)), value
FROM meta WHERE key = 'lease_epoch'
"""
_HEAD = """
SELECT id, (SELECT max(version) FROM events WHERE stream = streams.id) FROM streams WHERE run = ? AND name = ?
"""
_APPEND = """
INSERT INTO events
SELECT :position + key, json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
    json_extract(value, '$[3]'), json_extract(value, '$[4]'),
    CAST(substr(:payloads, json_extract(value, '$[5]'), json_extract(value, '$[6]')) AS TEXT),
    substr(:digests, 1 + 32 * key, 32)
FROM json_each(:rows)
WHERE coalesce((SELECT digest FROM events ORDER BY position DESC LIMIT 1), zeroblob(32)) = :before
    AND (SELECT value FROM meta WHERE key = 'lease_epoch') = :lease_epoch
"""
"""All events of a batch, unless the file is in another state than they were planned for.

One statement, to which the rows come in three pieces: so the thread hardly holds the interpreter's lock, and the event
loop runs while SQLite works. With a parameter for each value, binding takes the lock for 0.5 us an event; with more
statements, the thread waits for the lock between them, until the event loop has nothing left to do.
"""

_OF_THE_FILE = (LogFull, LogLocked, LogUnwritable, LogCorrupt, LogLost)
"""What no entry is to blame for: to try each alone would only take longer."""

_rows = msgspec.json.Encoder()
_T = TypeVar("_T")


class LogWriter:
    """Owns the writing connection and what is known about the file's end."""

    def __init__(
        self,
        opened: tuple[Connection, FileIdentity],
        lock: FileLock,
        *,
        redactor: Redactor,
        clock: Callable[[], int],
        most: int,
    ) -> None:
        """Take what `open_writer` gave; `most` bytes are kept in one piece."""
        self.connection, self._identity = opened
        self._path = str(self.connection.path)
        self.lock = lock
        self.redactor = redactor
        self.blobs = StagedBlobs()
        self.clock = clock
        self.most = most
        self._end: FileEnd | None = None
        """Where the file will end when all is written that was handed to the thread; None if that is not known."""
        self._planning = Lock(fast_acquire=True)
        self._packer = Packer()
        self._unsaved = 0
        self._known = Known(0, b"")
        self._lease_epoch: int | None = None

    def knows(self, stream: StreamId) -> bool:
        """Say whether a stream was written to not long ago."""
        return self._end is not None and stream in self._end.places

    async def write(self, entries: Sequence[PendingAppend]) -> bool:
        """Write entries in one transaction, with the staged blobs, and settle each. Say whether any was kept.

        They are planned here, on the event loop, for the end that the file will have when the thread comes to them.

        Raises:
            LogError: The file failed us, and there is no entry to tell.
        """
        entries = self._without_secrets(entries)
        alone: Sequence[PendingAppend] = ()
        try:
            if entries or self.blobs:
                alone = await self._write_together(entries)
            else:
                # Behind all that is on its way.
                await self.connection.run(lambda _: None)
        except Exception as error:
            self._end = None
            if not entries:
                raise
            _refuse(entries, error)
        for entry in alone:
            await self.write([entry])
        return any(entry.appended is not None for entry in entries)

    async def _write_together(self, entries: Sequence[PendingAppend]) -> Sequence[PendingAppend]:
        """Write entries in one transaction. Give those to be written one by one, since one of them spoiled it."""
        async with self._planning:
            end, guessed = await self._look(entries)
            planned = plan(end, entries, self.clock)
            end.forget_absent(guessed)
        # Nothing may come between planning and handing over: batches are written in the order of their plans.
        as_planned, alone = await self.connection.run(lambda file: self._settle(file, entries, planned))
        if not as_planned:
            self._end = None
        return alone

    def _without_secrets(self, entries: Sequence[PendingAppend]) -> Sequence[PendingAppend]:
        """Replace secrets in what will be written; an entry that cannot do without is refused alone."""
        if not hold_secrets([entry.ready for entry in entries], self.redactor):
            return entries
        for entry in entries:
            if not hold_secrets([entry.ready], self.redactor):
                continue
            try:
                entry.drafts = without_secrets(entry.drafts, self.redactor)
                entry.ready, entry.redacted = prepare(entry.drafts), True
            except EventRefused as error:
                entry.error = error
        return [entry for entry in entries if entry.error is None]

    async def _look(self, entries: Sequence[PendingAppend]) -> tuple[FileEnd, set[StreamId]]:
        """Find where the file and the streams of some entries end, unless that is known.

        A stream that is appended to for the first time is taken to be new, which saves a trip to the thread: those
        streams are given too. Whether it is will be seen when it is written.
        """
        streams = {entry.stream for entry in entries}
        # Not `streams - places.keys()`, which walks all streams there ever were, at each batch.
        places = {} if self._end is None else self._end.places
        unknown = {stream for stream in streams if stream not in places}
        begun = {entry.stream for entry in entries if entry.expected != 0}
        if self._end is not None and unknown.isdisjoint(begun):
            self._end.places.update(dict.fromkeys(unknown))
            return self._end, unknown
        self._end = await self.connection.run(lambda file: self._find(file, streams, self._end))
        return self._end, set()

    def _find(self, file: sqlite3.Connection, streams: Iterable[StreamId], known: FileEnd | None) -> FileEnd:
        """Read where the file and some streams end; what is known already is right unless the mark has changed."""
        mark = self._mark(file)
        if known is None or known.mark != mark:
            last = file.execute("SELECT coalesce(max(id), 0) FROM streams").fetchone()[0]
            leases = checked(self._path, file.execute("SELECT run, token FROM leases"), bytes, int)
            tokens = {text(run): token for run, token in leases}
            known = FileEnd(mark, last, tokens)
        if mark.lease_epoch != self._lease_epoch:
            self._lease_epoch = mark.lease_epoch
            self.blobs.forget_all()
        for stream in streams:
            if stream not in known.places:
                found = checked(self._path, file.execute(_HEAD, stream), int, int | None)
                known.places[stream] = StreamEnd(found[0][0], found[0][1] or 0, stream_part(stream)) if found else None
        return known

    def _mark(self, file: sqlite3.Connection) -> FileMark:
        """Read in which state the file is."""
        found = checked(self._path, file.execute(_MARK), int, bytes, int)
        if not found:
            raise LogCorrupt(self._path, "the table meta has lost a row")
        return FileMark(*found[0])

    def _settle(
        self, file: sqlite3.Connection, entries: Sequence[PendingAppend], planned: WritePlan
    ) -> tuple[bool, Sequence[PendingAppend]]:
        """Write a batch and tell its callers how it ended. Say whether all went as planned, and who is to try alone.

        They are told here, on the thread, since the caller that had it written may have been cancelled meanwhile.
        """
        try:
            with self.connection.errors(), self.lock:
                self._identity.check(file, self._known)
                if planned.before[:2] != self._known:
                    self._identity.check_end(file, self._known)
                written = self._write(file, entries, planned)
        except BlobTooLarge as error:
            self.blobs.refuse(error.digest)
            if not entries:
                raise
            name = error.digest.encode()
            naming = [entry for entry in entries if any(name in payload for _, _, payload in entry.ready)]
            _refuse(naming, error)
            return False, [entry for entry in entries if entry not in naming]
        except Exception as error:
            if not entries:
                raise
            if len(entries) > 1 and not isinstance(error, _OF_THE_FILE):
                return False, entries
            _refuse(entries, error)
            return False, ()
        written.settle()
        return written is planned, ()

    def _write(self, file: sqlite3.Connection, entries: Sequence[PendingAppend], planned: WritePlan) -> WritePlan:
        """Write a batch whole or not at all, and give the plan that was carried out."""
        blobs = self.blobs.take()
        erased: set[Digest] = set()
        try:
            # Outside of a transaction, a statement is one.
            if blobs or planned.streams or not planned.rows or not _append(file, planned):
                planned, erased = self._transaction(file, entries, planned, self._packer.pack_all(blobs, largest(file)))
        except BaseException:
            self.blobs.lost()
            file.rollback()
            raise
        self.blobs.kept(erased)
        self._identity.wrote = True
        if planned.rows:
            self._known = Known(planned.before.position + len(planned.rows), planned.digests[-1])
        self._unsaved += planned.weight + sum(map(len, blobs.values()))
        return planned

    def _transaction(
        self, file: sqlite3.Connection, entries: Sequence[PendingAppend], planned: WritePlan, blobs: Sequence[BlobRow]
    ) -> tuple[WritePlan, set[Digest]]:
        """Write a batch with all that belongs to it, planned anew if the file is in another state than was thought.

        Gives the plan that was carried out, and those of the blobs that stay erased.
        """
        file.execute("BEGIN IMMEDIATE")
        if self._mark(file) != planned.before or _there(file, planned.streams):
            self._identity.check_end(file, self._known)
            planned = plan(self._find(file, {entry.stream for entry in entries}, None), entries, self.clock)
        # Blobs first: no event may name bytes that are not there.
        erased = insert(file, blobs)
        file.executemany("INSERT INTO streams VALUES (?, ?, ?)", planned.streams)
        if planned.rows:
            _append(file, planned)
        file.execute("COMMIT")
        return planned, erased

    async def exclusively(self, work: Callable[[sqlite3.Connection], _T], *, counts: bool = True) -> _T:
        """Do something else in a transaction of its own, shielded like a batch.

        `counts` says whether anything is lost with it: then it is saved elsewhere, should the file be deleted.
        """

        def transaction(file: sqlite3.Connection) -> _T:
            with self.lock:
                self._identity.check(file, self._known)
                file.execute("BEGIN IMMEDIATE")
                try:
                    result = work(file)
                    file.execute("COMMIT")
                except BaseException:
                    file.rollback()
                    raise
                self._identity.wrote = self._identity.wrote or counts
            return result

        with CancelScope(shield=True):
            result = await self.connection.run(transaction)
        return result  # noqa: RET504 - a scope may swallow what is raised in it, so mypy wants it here

    async def checkpoint_if_due(self) -> None:
        """Move what was written from the write-ahead log into the file, once it is much."""
        if self._unsaved >= CHECKPOINT_BYTES:
            # Nothing is lost when it fails, and the append it follows was kept: it must not be told otherwise.
            with suppress(LogError, OSError):
                await self.checkpoint("PASSIVE")

    async def checkpoint(self, mode: str) -> None:
        """Checkpoint now, while no other process writes or checkpoints."""
        # Counted anew even if readers keep it from ending: the next one moves the rest.
        self._unsaved = 0

        def checkpoint(file: sqlite3.Connection) -> None:
            with self.lock:
                with suppress(LogLost):
                    self._identity.check(file, self._known)
                # Elsewhere, or under no name, the file still takes what was written to it; an overwritten one must not.
                if not self._identity.overwritten:
                    file.execute(f"PRAGMA wal_checkpoint({mode})")
                    self._identity.changed_by_us()

        await self.connection.run(checkpoint)

    async def finish(self) -> bool:
        """Checkpoint as far as possible. Say whether the file is ours to write to as the connection closes."""
        with suppress(LogError):
            await self.checkpoint("TRUNCATE")
        return not self._identity.overwritten

    async def close(self) -> None:
        """Close the connection, which checkpoints by itself if it is the last.

        Raises:
            LogLost: What was written here is no longer where its name says.
        """

        def close(file: sqlite3.Connection) -> None:
            with self.lock:
                try:
                    if self._identity.wrote:
                        self._identity.check(file, self._known)
                finally:
                    file.close()
                    self._identity.changed_by_us()

        try:
            with suppress(LogLocked):
                await self.connection.run(close)
        finally:
            await self.connection.close()
            self.lock.close()


def _there(file: sqlite3.Connection, streams: Iterable[tuple[int, str, str]]) -> bool:
    """Say whether any stream that was taken to be new is there already."""
    return any(file.execute(_HEAD, (run, name)).fetchone() is not None for _, run, name in streams)


def _append(file: sqlite3.Connection, planned: WritePlan) -> bool:
    """Insert the events of a plan. False: the file is in another state than they were planned for."""
    position, digest, lease_epoch = planned.before
    inserted = file.execute(
        _APPEND,
        {
            "position": position + 1,
            "rows": _rows.encode(planned.rows).decode(),
            "payloads": b"\n".join(planned.payloads),
            "digests": b"".join(planned.digests),
            "before": digest,
            "lease_epoch": lease_epoch,
        },
    )
    return inserted.rowcount == len(planned.rows)


def _refuse(entries: Sequence[PendingAppend], error: Exception) -> None:
    """Tell callers that nothing of theirs was kept."""
    for entry in entries:
        # One exception raised in many tasks would collect the tracebacks of all of them.
        entry.error = error.__class__.__new__(error.__class__)
        entry.error.args = error.args
        entry.error.__dict__.update(error.__dict__)
