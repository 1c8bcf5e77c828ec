"""Where appended events will stand: their positions, versions and digests, before the file is written to."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from events.base import Appended, StreamId
from events.digest import Digest
from events.errors import FenceLost, LogError, VersionConflict
from events.store.base import Erasure, Head, Row
from events.store.chain import GENESIS, link, stream_part
from events.store.draft import follow_on
from events.store.group_commit import PendingAppend

_ROW_OVERHEAD = 200
"""About what a row takes besides its payload."""


class FileMark(NamedTuple):
    """What tells one state of a file from every other: whatever is written changes it."""

    position: int
    digest: bytes
    """Of the last event."""
    lease_epoch: int


class StreamEnd:
    """Where a stream stands."""

    __slots__ = ("id", "part", "version")

    def __init__(self, id_: int, version: int, part: bytes) -> None:
        self.id = id_
        self.version = version
        self.part = part


class FileEnd:
    """What is known of the end of a file. Planning moves it on."""

    def __init__(self, mark: FileMark, last_stream: int, tokens: dict[str, int]) -> None:
        self.position, self.digest, self.lease_epoch = mark
        self.last_stream = last_stream
        self.tokens = tokens
        """Of leases, by run."""
        self.places: dict[StreamId, StreamEnd | None] = {}
        """Streams that were looked for, or are taken to be new; None: not there yet."""

    @property
    def mark(self) -> FileMark:
        """The state of a file that ends here."""
        return FileMark(self.position, self.digest, self.lease_epoch)

    def forget_absent(self, guessed: Iterable[StreamId]) -> None:
        """Forget that streams are not there, where that was only a guess and nothing was planned for them."""
        for stream in guessed:
            if self.places[stream] is None:
                del self.places[stream]


class WritePlan:
    """What one transaction will write, and what its callers are told then."""

    def __init__(self, before: FileMark) -> None:
        self.before = before
        """The state of the file for which it was made."""
        self.streams: list[tuple[int, str, str]] = []
        self.rows: list[tuple[int, int, str, str | None, int, int, int]] = []
        """Stream, version, tag, cause, time; where the payload begins among all, from 1; its size."""
        self.payloads: list[bytes] = []
        self.digests: list[bytes] = []
        self.size = 0
        """Bytes of payloads, each with one byte between it and the next."""
        self.accepted: list[tuple[PendingAppend, Appended]] = []
        self.refused: list[tuple[PendingAppend, LogError]] = []

    @property
    def weight(self) -> int:
        """About how many bytes it adds to the file."""
        return self.size + _ROW_OVERHEAD * len(self.rows)

    def settle(self) -> None:
        """Tell the callers how it ended."""
        for entry, appended in self.accepted:
            entry.appended = appended
        for entry, error in self.refused:
            entry.error = error


def plan(end: FileEnd, entries: Sequence[PendingAppend], clock: Callable[[], int]) -> WritePlan:
    """Give each entry its place, or its error: one that cannot be written harms no other.

    Args:
        end: Has looked for the streams of all entries; moved to where it will be when they are written.
        entries: What callers want appended.
        clock: Says the time in microseconds since 1970, UTC.
    """
    made = WritePlan(end.mark)
    for entry in entries:
        place = end.places[entry.stream]
        if (error := _objection(end, entry, 0 if place is None else place.version)) is not None:
            made.refused.append((entry, error))
            continue
        if place is None:
            end.last_stream += 1
            made.streams.append((end.last_stream, *entry.stream))
            place = end.places[entry.stream] = StreamEnd(end.last_stream, 0, stream_part(entry.stream))
        _add(made, end, entry, place, clock())
    return made


def _objection(end: FileEnd, entry: PendingAppend, version: int) -> LogError | None:
    """Say why an entry may not be written. Whoever lost its run is told that: its streams have moved on, too."""
    if entry.fence is not None and (current := end.tokens.get(entry.fence.run, 0)) != entry.fence.token:
        return FenceLost(entry.fence.run, token=entry.fence.token, current=current)
    if entry.expected != version:
        return VersionConflict("/".join(entry.stream), expected=entry.expected, actual=version)
    return None


def _add(made: WritePlan, end: FileEnd, entry: PendingAppend, place: StreamEnd, at: int) -> None:
    """Give an entry's events their places and digests."""
    position, digest = end.position, end.digest
    id_, version, part, start = place.id, place.version, place.part, made.size + 1
    rows, payloads, digests = made.rows, made.payloads, made.digests
    first = position + 1
    for tag, cause, payload in entry.ready:
        position += 1
        version += 1
        digest = link(digest, (position, version, at), part, cause, payload)
        size = len(payload)
        rows.append((id_, version, tag, None if cause is None else cause.decode(), at, start, size))
        payloads.append(payload)
        digests.append(digest)
        start += size + 1
    place.version = version
    end.position, end.digest = position, digest
    made.size = start - 1
    made.accepted.append((entry, Appended(first, version, at)))


_END = "SELECT position, digest FROM events ORDER BY position DESC LIMIT 1"
_STREAM = "SELECT id, coalesce((SELECT max(version) FROM events WHERE stream = streams.id), 0) FROM streams"


def adopt(file: sqlite3.Connection, rows: Sequence[Row], erased: Sequence[Erasure]) -> Head:
    """Write events within a transaction, and give the head then.

    Raises:
        VersionConflict: A stream of theirs does not go on where it stands here.
    """
    position, before = file.execute(_END).fetchone() or (0, GENESIS)
    file.executemany(
        # The size of what is gone is not known here.
        "INSERT INTO blobs (digest, size, encoding, erased_at, erased_reason) VALUES (?, 0, 'raw', ?, ?)",
        [(bytes.fromhex(each.digest), each.at, each.reason) for each in erased],
    )
    ids, versions = _streams(file, rows)
    parts = {stream: stream_part(stream) for stream in ids}
    made = []
    for row in rows:
        follow_on(versions, row)
        position += 1
        stream = StreamId(row.run, row.name)
        before = link(before, (position, row.version, row.at), parts[stream], row.cause, row.payload)
        cause = None if row.cause is None else row.cause.decode()
        made.append((position, ids[stream], row.version, row.tag, cause, row.at, row.payload.decode(), before))
    file.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", made)
    return Head(position, Digest(before.hex()))


def _streams(file: sqlite3.Connection, rows: Sequence[Row]) -> tuple[dict[StreamId, int], dict[StreamId, int]]:
    """Find the streams of some events, or make them, in the order of their first events: ids and versions."""
    ids: dict[StreamId, int] = {}
    versions: dict[StreamId, int] = {}
    for stream in dict.fromkeys(StreamId(row.run, row.name) for row in rows):
        found = file.execute(f"{_STREAM} WHERE run = ? AND name = ?", stream).fetchone()
        if found is None:
            (last,) = file.execute("SELECT coalesce(max(id), 0) FROM streams").fetchone()
            file.execute("INSERT INTO streams VALUES (?, ?, ?)", (last + 1, *stream))
            found = last + 1, 0
        ids[stream], versions[stream] = found
    return ids, versions
