"""Writing events of another log to the end of the file."""

import sqlite3
from collections.abc import Sequence

from events.adopting import follow_on
from events.base import StreamId
from events.chain import GENESIS, link, stream_part
from events.digest import Digest
from events.log import Erasure, Head, Row

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
