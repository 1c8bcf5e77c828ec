"""The world as the scopes of a run share it."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, NamedTuple, Protocol

import msgspec

from engine.core.decision import Deciding
from engine.core.lineage import Lineage
from engine.core.ports import Ports
from events.base import Event, Fence, Recorded, Ref
from events.digest import Digest, digest_of
from events.errors import BlobMissing
from events.redaction.redactor import NOTHING_SECRET
from events.store.base import BlobStore, EventLog


class RecordedAt(msgspec.Struct, frozen=True, gc=False):
    """Where a recorded event stands, and when it was recorded."""

    ref: Ref
    position: int
    at: int


class AppendedRange(msgspec.Struct, frozen=True, gc=False):
    """Where appended events begin and end, and when they were appended."""

    position: int
    """Of the first."""
    version: int
    """Of the last."""
    at: int
    kept: Sequence[Event] | None
    """See `Appended`."""


class HistoryReader(Protocol):
    """Reads histories as actors take them up."""

    def hold(self, stream: str) -> AbstractAsyncContextManager[None]:
        """Keep the history of a stream, and of all below it, at hand."""


class StreamIndex:
    """Finds streams by what their names begin with. The names are looked through once, when somebody first asks."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = names
        self._below: dict[str, list[str]] | None = None

    def below(self, beginning: str) -> Sequence[str]:
        """Name the streams that are numbered behind a beginning, such as ``call/greet/1/``, in the order of numbers."""
        if self._below is None:
            self._below = {}
            for name in sorted(self._names, key=lambda name: (len(name), name)):
                self._below.setdefault(name[: name.rfind("/") + 1], []).append(name)
        return self._below.get(beginning, ())


class ReplayContext(NamedTuple):
    """What all scopes of a run share."""

    log: EventLog
    blobs: BlobStore
    """The log itself in a life that may write; a `ReadOnlyBlobs` in one that may not."""
    run: str
    histories: Mapping[str, Sequence[Recorded]]
    """What each stream of the run held when this life began, by name."""
    sessions: Sequence[int]
    """Positions at which processes took up the run; effects that span one have no duration."""
    ports: Ports | None
    """None: closed. Nothing is appended and nothing is touched."""
    fence: Fence | None
    visited: set[str]
    """Names of the streams that an actor took up, so that one left unread is noticed."""
    lineage: Lineage = ()
    """The run and those it was forked from, oldest first. Empty: it was not."""
    keeper: HistoryReader | None = None
    """Holds the histories of actors, which then run one after the other. None: all histories are read."""
    deciding: Deciding | None = None
    """What decides. None: no actor of this world does."""
    names: StreamIndex | None = None
    """Of the names of `histories`. None: made anew where it is needed."""


REMEMBERED: Final = 16 << 20
"""Bytes that actors put, kept for the case that the log lacks them: erased since, and made again; or never in it, since
an earlier version made others."""


class ReadOnlyBlobs:
    """Blobs for a life that writes nothing: what is put is named, and read from the log.

    Bytes that the log lacks are given back if an actor put them not long ago: what comes of them is compared with the
    record, which names the place where it parts.
    """

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self.redactor = NOTHING_SECRET
        """Secrets were replaced when what is read was written."""
        self._put: dict[Digest, bytes] = {}
        self._size = 0

    def put(self, data: bytes) -> Digest:
        """Name these bytes. What actors put comes from the log, so secrets were replaced before."""
        digest = digest_of(data)
        if digest not in self._put:
            self._put[digest] = data
            self._size += len(data)
            while self._size > REMEMBERED:
                self._size -= len(self._put.pop(next(iter(self._put))))
        return digest

    def put_json(self, data: bytes) -> Digest:
        """Name the bytes of JSON."""
        return self.put(data)

    async def get(self, digest: Digest) -> bytes:
        """Give recorded bytes back.

        Raises:
            BlobMissing: They are not in the log, and no actor put them here. `BlobErased`, which is one, says why.
        """
        try:
            return await self._blobs.get(digest)
        except BlobMissing:
            if (data := self._put.get(digest)) is None:
                raise
            return data
