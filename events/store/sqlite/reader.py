"""Reading from the file, on a connection that can only read. No transaction outlives a statement."""

import sqlite3
from array import array
from collections.abc import AsyncIterator, Sequence
from json import dumps
from typing import Any, NamedTuple

from events.base import StreamId
from events.digest import Digest
from events.errors import LogCorrupt
from events.store.base import Head, Payload, Row, Selection
from events.store.chain import GENESIS
from events.store.row import Kept
from events.store.sqlite.connection import Connection, checked, text
from events.upcast import tags_as_written

PAGE = 250
"""Events in a page: enough to spread the cost of going to the thread and back, few enough to stay in the cache of a
processor (2,000 were a fifth slower to fold than 250)."""

WINDOW = 100_000
"""Positions that one statement looks at: it bounds how long a read transaction lasts."""

DIGESTS = 5_000
"""Digests of events in a page."""

SPARSE = 4
"""Where the events of others between a run's are more than so many for each of its own, its own are looked up one by
one, which takes about twice as long for each as reading on does."""

Page = list[tuple[Any, ...]]

_OF_RUN = " AND (SELECT run FROM streams WHERE id = events.stream) = ?"
"""Asked of each row: a list of the run's streams would be made anew for each page that a follower reads."""

_EXTENT = """
SELECT coalesce(min(first), 1), coalesce(max(last), 0), coalesce(sum(versions), 0), coalesce(min(id), 0),
    coalesce(max(id), 0), count(*)
FROM (
    SELECT id, (SELECT position FROM events WHERE stream = streams.id AND version = 1) AS first,
        (SELECT position FROM events WHERE stream = streams.id ORDER BY version DESC LIMIT 1) AS last,
        (SELECT max(version) FROM events WHERE stream = streams.id) AS versions
    FROM streams WHERE run = ?
)
"""

# The plus keeps SQLite from walking the positions: the index of streams and versions holds all that is asked for.
_POSITIONS = """
SELECT position FROM events
WHERE stream IN (SELECT id FROM streams WHERE run = ?{}) AND +position > ? AND +position <= ? ORDER BY position
"""
_NAMED = " AND name IN (SELECT value FROM json_each(?))"


class _Extent(NamedTuple):
    """Where a run's events are."""

    first: int
    """Position of its first one."""
    last: int
    events: int
    lowest: int
    """Among the ids of its streams."""
    highest: int
    streams: int

    def condition(self, run: str) -> tuple[str, tuple[object, ...]]:
        """Write what is asked of a row to tell whether it is the run's."""
        if self.highest - self.lowest + 1 == self.streams:  # nobody else made a stream while it did
            return " AND stream BETWEEN ? AND ?", (self.lowest, self.highest)
        return _OF_RUN, (run,)


