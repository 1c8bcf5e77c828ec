"""Writing a run with everything it rests on into one file that can be carried elsewhere."""

import zipfile
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from anyio import CancelScope, to_thread
from anyio import Path as AsyncPath

from events.bundle.copy import check_link, decoded, names_within, with_ancestors
from events.bundle.errors import BundleThere
from events.bundle.format import (
    BLOBS,
    EVENTS,
    FORMAT,
    MANIFEST,
    PROOF,
    BlobsPart,
    BundledEvent,
    ErasedPart,
    EventsPart,
    Manifest,
    digest_of_blobs,
    write_line,
    write_manifest,
    write_proof,
)
from events.digest import Digest, digest_of
from events.errors import BlobErased, CopyBroken, LogError
from events.integrity.blobs import NamedBlob, Unseen, names_in
from events.store.base import Row, Selection, Verifiable
from events.store.chain import FORMAT as LOG_FORMAT
from events.store.chain import GENESIS
from events.store.merkle import needed
from events.types.run import RunOpened

AT_ONCE = 256
"""Blobs asked for at a time."""

MOST_ENDS = 100
"""Runs of others at whose ends a seal may have been taken; each takes some 20 hashes."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""Time of every file in a bundle, the earliest that a zip can hold: equal runs make equal bytes."""


class Bundled(NamedTuple):
    """What was written."""

    path: Path
    manifest: Manifest
    digest: Digest
    """Of the manifest, and so of everything."""
    size: int
    """Of the file, in bytes."""


async def write_bundle(
    source: Verifiable, run: str, path: Path, *, package: str, sizes: Collection[int] = ()
) -> Bundled:
    """Write a run, and those that it was forked from, to a file.

    Memory grows by about 1 KB for each blob, as zip files list what they hold.

    Args:
        source: Which holds them; it is only read.
        run: Its id.
        path: Where to. Nothing is written over, and nothing half-written is left there.
        package: Version of stillroom.
        sizes: How many events the seals cover that it shall be checked against, besides those of the log as it is now
            and as it was when this run, or one of those that ended last, had ended.

    Raises:
        BundleThere: A file is there already.
        CopyBroken: An event or a blob is damaged or gone; it names which.
    """
    if await AsyncPath(path).exists():
        raise BundleThere(str(path))
    runs = await with_ancestors(source, [run])
    partial = path.with_name(f".{path.name}.partial")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as bundle:
            writing = _Writing(source, bundle, runs)
            manifest = await writing.write(package)
            await writing.write_proof(sizes)
        await AsyncPath(partial).replace(path)
    finally:
        with CancelScope(shield=True):
            await AsyncPath(partial).unlink(missing_ok=True)
    return Bundled(path, manifest, digest_of(write_manifest(manifest)), (await AsyncPath(path).stat()).st_size)


