"""Reading a bundle: its events and blobs, without a database and without unpacking it anywhere."""

import os
import zipfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from lzma import LZMAError
from pathlib import Path
from typing import IO, Self
from zlib import error as ZlibError  # noqa: N812 - it is one

import msgspec
from anyio import to_thread

from events.bundle.errors import BundleDamaged, BundleNewer, BundleUnreadable
from events.bundle.format import (
    BLOBS,
    EVENTS,
    FORMAT,
    MANIFEST,
    PROOF,
    BundledEvent,
    Manifest,
    is_digest,
    read_line,
    read_manifest,
    read_proof,
)
from events.digest import Digest, digest_of
from events.errors import BlobErased, BlobMissing, LogCorrupt, LogError
from events.store.base import EVERYTHING, Fetched, Row, Selection
from events.store.merkle import MerkleNode

PAGE = 500
"""Events in a page."""
MOST_BYTES = 16 << 20
"""Of blobs, unpacked, held at a time, beyond the one that fills it."""
LONGEST = 1 << 30
"""Bytes of one event or blob; more is not ours, and is not read into memory."""

UNPACKING = (OSError, EOFError, ZlibError, LZMAError, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError)
"""What a file that was damaged, or that another program made, has zipfile raise."""

_HEADER, _LISTED, _END = 30, 46, 22
"""Bytes of an entry's header, of its line in the list, and of what ends the file."""
_LARGE, _LARGE_MARK, _LARGE_END = b"PK\x06\x07", 20, 76
"""What stands before that in a large file, how far before it, and how many bytes it adds."""

_MAGIC = b"PK\x03\x04"


def looks_like_bundle(path: Path) -> bool:
    """Say whether a file begins as bundles do. A log's file does not."""
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


