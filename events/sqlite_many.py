"""Reading many blobs from the file: a statement for hundreds, and unpacking on other threads."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import islice

from anyio import to_thread

from events.digest import Digest
from events.log import Fetched
from events.log_errors import BlobErased, BlobMissing, LogCorrupt, LogError
from events.sqlite_blobs import unpack
from events.sqlite_connection import Connection

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