class _Writing:
    """A bundle that is being written."""

    def __init__(self, source: Verifiable, bundle: zipfile.ZipFile, runs: Sequence[str]) -> None:
        self._source = source
        self._bundle = bundle
        self._runs = runs
        self._streams: dict[str, Counter[str]] = {run: Counter() for run in runs}
        self._spec: Digest | None = None
        self._opened = Unseen()
        self._positions: list[int] = []
        self._ends: dict[str, int] = {}
        """By run: its last event, in the order in which they came, of those that were met."""
        self._named: dict[Digest, int] = {}
        """By blob: the first event that names it."""

    async def write(self, package: str) -> Manifest:
        """Write events, then blobs, then the manifest."""
        events = await self._write_events()
        blobs, erased = await self._write_blobs()
        streams = {run: dict(sorted(versions.items())) for run, versions in self._streams.items()}
        run, runs = self._runs[-1], tuple(self._runs)
        manifest = Manifest(FORMAT, LOG_FORMAT, package, run, runs, streams, self._spec, events, blobs, erased)
        await to_thread.run_sync(self._bundle.writestr, _entry(MANIFEST), write_manifest(manifest))
        return manifest

    async def write_proof(self, asked: Collection[int]) -> None:
        """Write what ties the events to seals. Meanwhile 32 bytes for each event of the log are held."""
        digests = [digest async for page in self._source.chain() for digest in page]
        ends = [self._ends[run] for run in self._runs if run in self._ends]
        sizes = {*asked, len(digests), *ends, *list(self._ends.values())[-MOST_ENDS:]}
        sizes = {size for size in sizes if self._positions[0] <= size <= len(digests)} if self._positions else set()
        nodes = await to_thread.run_sync(needed, digests, self._positions, sizes)
        await to_thread.run_sync(self._bundle.writestr, _entry(PROOF), write_proof(sizes, nodes))

    async def _write_events(self) -> EventsPart:
        summed, count = sha256(), 0
        # Larger than 2 GB, an entry needs a mark that must be there from its beginning.
        with self._bundle.open(_entry(EVENTS), "w", force_zip64=True) as file:
            async for page in self._lines():
                text = b"".join(map(write_line, page))
                summed.update(text)
                count += len(page)
                await to_thread.run_sync(file.write, text)
                await self._note([line.row for line in page])
        return EventsPart(count, Digest(summed.hexdigest()))

    async def _lines(self) -> AsyncIterator[Sequence[BundledEvent]]:
        """Give the events of the runs in the order of the log, each with what makes its digest verifiable alone."""
        before, last, first = GENESIS, 0, await self._first()
        async for page in self._source.rows(Selection(after=max(0, first - 2))):
            lines: list[BundledEvent] = []
            for row in page:
                if row.run in self._streams:
                    lines.append(BundledEvent(row, None if row.position == last + 1 else before))
                    check_link(before, row)
                    last = row.position
                    self._positions.append(last)
                self._ends.pop(row.run, None)
                self._ends[row.run] = row.position
                before = row.digest
            yield lines

    async def _first(self) -> int:
        """Give the position of the first event of the runs."""
        found: list[int] = []
        for run in self._runs:
            async for page in self._source.rows(Selection(run=run)):
                found.append(page[0].position)
                break
        return min(found, default=1)

    async def _note(self, rows: Sequence[Row]) -> None:
        """Take note of what events name, and of what the blobs among that name."""
        waiting: list[NamedBlob] = []
        for row in rows:
            self._streams[row.run][row.name] = row.version
            event = decoded(row)
            if isinstance(event, RunOpened) and self._spec is None:
                self._spec = event.spec
            waiting += names_in(row.position, event)
        while waiting:
            for each in waiting:
                self._named.setdefault(each.digest, each.position)
            naming = self._opened.among(each for each in waiting if each.kind != "bytes")
            waiting = [named async for named in self._within(naming)]

    async def _within(self, naming: dict[Digest, NamedBlob]) -> AsyncIterator[NamedBlob]:
        async for page in self._source.many(list(naming)):
            for digest, found in page:
                if isinstance(found, bytes):
                    for named in names_within(naming[digest], found):
                        yield named

    async def _write_blobs(self) -> tuple[BlobsPart, tuple[ErasedPart, ...]]:
        digests, kept, size = sorted(self._named), [], 0
        erased: list[ErasedPart] = []
        for start in range(0, len(digests), AT_ONCE):
            async for page in self._source.many(digests[start : start + AT_ONCE]):
                for digest, found in page:
                    match found:
                        case BlobErased():
                            erased.append(ErasedPart(digest, found.at, found.reason))
                        case LogError():
                            raise CopyBroken(f"blob {digest}, named by event {self._named[digest]},", found.problem)
                        case bytes():
                            kept.append(digest)
                            size += len(found)
                await to_thread.run_sync(self._put, [(name, data) for name, data in page if isinstance(data, bytes)])
        return BlobsPart(len(kept), size, digest_of_blobs(kept)), tuple(erased)

    def _put(self, blobs: Sequence[tuple[Digest, bytes]]) -> None:
        for digest, data in blobs:
            self._bundle.writestr(_entry(BLOBS + digest), data)


def _entry(name: str) -> zipfile.ZipInfo:
    """Describe an entry, the same on every machine."""
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    return entry
