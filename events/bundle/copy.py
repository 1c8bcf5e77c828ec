"""Copying runs from one store to another, with the blobs they name; memory stays bounded.

A whole log that is copied into an empty one keeps positions and digests. Into a log that holds the beginning of it
already, the rest is copied. Otherwise the events of the chosen runs are put at the end, in the order in which they
stand: streams, versions, causes, times and payloads stay, positions and digests are given anew.
"""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from hashlib import sha256
from typing import NamedTuple

import msgspec

from events import codec
from events.base import Event, StreamId
from events.errors import BlobErased, CopyBroken, EventRefused, LogError, RunDiffers
from events.integrity.blobs import WHAT_IT_IS, NamedBlob, Unseen, names_in, names_in_blob
from events.store.base import Erasure, EventLog, EventSource, Head, Row, Selection
from events.store.chain import GENESIS, link, stream_part
from events.types.session import RunForked


class Copied(NamedTuple):
    """What came over."""

    events: int
    """That were not there before."""
    before: int
    """Events that were there already, and are the same."""
    blobs: int
    """Looked at; those that were there already are not kept twice."""
    erased: int
    """Blobs of which only the erasure could come over."""
    head: Head
    kept: bool
    """Whether positions and digests are those of the source."""


async def copy(source: EventSource, log: EventLog, runs: Collection[str] | None = None) -> Copied:
    """Copy runs, or everything.

    Args:
        source: Where they are. It is only read.
        log: Where they go.
        runs: Their ids; those that they were forked from must be among them, or there already. None: every run.

    Raises:
        RunDiffers: A run is there already, and is not the same as far as both go. Nothing was written.
        CopyBroken: An event or a blob of the source cannot be copied; it names which.
        LogFull, LogLocked, LogCorrupt: A file failed us. What was written stays; copying again goes on from there.
    """
    start = await log.head()
    onward = runs is None and await _begins_alike(source, start)
    there = {} if onward else await _there(source, log, runs)
    copying = _Copying(source, log, start if onward else None)
    async for page in _fitting(source.rows(Selection(after=start.position if onward else 0)), runs):
        await copying.take([row for row in page if row.version > there.get(StreamId(row.run, row.name), 0)])
    await log.adopt(())  # blobs that were put last
    before = start.position if onward else sum(there.values())
    return Copied(copying.events, before, copying.blobs, copying.erased, await log.head(), onward)


async def _begins_alike(source: EventSource, head: Head) -> bool:
    """Say whether a log is the beginning of a source; an empty one is the beginning of any."""
    if head.position == 0:
        # A source whose events do not begin at 1 is a part of a log, and keeps no positions.
        async for page in source.rows(Selection(until=1)):
            return bool(page)
        return False
    async for page in source.rows(Selection(after=head.position - 1, until=head.position)):
        return any(row.digest.hex() == head.digest for row in page)
    return False


async def _rows(source: EventSource, runs: Collection[str] | None) -> AsyncIterator[Sequence[Row]]:
    only = next(iter(runs)) if runs is not None and len(runs) == 1 else None
    async for page in source.rows(Selection(run=only)):
        yield page if runs is None else [row for row in page if row.run in runs]


async def _fitting(pages: AsyncIterator[Sequence[Row]], runs: Collection[str] | None) -> AsyncIterator[Sequence[Row]]:
    """Give the events of some runs, and see that each fits the one before it in the log, whose ever that is.

    What was edited would get a new digest where it is copied to, and look like any other event.
    """
    position, before = 0, GENESIS
    async for page in pages:
        chosen = []
        for row in page:
            if runs is None or row.run in runs:
                if row.position == position + 1:
                    check_link(before, row)
                chosen.append(row)
            position, before = row.position, row.digest
        yield chosen


def check_link(before: bytes, row: Row) -> None:
    """See that an event fits its digest.

    Args:
        before: Digest of the event before it in the log.
        row: The event.

    Raises:
        CopyBroken: It does not.
    """
    part = stream_part(StreamId(row.run, row.name))
    if link(before, (row.position, row.version, row.at), part, row.cause, row.payload) != row.digest:
        raise CopyBroken(
            f"event {row.position}", "it does not fit its digest: it was changed, or the one before it was"
        )


