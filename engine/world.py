"""The world as the scopes of a run share it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from engine.lineage import Lineage
from engine.ports import Ports
from events.base import Fence, Recorded
from events.digest import Digest, digest_of
from events.log import BlobStore, EventLog
from events.redact import NOTHING_SECRET


class World(NamedTuple):
    """What all scopes of a run share."""

    log: EventLog
    blobs: BlobStore
    """The log itself in a life that may write; a `Recall` in one that may not."""
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


class Recall:
    """Blobs for a life that writes nothing: what is put is named, and must be in the log to be read."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self.redactor = NOTHING_SECRET
        """Secrets were replaced when what is read was written."""

    def put(self, data: bytes) -> Digest:
        """Name these bytes. What actors put comes from the log, so secrets were replaced before."""
        return digest_of(data)

    async def get(self, digest: Digest) -> bytes:
        """Give recorded bytes back."""
        return await self._blobs.get(digest)
