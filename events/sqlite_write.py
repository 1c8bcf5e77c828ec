"""The writing connection: one transaction per batch, one digest chain, one lock between processes."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import cache
from typing import TypeVar

from anyio import CancelScope, Lock

from events.base import Appended, StreamId
from events.chain import GENESIS, link, stream_part
from events.draft import hold_secrets, redact
from events.group import Entry
from events.log_errors import EventRefused, FenceLost, LogCorrupt, LogError, LogLocked, VersionConflict
from events.redact import Redactor
from events.sqlite_blobs import StagedBlobs, pack_all
from events.sqlite_connection import Connection
from events.sqlite_lock import FileLock

CHECKPOINT_BYTES = 32 << 20
"""Written since the last checkpoint: larger ones are faster in sum, and the caller that makes it waits longer."""

_LOOK = """
UPDATE meta SET value = value WHERE key = 'lease_epoch'
RETURNING value, (SELECT max(position) FROM events), (SELECT digest FROM events ORDER BY position DESC LIMIT 1),
    (SELECT max(id) FROM streams)
"""
"""Changes nothing, and so writes no page; but the driver begins a transaction before it. Asked for in two statements it
would take one more trip to the driver's thread, of which a single append makes three."""
_HEADS = """
SELECT run, name, id, (SELECT max(version) FROM events WHERE stream = streams.id)
FROM streams WHERE run = ? AND name = ?
"""
_COLUMNS = 8
_ROWS_AT_ONCE = 64
"""Events in a statement. Because a trigger may stop it, SQLite prepares each statement to be undone, which costs as
much as an insert (4.6 of 8.7 us). And the driver holds the interpreter's lock between statements, not in them: so the
event loop goes on while 64 events are inserted."""
_BLOB = "INSERT INTO blobs (digest, size, encoding, data) VALUES (?, ?, ?, ?)"
_ROW_OVERHEAD = 200
"""About what a row takes besides its payload."""

_T = TypeVar("_T")


class _Place:
    """Where a stream stands."""

    __slots__ = ("id", "part", "version")

    def __init__(self, id_: int, version: int, part: bytes) -> None:
        self.id = id_
        self.version = version
        self.part = part


class _Plan:
    """What one transaction will write, and what is true once it is committed."""

    def __init__(self, head: tuple[int, bytes], last_stream: int) -> None:
        self.position, self.digest = head
        self.last_stream = last_stream
        self.streams: list[tuple[int, str, str]] = []
        self.values: list[int | str | bytes | None] = []
        """Rows of events, one after the other."""
        self.places: dict[StreamId, _Place] = {}
        self.accepted: list[tuple[Entry, Appended]] = []
        self.size = 0

    def settle(self) -> None:
        """Tell the callers where their events are."""
        for entry, appended in self.accepted:
            entry.appended = appended


