"""Blobs on their way into the file and out of it."""

import sqlite3
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import islice
from threading import Lock

import zstandard
from anyio import to_thread

from events.digest import Digest, digest_of, span_of
from events.errors import BlobErased, BlobMissing, BlobTooLarge, LogCorrupt, LogError
from events.store.base import Erasure, Fetched
from events.store.sqlite.connection import Connection, text
from events.store.sqlite.leases import BUMP

LEVEL = 3
"""Of zstd. A higher one takes more time per turn than a disk costs."""

WORTH_PACKING = 128
"""Below this many bytes a frame of zstd is no shorter than what it holds."""

WORTH_A_THREAD = 64 << 10
"""From this many bytes on, unpacking is slower than going to a thread and back."""

MOST_KNOWN = 65_536
"""Digests remembered, so that the same bytes are not written at every turn."""

MOST_CACHED = 4 << 20
"""Bytes of blobs remembered, each of at most `WORTH_A_THREAD`: what was put is often read back at once, and a batch of
many trials puts hundreds of small ones before that."""

ROOM = 8 << 20
"""Bytes left below SQLite's limit for the rest of a row, and for what a batch holds besides one large append."""

BlobRow = tuple[bytes, int, str, bytes]
"""Digest, size, encoding, data."""

Packed = tuple[int, bytes, bytes]
"""Size, encoding, data, as they are read."""