class BundleSource:
    """A bundle, opened for reading."""

    def __init__(self, path: Path, bundle: zipfile.ZipFile) -> None:
        """Take an opened file; use `BundleSource.open` instead."""
        self.path = path
        self._bundle = bundle
        with _readable(path):
            self._manifest = self._read_manifest()

    @staticmethod
    async def open(path: Path) -> "BundleSource":
        """Open a bundle.

        Raises:
            BundleUnreadable: It is none.
            BundleDamaged: It was cut short, or changed so that it cannot be read.
            BundleNewer: A later version wrote it.
        """

        def open_it() -> BundleSource:
            with _readable(path):
                return BundleSource(path, zipfile.ZipFile(path))

        return await to_thread.run_sync(open_it)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._bundle.close()

    @property
    def manifest(self) -> Manifest:
        """What it says of itself."""
        return self._manifest

    @property
    def names(self) -> Sequence[str]:
        """List what is in the file, as often as it is."""
        return self._bundle.namelist()

    def proof(self) -> dict[MerkleNode, bytes] | None:
        """Give what ties its events to seals. None: it has none.

        Raises:
            LogCorrupt: It cannot be read.
        """
        if PROOF not in self._bundle.NameToInfo:
            return None
        with self._damaged("its proof"):
            return read_proof(self._read(PROOF))

    def loose_bytes(self) -> int:
        """Count the bytes of the file that belong to no entry: in front, in between, or behind."""
        infos = self._bundle.infolist()
        with self._damaged("its entries"), self.path.open("rb") as file:
            entries = sum(_entry_size(file, info) for info in infos)
            listed = sum(_LISTED + len(each.filename.encode()) + len(each.extra) + len(each.comment) for each in infos)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _END - _LARGE_MARK))
            end = _END + (_LARGE_END if file.read(len(_LARGE)) == _LARGE else 0)
        return size - entries - listed - end

    async def lines(self) -> AsyncIterator[tuple[bytes, Sequence[BundledEvent]]]:
        """Give all events in order, a page at a time, and the text they were read from.

        Raises:
            LogCorrupt: A line is no event, or the file cannot be unpacked from there on.
        """
        with self._damaged("its events"), self._bundle.open(EVENTS) as file:
            while page := await to_thread.run_sync(_page, file):
                yield b"".join(page), [read_line(text) for text in page]

    async def rows(self, selection: Selection = EVERYTHING) -> AsyncIterator[Sequence[Row]]:
        """Give the selected events, a page at a time."""
        async for _, page in self.lines():
            chosen = [line.row for line in page if selection.takes(line.row)]
            if chosen:
                yield chosen

    async def many(self, digests: Sequence[Digest]) -> AsyncIterator[Sequence[Fetched]]:
        """Give many blobs, some at a time."""
        for part in self._parts(digests):
            yield await to_thread.run_sync(self._load, part)

    async def get(self, digest: Digest) -> bytes:
        """Give a blob's bytes.

        Raises:
            BlobMissing: They are not there. `BlobErased`, which is one, says why they were removed.
            LogCorrupt: They are other bytes.
        """
        ((_, found),) = await to_thread.run_sync(self._load, [digest])
        if isinstance(found, LogError):
            raise found
        return found

    def _read_manifest(self) -> Manifest:
        if MANIFEST not in self._bundle.NameToInfo or EVENTS not in self._bundle.NameToInfo:
            raise BundleUnreadable(str(self.path), f"a zip file without {MANIFEST} and {EVENTS}")
        try:
            found = read_manifest(self._read(MANIFEST))
        except msgspec.MsgspecError as error:
            raise BundleDamaged(str(self.path), f"{MANIFEST}: {error}") from error
        if isinstance(found, int):
            raise BundleNewer(str(self.path), found=found, known=FORMAT)
        return found

    def _read(self, name: str) -> bytes:
        if self._bundle.getinfo(name).file_size > LONGEST:
            raise BundleDamaged(str(self.path), f"{name} would be larger than 1 GB")
        return self._bundle.read(name)

    def _parts(self, digests: Sequence[Digest]) -> Iterator[list[Digest]]:
        part: list[Digest] = []
        held = 0
        for digest in dict.fromkeys(digests):
            info = self._bundle.NameToInfo.get(BLOBS + digest)
            part.append(digest)
            held += 0 if info is None else info.file_size
            if held >= MOST_BYTES:
                yield part
                part, held = [], 0
        if part:
            yield part

    def _load(self, part: Sequence[Digest]) -> list[Fetched]:
        return [(digest, self._one(digest)) for digest in part]

    def _one(self, digest: Digest) -> bytes | LogError:
        erasure = self._manifest.erasures.get(digest)
        if not is_digest(digest) or BLOBS + digest not in self._bundle.NameToInfo:
            return BlobMissing(digest) if erasure is None else BlobErased(digest, reason=erasure.reason, at=erasure.at)
        try:
            with self._damaged(f"blob {digest}"):
                data = self._read(BLOBS + digest)
        except LogError as error:
            return error
        if digest_of(data) != digest:
            return LogCorrupt(str(self.path), f"blob {digest} holds other bytes than its digest names")
        return data

    @contextmanager
    def _damaged(self, what: str) -> Iterator[None]:
        try:
            yield
        except UNPACKING as error:
            raise LogCorrupt(str(self.path), f"{what}: {error}") from error


def _entry_size(file: IO[bytes], info: zipfile.ZipInfo) -> int:
    """Measure an entry with its header, whose lengths are not those of the list at the end."""
    file.seek(info.header_offset)
    header = file.read(_HEADER)
    name, extra = int.from_bytes(header[26:28], "little"), int.from_bytes(header[28:30], "little")
    return _HEADER + name + extra + info.compress_size


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise BundleUnreadable(str(path), "the file does not exist") from error
    except IsADirectoryError as error:
        raise BundleUnreadable(str(path), "it is a folder") from error
    except UNPACKING as error:
        if looks_like_bundle(path):
            raise BundleDamaged(str(path), str(error)) from error
        empty = path.is_file() and not path.stat().st_size
        raise BundleUnreadable(str(path), "it is empty" if empty else str(error)) from error


def _page(file: IO[bytes]) -> list[bytes]:
    lines = list(islice(iter(lambda: file.readline(LONGEST), b""), PAGE))
    if lines and len(lines[-1]) >= LONGEST:
        raise ValueError("a line is longer than 1 GB")
    return lines