async def _there(source: EventSource, log: EventLog, runs: Collection[str] | None) -> dict[StreamId, int]:
    """Count what a log has of runs already, by stream, and see that it is the same.

    Raises:
        RunDiffers: It is not.
    """
    known = {
        StreamId(run, name): version
        for run in await log.runs()
        if runs is None or run in runs
        for name, version in (await log.streams(run)).items()
    }
    if not known:
        return {}
    theirs = await _sums(_rows(source, runs), known)
    shared = {stream: theirs[stream][0] for stream in known if stream in theirs}
    ours = await _sums(_rows(log, {stream.run for stream in known}), shared)
    for stream in shared:
        if theirs[stream] != ours[stream]:
            raise RunDiffers(stream.run, stream.name)
    return shared


async def _sums(pages: AsyncIterator[Sequence[Row]], upto: dict[StreamId, int]) -> dict[StreamId, tuple[int, str]]:
    """Give, by stream, how many events it has up to a version, and a digest over all that a copy keeps of them."""
    counts: Counter[StreamId] = Counter()
    sums = {stream: sha256() for stream in upto}
    async for page in pages:
        for row in page:
            stream = StreamId(row.run, row.name)
            if row.version <= upto.get(stream, 0):
                counts[stream] += 1
                sums[stream].update(repr((row.version, row.tag, row.cause, row.at, row.payload)).encode())
    return {stream: (number, sums[stream].hexdigest()) for stream, number in counts.items()}


class _Copying:
    """A copy in progress."""

    def __init__(self, source: EventSource, log: EventLog, start: Head | None) -> None:
        self.events = 0
        self.blobs = 0
        self.erased = 0
        self._source = source
        self._log = log
        self._exact = start is not None
        self._unseen = Unseen()

    async def take(self, page: Sequence[Row]) -> None:
        """Copy a page of events, what they name first."""
        if not page:
            return
        erased = await self._take_blobs([named for row in page for named in names_in(row.position, decoded(row))])
        head = await self._log.adopt(page, erased)
        self.events += len(page)
        if self._exact and (head.position, head.digest) != (page[-1].position, page[-1].digest.hex()):
            raise CopyBroken(f"event {page[-1].position}", "it, or one before it, does not fit its digest")

    async def _take_blobs(self, names: Sequence[NamedBlob]) -> list[Erasure]:
        """Copy blobs, and what those name; give those that were erased."""
        erased: list[Erasure] = []
        waiting: Sequence[NamedBlob] = names
        while new := self._unseen.among(waiting):
            further: list[NamedBlob] = []
            async for page in self._source.many(list(new)):
                for digest, found in page:
                    further += self._take_blob(new[digest], found, erased)
                await self._log.adopt(())  # lets go of the bytes
            waiting = further
        return erased

    def _take_blob(self, named: NamedBlob, found: bytes | LogError, erased: list[Erasure]) -> Sequence[NamedBlob]:
        match found:
            case BlobErased():
                self.erased += 1
                erased.append(Erasure(named.digest, found.reason, found.at))
                return ()
            case LogError():
                raise CopyBroken(f"blob {named.digest}, which event {named.position} names,", found.problem) from found
            case bytes():
                self.blobs += 1
                if self._log.put(found) != named.digest:
                    raise EventRefused(f"blob {named.digest}", "it holds a value that is registered as a secret here")
                return names_within(named, found)


def decoded(row: Row) -> Event:
    """Read an event.

    Raises:
        CopyBroken: It cannot be read.
    """
    try:
        return codec.decode(row.payload)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CopyBroken(f"event {row.position}", str(error)) from error


def names_within(named: NamedBlob, data: bytes) -> list[NamedBlob]:
    """List what a blob names.

    Raises:
        CopyBroken: It is not of its kind.
    """
    try:
        return names_in_blob(named, data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CopyBroken(f"blob {named.digest}", f"it is not {WHAT_IT_IS[named.kind]}: {error}") from error


async def with_ancestors(source: EventSource, runs: Sequence[str]) -> list[str]:
    """Add those that runs were forked from, however long ago; each once, ancestors first.

    Raises:
        CopyBroken: What says so cannot be read.
    """
    parents: dict[str, str] = {}
    async for page in source.rows(Selection(tags=("session.run_forked",))):
        for row in page:
            event = decoded(row)
            if isinstance(event, RunForked):
                parents[row.run] = event.parent
    found: list[str] = []
    for run in runs:
        line = [run]
        while (parent := parents.get(line[-1])) is not None:
            line.append(parent)
        found += line[::-1]
    return list(dict.fromkeys(found))
