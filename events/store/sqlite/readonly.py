"""Reading a log's file, and nothing else: no lock is taken, nothing beside it is made that SQLite does not need."""

import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Self

from events.base import Recorded
from events.digest import Digest
from events.store.base import (
    EVERYTHING,
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
from events.store.row import recorded
from events.store.sqlite import blobs, inspection, leases
from events.store.sqlite.connection import checked, text
from events.store.sqlite.open import open_source
from events.store.sqlite.reader import Reader


class SqliteSource:
    """A file that is only read; every method says what the same one of `EventLog` says."""

    def __init__(self, reader: Reader) -> None:
        """Take a reader; use `SqliteSource.open` instead."""
        self.path = reader.connection.path
        self._reader = reader

    @classmethod
    async def open_source(cls, path: Path, *, patience_s: float = 10.0) -> "SqliteSource":
        """Open a log to read it.

        Args:
            path: The file. It may stand where nothing can be written.
            patience_s: Seconds to wait for another program's lock, above 0.

        Raises:
            LogNotOurs: It is not a log, or is not there.
            LogLinked: It has several names.
            LogNewer: A later version wrote it.
        """
        file = Path(os.path.realpath(path))  # noqa: ASYNC240 - a name is looked at, not a file
        return SqliteSource(Reader(await open_source(file, patience_s=patience_s)))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def get(self, digest: Digest) -> bytes:
        """Give a blob's bytes."""
        return await blobs.load(self._reader.connection, digest)

    async def many(self, digests: Sequence[Digest]) -> AsyncIterator[Sequence[Fetched]]:
        """Give many blobs, some at a time."""
        async for page in blobs.many(self._reader.connection, digests):
            yield page

    async def digests(self, beginning: str, *, most: int = 10) -> list[Digest]:
        """List blobs by the beginning of their digests."""
        return await blobs.digests(self._reader.connection, beginning, most)

    async def erasures(self) -> list[Erasure]:
        """List the blobs whose bytes were removed."""
        sql = "SELECT digest, erased_reason, erased_at FROM blobs WHERE data IS NULL ORDER BY digest"
        rows = await self._fetch((bytes, bytes, int), sql)
        return [Erasure(Digest(digest.hex()), text(reason), at) for digest, reason, at in rows]

    async def chain(self) -> AsyncIterator[Sequence[bytes]]:
        """Give the digests of all events in order, a page at a time."""
        async for page in self._reader.chain((await self._reader.head()).position):
            yield page

    async def inspect(self) -> Inspection:
        """Look for damage to everything but events and blobs."""
        return await inspection.inspect(self._reader.connection)

    async def stored(self) -> AsyncIterator[Sequence[Stored]]:
        """List all blobs, and what is odd about how each is kept."""
        async for page in inspection.stored(self._reader.connection):
            yield page

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
            yield recorded(page, self._reader.names, where)

    async def read(self, selection: Selection = EVERYTHING) -> AsyncIterator[Recorded]:
        """Give the selected events in order of position."""
        async for page in self.pages(selection):
            for event in page:
                yield event

    async def head(self) -> Head:
        """Say how far the log reaches."""
        return await self._reader.head()

    async def runs(self, *, after: int = 0) -> list[str]:
        """List the ids of runs, oldest first."""
        if after == 0:
            rows = await self._fetch((bytes,), "SELECT run FROM streams GROUP BY run ORDER BY min(id)")
        else:
            newer = "SELECT DISTINCT run FROM streams WHERE id IN (SELECT stream FROM events WHERE position > ?)"
            first = "(SELECT min(id) FROM streams WHERE run = newer.run)"
            rows = await self._fetch((bytes,), f"SELECT run FROM ({newer}) AS newer ORDER BY {first}", after)  # noqa: S608
        return [text(run) for (run,) in rows]

    async def streams(self, run: str) -> dict[str, int]:
        """List a run's streams with their versions."""
        sql = """
            SELECT name, (SELECT max(version) FROM events WHERE stream = streams.id)
            FROM streams WHERE run = ? ORDER BY id
        """
        rows = await self._fetch((bytes, int | None), sql, run)
        return {text(name): version or 0 for name, version in rows}

    async def leases(self) -> list[Lease]:
        """List leases, run out or not."""
        return await self._reader.connection.run(leases.everyone)

    async def load_snapshot(self, name: str, revision: int) -> Snapshot | None:
        """Give the latest state back."""
        sql = "SELECT position, state FROM snapshots WHERE name = ? AND revision = ?"
        found = await self._fetch((int, bytes), sql, name, revision)
        return Snapshot(name, revision, *found[0]) if found else None

    async def snapshots(self) -> list[tuple[str, int]]:
        """List what states are kept."""
        rows = await self._fetch((bytes, int), "SELECT name, revision FROM snapshots ORDER BY name, revision")
        return [(text(name), revision) for name, revision in rows]

    async def _fetch(self, kinds: tuple[Any, ...], sql: str, *params: object) -> list[tuple[Any, ...]]:
        return checked(str(self.path), await self._reader.connection.fetch(sql, params), *kinds)

    async def close(self) -> None:
        """Let go of the file."""
        await self._reader.connection.close()