class StagedBlobs:
    """Blobs that were taken in. They are in the file before any event that was appended later.

    They are put on the event loop, and taken on the writing connection's thread: hence the lock.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._staged: dict[Digest, bytes] = {}
        self._writing: dict[Digest, bytes] = {}
        self._known: dict[Digest, None] = {}
        self._again: tuple[dict[Digest, bytes], dict[Digest, bytes]] = ({}, {})
        """Bytes that were put although they were known: since the last transaction began, and before. Should another
        process have erased them meanwhile, they are needed."""
        self._withheld: dict[Digest, bytes] = {}
        """Bytes that were put after they were erased: they stay erased in the file, and whoever put them goes on."""
        self._cache: dict[Digest, bytes] = {}
        self._cached = 0
        """Bytes in it."""

    def __bool__(self) -> bool:
        return bool(self._staged)

    def put(self, digest: Digest, data: bytes) -> Digest:
        """Take bytes in, unless they are known, and give their digest."""
        with self._lock:
            if digest in self._known:
                self._again[0][digest] = data
            elif digest not in self._writing and digest not in self._withheld:
                self._staged[digest] = data
        return digest

    def at_hand(self, digest: Digest) -> bytes | None:
        """Give bytes that need no look at the file."""
        with self._lock:
            data = self._staged.get(digest)
            if data is None:
                data = self._cache.get(digest)
            if data is None:
                data = self._writing.get(digest)
            if data is None:
                data = self._again[0].get(digest)
            if data is None:
                data = self._again[1].get(digest)
            return self._withheld.get(digest) if data is None else data

    def waiting(self, digests: Iterable[Digest]) -> dict[Digest, bytes]:
        """Give those bytes that the file does not have yet."""
        with self._lock:
            unwritten = self._staged | self._writing
        return {digest: unwritten[digest] for digest in digests if digest in unwritten}

    def take(self) -> Mapping[Digest, bytes]:
        """Give what the next transaction has to write. `kept` or `lost` says how it ended."""
        with self._lock:
            self._writing, self._staged = self._staged, {}
            self._again = {}, {**self._again[1], **self._again[0]}
        return self._writing

    def kept(self, erased: Collection[Digest]) -> None:
        """Take note that what was taken is in the file.

        Args:
            erased: Those of them that were erased earlier, and are not.
        """
        with self._lock:
            self._again = self._again[0], {}
            for digest, data in self._writing.items():
                if digest in erased:
                    self._withheld[digest] = data
                    continue
                self._known[digest] = None
                self._remember(digest, data)
            while len(self._known) > MOST_KNOWN:
                del self._known[next(iter(self._known))]
            self._writing = {}

    def lost(self) -> None:
        """Take note that what was taken is not in the file: it is staged again."""
        with self._lock:
            self._staged = self._writing | self._staged
            self._writing = {}

    def refuse(self, digest: Digest) -> None:
        """Let go of bytes that can never be in the file."""
        with self._lock:
            self._staged.pop(digest, None)

    def remember(self, digest: Digest, data: bytes) -> None:
        """Keep bytes at hand for a while."""
        with self._lock:
            self._remember(digest, data)

    def _remember(self, digest: Digest, data: bytes) -> None:
        """Keep bytes at hand, with the lock held."""
        if len(data) <= WORTH_A_THREAD and digest not in self._cache:
            self._cache[digest] = data
            self._cached += len(data)
            while self._cached > MOST_CACHED:
                self._cached -= len(self._cache.pop(next(iter(self._cache))))

    def forget(self, digest: Digest) -> None:
        """Keep nothing of a blob that is being erased."""
        with self._lock:
            self._cached -= len(self._cache.pop(digest, b""))
            for place in (self._known, *self._again):
                place.pop(digest, None)

    def forget_all(self) -> None:
        """Take nothing for known: another process may have erased some. What was put since is put once more."""
        with self._lock:
            self._cache.clear()
            self._cached = 0
            self._known.clear()
            self._staged = {**self._again[1], **self._again[0], **self._staged}
            self._again = {}, {}


class Packer:
    """Makes rows of blobs. For one thread; to make a compressor takes as long as to pack a small blob."""

    def __init__(self) -> None:
        self._zstd = zstandard.ZstdCompressor(level=LEVEL)

    def pack_all(self, blobs: Mapping[Digest, bytes], most: int) -> list[BlobRow]:
        """Make the rows of some blobs.

        Args:
            blobs: What to pack.
            most: Bytes that the file keeps in one piece.

        Raises:
            BlobTooLarge: One of them is larger.
        """
        for digest, data in blobs.items():
            if len(data) > most:
                raise BlobTooLarge(digest, len(data), most)
        return [self._pack(digest, data) for digest, data in blobs.items()]

    def _pack(self, digest: Digest, data: bytes) -> BlobRow:
        name = bytes.fromhex(digest)
        if len(data) >= WORTH_PACKING:
            packed = self._zstd.compress(data)
            if len(packed) < len(data):
                return name, len(data), "zstd", packed
        return name, len(data), "raw", data


async def load(reader: Connection, digest: Digest) -> bytes:
    """Read a blob from the file.

    Raises:
        BlobMissing: It is not there, or was erased.
        LogCorrupt: The bytes in the file are not those that the digest names.
    """
    row = await reader.run(lambda file: _find(file, digest))
    if row[0] < WORTH_A_THREAD:
        return unpack(str(reader.path), digest, row)
    return await to_thread.run_sync(unpack, str(reader.path), digest, row)


def largest(file: sqlite3.Connection) -> int:
    """Say how many bytes SQLite keeps in one piece, beside the rest of its row."""
    return file.getlimit(sqlite3.SQLITE_LIMIT_LENGTH) - ROOM


def insert(file: sqlite3.Connection, rows: Sequence[BlobRow]) -> set[Digest]:
    """Write blobs within a transaction. Give those that were erased earlier: they stay erased."""
    inserted = file.executemany("INSERT INTO blobs (digest, size, encoding, data) VALUES (?, ?, ?, ?)", rows).rowcount
    if inserted == len(rows):
        return set()
    sql = "SELECT 1 FROM blobs WHERE digest = ? AND data IS NULL"
    return {Digest(name.hex()) for name, *_ in rows if file.execute(sql, (name,)).fetchone() is not None}


def erase(file: sqlite3.Connection, erasure: Erasure) -> None:
    """Overwrite a blob's bytes in the file, within a transaction.

    Raises:
        BlobMissing: It is not there, or was erased before.
    """
    _find(file, erasure.digest)
    # Without it SQLite only forgets where the bytes are.
    file.execute("PRAGMA secure_delete = ON")
    file.execute(
        "UPDATE blobs SET data = NULL, erased_at = ?, erased_reason = ? WHERE digest = ?",
        (erasure.at, erasure.reason, bytes.fromhex(erasure.digest)),
    )
    file.execute("DELETE FROM snapshots")  # a state may quote them, and can be folded again
    file.execute(BUMP)


def _find(file: sqlite3.Connection, digest: Digest) -> Packed:
    """Read a blob's size, encoding and data from the file."""
    try:
        name = bytes.fromhex(digest)
    except ValueError:
        raise BlobMissing(digest) from None
    sql = "SELECT size, encoding, data, erased_at, erased_reason FROM blobs WHERE digest = ?"
    found = file.execute(sql, (name,)).fetchone()
    if found is None:
        raise BlobMissing(digest)
    size, encoding, data, at, reason = found
    if data is None:
        raise BlobErased(digest, reason=text(reason), at=at)
    return size, encoding, data