class Writer:
    """Owns the writing connection and what is remembered about the file's end."""

    def __init__(self, connection: Connection, lock: FileLock, *, redactor: Redactor, clock: Callable[[], int]) -> None:
        self.connection = connection
        self.lock = lock
        self.places: dict[StreamId, _Place] = {}
        """Streams written to, and where they stand. Forgotten when another process wrote."""
        self.redactor = redactor
        self.blobs = StagedBlobs()
        self.clock = clock
        self._head = (-1, GENESIS)
        self._last_stream = 0
        self._lease_epoch = -1
        self._tokens: dict[str, int] = {}
        self._unsaved = 0

    async def write(self, take: Callable[[], Sequence[Entry]]) -> bool:
        """Write entries in one transaction, and settle each of them. Say whether anything was written."""
        try:
            async with self.lock:
                return await self._transaction(take)
        except LogError as error:
            self._head = (-1, GENESIS)
            entries = take()
            if not entries:
                raise
            for entry in entries:
                # One exception raised in many tasks would collect the tracebacks of all of them.
                entry.error = _again(error)
            return False

    async def _transaction(self, take: Callable[[], Sequence[Entry]]) -> bool:
        """Begin, look where the file stands, decide, insert, commit; or leave nothing behind."""
        plan: _Plan | None = None
        try:
            await self._look()
            entries = self._without_secrets(take())
            blobs = self.blobs.take()
            await self._find(entries)
            plan = self._decide(entries)
            if not plan.values and not blobs:
                await self.connection.rollback()
                self.blobs.kept()
                return False
            await self._insert(plan, await pack_all(blobs))
            await self.connection.fetch("COMMIT")
        except BaseException:
            with CancelScope(shield=True):
                await self._recover(plan)
            raise
        self._committed(plan)
        self._unsaved += sum(map(len, blobs.values()))
        return True

    async def _look(self) -> None:
        """Begin a transaction, find the end of the file, and notice what other processes did to it."""
        rows = await self.connection.fetch(_LOOK)
        if not rows:
            raise LogCorrupt(str(self.connection.path), "the table meta has lost a row")
        epoch, position, digest, stream = rows[0]
        head = (position or 0, digest or GENESIS)
        if head != self._head:
            self.places.clear()
            self._head = head
        self._last_stream = stream or 0
        if epoch != self._lease_epoch:
            rows = await self.connection.fetch("SELECT run, token FROM leases")
            self._tokens = {run.decode(): token for run, token in rows}
            self._lease_epoch = epoch
            self.blobs.forget_all()

    def _without_secrets(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Replace secrets in what will be written; an entry that cannot do without is refused alone."""
        if not hold_secrets([entry.ready for entry in entries], self.redactor):
            return entries
        for entry in entries:
            try:
                entry.ready = redact(entry.drafts, self.redactor)
            except EventRefused as error:
                entry.error = error
        return [entry for entry in entries if entry.error is None]

    async def _find(self, entries: Sequence[Entry]) -> None:
        """Find where streams stand that were not written to since the file was last looked at."""
        for stream in {entry.stream for entry in entries if entry.stream not in self.places}:
            for _, _, id_, version in await self.connection.fetch(_HEADS, stream):
                self.places[stream] = _Place(id_, version or 0, stream_part(stream))

    def _decide(self, entries: Sequence[Entry]) -> _Plan:
        """Give each entry its place, or its error: one that cannot be written harms no other."""
        plan = _Plan(self._head, self._last_stream)
        for entry in entries:
            place = plan.places.get(entry.stream) or self.places.get(entry.stream)
            version = 0 if place is None else place.version
            if (error := self._objection(entry, version)) is not None:
                entry.error = error
                continue
            if place is None:
                plan.last_stream += 1
                plan.streams.append((plan.last_stream, *entry.stream))
                place = _Place(plan.last_stream, 0, stream_part(entry.stream))
            plan.places[entry.stream] = self._add(plan, entry, place)
        return plan

    def _objection(self, entry: Entry, version: int) -> LogError | None:
        """Say why an entry may not be written. Whoever lost its run is told that: its streams have moved on, too."""
        if entry.fence is not None and (current := self._tokens.get(entry.fence.run, 0)) != entry.fence.token:
            return FenceLost(entry.fence.run, token=entry.fence.token, current=current)
        if entry.expected != version:
            return VersionConflict("/".join(entry.stream), expected=entry.expected, actual=version)
        return None

    def _add(self, plan: _Plan, entry: Entry, place: _Place) -> _Place:
        """Give an entry's events their places and digests."""
        position, digest, at = plan.position, plan.digest, self.clock()
        id_, version, part, values = place.id, place.version, place.part, plan.values
        first = position + 1
        for tag, cause, payload, text in entry.ready:
            position += 1
            version += 1
            digest = link(digest, (position, version, at), part, cause, payload)
            reason = None if cause is None else cause.decode()
            values += (position, id_, version, tag, reason, at, text, digest)
            plan.size += len(payload) + _ROW_OVERHEAD
        plan.position, plan.digest = position, digest
        plan.accepted.append((entry, Appended(first, version, at)))
        return _Place(id_, version, part)

    async def _insert(self, plan: _Plan, blobs: Sequence[tuple[bytes, int, str, bytes]]) -> None:
        """Write blobs first: no event may name bytes that are not there."""
        if blobs:
            await self.connection.many(_BLOB, blobs)
        if plan.streams:
            await self.connection.many("INSERT INTO streams VALUES (?, ?, ?)", plan.streams)
        at_once = _ROWS_AT_ONCE * _COLUMNS
        whole = len(plan.values) // at_once * at_once
        if whole:
            chunks = [plan.values[start : start + at_once] for start in range(0, whole, at_once)]
            await self.connection.many(_insert_events(_ROWS_AT_ONCE), chunks)
        if rest := plan.values[whole:]:
            await self.connection.fetch(_insert_events(len(rest) // _COLUMNS), rest)

    def _committed(self, plan: _Plan) -> None:
        """Remember what the file now holds, and tell the callers."""
        self._head = (plan.position, plan.digest)
        self._last_stream = plan.last_stream
        self.places.update(plan.places)
        self._unsaved += plan.size
        self.blobs.kept()
        plan.settle()

    async def _recover(self, plan: _Plan | None) -> None:
        """Leave the transaction, and find out whether it had been committed.

        A native cancellation can arrive while COMMIT is on its way: the driver's thread carries it out all the same.
        """
        committed = False
        try:
            await self.connection.rollback()
            if plan is not None and plan.values:
                sql = "SELECT digest FROM events WHERE position = ?"
                committed = await self.connection.fetch(sql, (plan.position,)) == [(plan.digest,)]
        finally:
            self._head = (-1, GENESIS)
            if committed and plan is not None:
                self.blobs.kept()
                plan.settle()
            else:
                self.blobs.lost()

    async def exclusively(self, turn: Lock, work: Callable[[Connection], Awaitable[_T]]) -> _T:
        """Do something else in a transaction of its own, shielded like a batch."""
        with CancelScope(shield=True):
            async with turn, self.lock:
                try:
                    await self.connection.fetch("BEGIN IMMEDIATE")
                    result = await work(self.connection)
                    await self.connection.fetch("COMMIT")
                except BaseException:
                    with CancelScope(shield=True):
                        await self.connection.rollback()
                    raise
        return result

    async def checkpoint_if_due(self) -> None:
        """Move what was written from the write-ahead log into the file, once it is much."""
        if self._unsaved >= CHECKPOINT_BYTES:
            # Nothing is lost when it fails, and the append it follows was kept: it must not be told otherwise.
            with suppress(LogError):
                await self.checkpoint("PASSIVE")

    async def checkpoint(self, mode: str) -> None:
        """Checkpoint now, while no other process writes or checkpoints."""
        async with self.lock:
            # Counted anew even if readers kept it from ending: the next one moves the rest.
            self._unsaved = 0
            await self.connection.fetch(f"PRAGMA wal_checkpoint({mode})")

    async def close(self) -> None:
        """Checkpoint as far as possible and close the connection, which checkpoints by itself if it is the last."""
        try:
            with suppress(LogError):
                await self.checkpoint("TRUNCATE")
            with suppress(LogLocked):
                async with self.lock:
                    await self.connection.close()
        finally:
            await self.connection.close()
            self.lock.close()


@cache
def _insert_events(count: int) -> str:
    """Write the statement that inserts some events. The driver keeps it compiled: there are few lengths."""
    row = f"({', '.join('?' * _COLUMNS)})"
    return f"INSERT INTO events VALUES {', '.join([row] * count)}"  # noqa: S608 - only question marks


def _again(error: LogError) -> LogError:
    """Copy an error, without where it was raised."""
    copy = error.__class__.__new__(error.__class__)
    copy.args = error.args
    copy.__dict__.update(error.__dict__)
    return copy