class Reader:
    """Gives pages of rows."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.names: dict[int, StreamId] = {}
        """Streams that were met, by their ids in the file."""

    async def head(self) -> Head:
        """Say how far the log reaches."""
        found = await self.connection.fetch("SELECT position, digest FROM events ORDER BY position DESC LIMIT 1")
        match found[0] if found else (0, GENESIS):
            case int(position), bytes(digest):
                return Head(position, Digest(digest.hex()))
            case _:
                raise LogCorrupt(str(self.connection.path), "its last event has no digest")

    async def chain(self, upto: int) -> AsyncIterator[Sequence[bytes]]:
        """Give the digests of all events up to a position that is committed."""
        after = 0
        sql = "SELECT position, digest FROM events WHERE position > ? AND position <= ? ORDER BY position LIMIT ?"
        while after < upto:
            rows = await self.connection.fetch(sql, (after, upto, DIGESTS))
            page = checked(str(self.connection.path), rows, int, bytes)
            if [position for position, _ in page] != list(range(after + 1, after + len(page) + 1)) or not page:
                raise LogCorrupt(str(self.connection.path), f"event {after + 1} is missing or followed by another")
            yield [digest for _, digest in page]
            after = page[-1][0]

    async def changed(self) -> int:
        """Give a number that changes whenever another connection has committed."""
        ((number,),) = await self.connection.fetch("PRAGMA data_version")
        assert isinstance(number, int)
        return number

    async def rows(self, selection: Selection, upto: int) -> AsyncIterator[Sequence[Row]]:
        """Give everything about the selected events up to a position that is committed."""
        async for page in self._walk(selection, upto, "stream, tag, cause, at, payload, digest"):
            await self._learn(page)
            names = self.names
            yield [
                Row(position, *names[stream], version, text(tag), cause, at, payload, digest)
                for position, version, stream, tag, cause, at, payload, digest in page
            ]

    async def kept(self, selection: Selection, upto: int) -> AsyncIterator[Sequence[Kept]]:
        """Give what is needed to decode, once `names` has the streams of it."""
        # As it comes from the file: a tuple more for each event took a twentieth of a rebuild.
        async for page in self._walk(selection, upto, "stream, cause, at, payload, digest"):
            await self._learn(page)
            yield page

    def payloads(self, selection: Selection, upto: int) -> AsyncIterator[Sequence[Payload]]:
        """Give payloads, untouched by Python."""
        return self._walk(selection, upto, "payload")

    def _walk(self, selection: Selection, upto: int, columns: str) -> AsyncIterator[Page]:
        """Give rows that begin with position and version."""
        walk = self._of_log if selection.stream is None else self._of_stream
        return walk(selection, upto, f"position, version, {columns}")

    async def _of_stream(self, selection: Selection, upto: int, columns: str) -> AsyncIterator[Page]:
        """Walk one stream along its index: by version, so that each page begins where the last one ended."""
        stream = selection.stream
        assert stream is not None
        if selection.run not in {None, stream.run}:
            return
        found = await self.connection.fetch("SELECT id FROM streams WHERE run = ? AND name = ?", stream)
        tags, condition = _tagged(selection)
        sql = (
            f"SELECT {columns} FROM events WHERE stream = ? AND version > ? AND position > ? AND position <= ?"  # noqa: S608
            f"{condition} ORDER BY version LIMIT {PAGE}"
        )
        version = 0
        while found:
            page = await self.connection.fetch(sql, (found[0][0], version, selection.after, upto, *tags))
            if page:
                yield page
            if len(page) < PAGE:
                return
            version = self._onward(version, page[-1][1])

    async def _of_log(self, selection: Selection, upto: int, columns: str) -> AsyncIterator[Page]:
        """Walk the log by position; of one run, so that it costs as the run does and not as the log does."""
        tags, condition = _tagged(selection)
        run, after = selection.run, selection.after
        if run is not None and selection.streams is not None:
            names = dumps(sorted(selection.streams))
            pages = self._picked(_POSITIONS.format(_NAMED), (run, names, after, upto), columns, (condition, tags))
        elif run is None:
            pages = self._between((after, upto), columns, condition, tags)
        elif upto - after <= PAGE:  # a follower reads small ends, and the extent is found by looking at every stream
            pages = self._between((after, upto), columns, condition + _OF_RUN, (*tags, run))
        else:
            extent = await self._extent(run)
            bounds = max(after, extent.first - 1), min(upto, extent.last)
            if bounds[1] - bounds[0] > SPARSE * extent.events:
                pages = self._picked(_POSITIONS.format(""), (run, *bounds), columns, (condition, tags))
            else:
                ours, params = extent.condition(run)
                pages = self._between(bounds, columns, condition + ours, (*tags, *params))
        async for page in pages:
            yield page

    async def _between(
        self, bounds: tuple[int, int], columns: str, condition: str, params: tuple[object, ...]
    ) -> AsyncIterator[Page]:
        """Read on from a position, a window at a time: a rare tag must not make one statement read the whole file."""
        after, upto = bounds
        sql = (
            f"SELECT {columns} FROM events WHERE position > ? AND position <= ?{condition} "  # noqa: S608
            f"ORDER BY position LIMIT {PAGE}"
        )
        while after < upto:
            end = min(upto, after + WINDOW)
            page = await self.connection.fetch(sql, (after, end, *params))
            if page:
                yield page
            if len(page) == PAGE:
                after = self._onward(after, page[-1][0])
            else:
                # A damaged file may say that its last event stands at a position that nobody reaches by windows.
                after = end if page else await self._before_next(end, upto)

    async def _picked(
        self, chosen: str, wanted: tuple[object, ...], columns: str, tagged: tuple[str, tuple[str, ...]]
    ) -> AsyncIterator[Page]:
        """Look up events one by one, by the statement that gives their positions."""

        def find(file: sqlite3.Connection) -> "array[int]":
            return array("q", (position for (position,) in file.execute(chosen, wanted)))

        condition, params = tagged
        positions = await self.connection.run(find)
        sql = (
            f"SELECT {columns} FROM events WHERE position IN (SELECT value FROM json_each(?)){condition} "  # noqa: S608
            "ORDER BY position"
        )
        for at in range(0, len(positions), PAGE):
            page = await self.connection.fetch(sql, (dumps(positions[at : at + PAGE].tolist()), *params))
            if page:
                yield page

    async def _before_next(self, after: int, upto: int) -> int:
        """Give the position before the next event of any run."""
        found = await self.connection.fetch(
            "SELECT position FROM events WHERE position > ? ORDER BY position LIMIT 1", (after,)
        )
        return max(after, found[0][0] - 1) if found else upto

    def _onward(self, before: int, now: Any) -> int:
        """See that reading gets further."""
        if not isinstance(now, int) or now <= before:
            raise LogCorrupt(str(self.connection.path), "its events go in circles")
        return now

    async def _extent(self, run: str) -> _Extent:
        """Say where a run's events are; from 1 to 0 if it has none."""
        rows = await self.connection.fetch(_EXTENT, (run,))
        return _Extent(*checked(str(self.connection.path), rows, *[int] * 6)[0])

    async def _learn(self, page: Page) -> None:
        """Learn the names of streams that were not met before; they never change."""
        unknown = {row[2] for row in page if row[2] not in self.names}
        if unknown:
            # Only those: a follower of a live run meets new ones on nearly every page.
            sql = "SELECT id, run, name FROM streams WHERE id IN (SELECT value FROM json_each(?))"
            ids = dumps([id_ for id_ in unknown if isinstance(id_, int)])
            for id_, run, name in await self.connection.fetch(sql, (ids,)):
                self.names[id_] = StreamId(text(run), text(name))
            for id_ in unknown:
                # Only a damaged file has events of a stream without a name; `verify` has to get past it.
                self.names.setdefault(id_, StreamId("", f"?{id_}"))


def _tagged(selection: Selection) -> tuple[tuple[str, ...], str]:
    """Write the condition on tags, and its argument."""
    if selection.tags is None:
        return (), ""
    return (dumps(sorted(tags_as_written(selection.tags))),), " AND tag IN (SELECT value FROM json_each(?))"