async def digests(reader: Connection, beginning: str, most: int) -> list[Digest]:
    """List blobs by the beginning of their digests, along the table's own order."""
    span = span_of(beginning)
    if span is None:
        return []
    first, last = map(bytes.fromhex, span)
    sql = "SELECT digest FROM blobs WHERE digest BETWEEN ? AND ? ORDER BY digest LIMIT ?"
    return [Digest(name.hex()) for (name,) in await reader.fetch(sql, (first, last, most))]


def unpack(path: str, digest: Digest, row: Packed) -> bytes:
    """Undo the packing, and make sure of the bytes: decisions rest on them.

    Args:
        path: The log's file, for the error.
        digest: What the bytes must have.
        row: As the file keeps it.

    Raises:
        LogCorrupt: The bytes in the file are not those that the digest names.
    """
    size, encoding, data = row
    try:
        if encoding == b"zstd":
            data = zstandard.ZstdDecompressor().decompress(data, max_output_size=size)
    except (zstandard.ZstdError, MemoryError, OverflowError) as error:  # a damaged frame may claim any size
        raise LogCorrupt(path, f"blob {digest} cannot be unpacked: {error}") from error
    if digest_of(data) != digest:
        raise LogCorrupt(path, f"blob {digest} holds other bytes than its digest names")
    return data


AT_ONCE = 256
"""Blobs looked for by one statement."""
MOST_BYTES = 16 << 20
"""Of blobs, unpacked, held at a time, beyond the one that fills it."""


async def many(reader: Connection, digests: Sequence[Digest]) -> AsyncIterator[Sequence[Fetched]]:
    """Read blobs, some at a time; each as its bytes, or as why there are none."""
    names, unknown = _names(digests)
    if unknown:
        yield unknown
    waiting = iter(names.items())
    while chunk := dict(islice(waiting, AT_ONCE)):
        sizes = dict(await reader.fetch(_select("digest, size", len(chunk)), tuple(chunk.values())))
        for part in _parts(chunk, sizes):
            yield await _load(reader, part)


def _names(digests: Sequence[Digest]) -> tuple[dict[Digest, bytes], list[Fetched]]:
    """Translate digests into keys; what is none is the name of nothing."""
    names: dict[Digest, bytes] = {}
    unknown: list[Fetched] = []
    for digest in digests:
        try:
            names[digest] = bytes.fromhex(digest)
        except ValueError:
            unknown.append((digest, BlobMissing(digest)))
    return names, unknown


def _parts(chunk: dict[Digest, bytes], sizes: Mapping[bytes, object]) -> Iterator[dict[Digest, bytes]]:
    """Divide what was asked for, so that what is held at a time stays bounded."""
    part: dict[Digest, bytes] = {}
    held = 0
    for digest, name in chunk.items():
        part[digest] = name
        size = sizes.get(name)
        held += size if isinstance(size, int) else 0
        if held >= MOST_BYTES:
            yield part
            part, held = {}, 0
    if part:
        yield part


async def _load(reader: Connection, part: dict[Digest, bytes]) -> list[Fetched]:
    columns = "digest, size, encoding, data, erased_at, erased_reason"
    rows = {row[0]: row for row in await reader.fetch(_select(columns, len(part)), tuple(part.values()))}
    return await to_thread.run_sync(partial(_all, str(reader.path)), part, rows)


def _all(path: str, part: dict[Digest, bytes], rows: dict[bytes, tuple[object, ...]]) -> list[Fetched]:
    return [(digest, _one(path, digest, rows.get(name))) for digest, name in part.items()]


def _one(path: str, digest: Digest, row: tuple[object, ...] | None) -> bytes | LogError:
    """Unpack one blob, and make sure of its bytes."""
    match row:
        case (_, int() as size, bytes() as encoding, bytes() as data, _, _):
            try:
                return unpack(path, digest, (size, encoding, data))
            except LogCorrupt as error:
                return error
        case (_, _, _, None, int() as at, bytes() as reason):
            return BlobErased(digest, reason=reason.decode(errors="replace"), at=at)
        case _:
            return BlobMissing(digest)


@cache
def _select(columns: str, count: int) -> str:
    return f"SELECT {columns} FROM blobs WHERE digest IN ({', '.join('?' * count)})"  # noqa: S608 - only question marks
