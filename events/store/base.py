"""The log: what every store of events promises. The docstrings are the contract.

One contract suite (``tests/events/store/test_contract.py``) asks it of each store.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import NamedTuple, Protocol

from events.base import Appended, Draft, Fence, Recorded, StreamId
from events.digest import Digest
from events.errors import LogError
from events.findings import AnyFinding
from events.redaction.redactor import Redactor
from events.upcast import TODAY


class Append(NamedTuple):
    """Events for one stream."""

    stream: StreamId
    drafts: Sequence[Draft]
    """At least one event, each with its cause."""
    expected_version: int
    """The version that the stream is at; 0 for a new stream."""


class Head(NamedTuple):
    """How far a log reaches. (0, 64 zeros) is an empty log."""

    position: int
    digest: Digest


class Selection(NamedTuple):
    """Which events to read. None leaves a question open."""

    run: str | None = None
    stream: StreamId | None = None
    tags: Collection[str] | None = None
    """As they are today; facts that were written under an earlier tag are among them."""
    after: int = 0
    """Only events behind this position."""
    until: int | None = None
    """Only events up to this position, itself included."""
    streams: Collection[str] | None = None
    """Names of the run's streams: only events of these. It needs a run, and costs as they do."""

    def takes(self, row: "Row") -> bool:
        """Say whether an event is asked for."""
        return (
            (self.run is None or row.run == self.run)
            and (self.streams is None or row.name in self.streams)
            and (self.stream is None or (row.run, row.name) == self.stream)
            and (self.tags is None or row.tag in self.tags or TODAY.get(row.tag) in self.tags)
            and self.after < row.position
            and (self.until is None or row.position <= self.until)
        )


EVERYTHING = Selection()
"""Every event of every run."""


class Row(NamedTuple):
    """An event as it is kept: not decoded, not checked."""

    position: int
    run: str
    name: str
    """Of its stream."""
    version: int
    tag: str
    cause: bytes | None
    """JSON pair of stream name and version."""
    at: int
    payload: bytes
    digest: bytes


Payload = tuple[int, int, bytes]
"""Position, version, and canonical JSON of an event."""


class Lease(NamedTuple):
    """Who owns a run, and until when."""

    run: str
    owner: str
    token: int
    expires_at: int
    """Microseconds since 1970, UTC; past it, the lease has run out."""


class Snapshot(NamedTuple):
    """The state of a projection at a position. Disposable: it can be folded again."""

    name: str
    revision: int
    position: int
    state: bytes


class Erasure(NamedTuple):
    """A blob whose bytes were removed on purpose."""

    digest: Digest
    reason: str
    at: int


class Stored(NamedTuple):
    """A blob that is kept, or was erased."""

    digest: Digest
    oddity: str | None
    """What is wrong with how it is kept, besides its bytes, which are not looked at. None: nothing."""


class Inspection(NamedTuple):
    """What a store showed besides events and blobs."""

    findings: tuple[AnyFinding, ...]
    notes: tuple[str, ...]
    """What is there and was not looked at, each as the end of *not proved:*."""


Fetched = tuple[Digest, bytes | LogError]
"""A blob's bytes, or why there are none: `BlobMissing`, `BlobErased`, or `LogCorrupt` where they are others."""


class BlobStore(Protocol):
    """Bytes under their SHA-256, each stored once."""

    @property
    def redactor(self) -> Redactor:
        """Replaces known secrets before anything is kept."""

    def put(self, data: bytes) -> Digest:
        """Take bytes in; they are durable before any event that is appended later.

        Known secrets are replaced first, so the digest names what is *kept*: read the bytes back through
        it wherever a decision rests on them. Of a stream whose texts come in pieces, a value that lies across two
        is not found: see `Redactor.replace_streamed`.
        """

    def put_json(self, data: bytes) -> Digest:
        """Take JSON of ours in, as `put` does; known secrets are replaced in its texts, and never in names of members.

        For what is read back by its shape: a secret may have the value of a word that stands in it.

        Raises:
            msgspec.MsgspecError: It is not JSON.
        """

    async def get(self, digest: Digest) -> bytes:
        """Give the bytes back.

        Raises:
            BlobMissing: They are not there. `BlobErased`, which is one, says why they were removed.
        """


class EventSource(Protocol):
    """What events can be taken from: a log, a file that is only read, or a bundle."""

    def rows(self, selection: Selection = EVERYTHING) -> AsyncIterator[Sequence[Row]]:
        """Give the selected events undecoded and in order, a page at a time."""

    def many(self, digests: Sequence[Digest]) -> AsyncIterator[Sequence[Fetched]]:
        """Give many blobs, each once, about 16 MB at a time."""


class Verifiable(EventSource, Protocol):
    """What can be looked through as a whole: a log, or a file that is only read."""

    async def get(self, digest: Digest) -> bytes:
        """Give a blob's bytes."""

    def chain(self) -> AsyncIterator[Sequence[bytes]]:
        """Give the digests of all events in order, a page at a time."""

    async def inspect(self) -> Inspection:
        """Look for damage to everything but events and blobs."""

    def stored(self) -> AsyncIterator[Sequence[Stored]]:
        """List all blobs, those too that no event names, a page at a time."""


class EventLog(BlobStore, Protocol):
    """An append-only history of facts.

    * Events have one total order: positions 1, 2, 3 … without gaps, in the order of commit. A reader that
      has seen position *n* will never see a new event at or before *n*.
    * Each stream has versions 1, 2, 3 … without gaps.
    * An append is kept whole or not at all, whatever happens: conflict, error, cancellation at any await,
      death of the process. When `append` returns, a power cut does not lose it.
    * Nothing edits or removes an event.
    * Each event carries a digest chained over all events before it.
    * Known secret values are replaced before anything is written, in payloads and blobs alike.
    * Readers see only what is committed, never block a writer, and hold no transaction between pages.
    """

    async def append(
        self, stream: StreamId, drafts: Sequence[Draft], *, expected_version: int, fence: Fence | None = None
    ) -> Appended:
        """Keep these events side by side at the end of a stream.

        Args:
            stream: Where they go.
            drafts: At least one event, each with its cause.
            expected_version: The version the stream was at when they were decided; 0 for a new stream.
            fence: Proof of owning the run; None for streams nobody owns (imports, tests).

        Raises:
            VersionConflict: The stream has moved on. Nothing was kept.
            FenceLost: Another process owns the run now. Nothing was kept.
            EventRefused: An event would not read back as it was written. Nothing was kept.
            LogFull, LogLocked, LogCorrupt: The file failed us. Nothing was kept.
        """

    async def append_all(self, appends: Sequence[Append]) -> Head:
        """Keep events of several streams in one transaction, whole or not at all, and give the head then.

        For histories that are known from their beginning to their end, such as imported ones: nobody sees half of one,
        whatever ends the process meanwhile.

        Args:
            appends: In the order in which they shall stand; a stream may come several times.

        Raises:
            VersionConflict: A stream has moved on. Nothing was kept.
            EventRefused: An event would not read back as it was written. Nothing was kept.
            LogFull, LogLocked, LogUnwritable, LogCorrupt: The file failed us. Nothing was kept.
            LogLost: The file was taken away, and this log with it.
        """

    def read(self, selection: Selection = EVERYTHING) -> AsyncIterator[Recorded]:
        """Give the selected events in order of position, as committed so far, a page at a time.

        Raises:
            LogCorrupt: A page of the file, or an event in it, cannot be read.
        """

    def payloads(self, selection: Selection = EVERYTHING) -> AsyncIterator[Sequence[Payload]]:
        """Give only places and payloads, a page at a time: for folds that decode a few fields themselves.

        They are as they were written, in shapes that may be outgrown.

        Raises:
            LogCorrupt: A page of the file cannot be read.
        """

    def pages(self, selection: Selection = EVERYTHING) -> AsyncIterator[Sequence[Recorded]]:
        """Like `read`, but a page at a time: for folding much, since each step of an async loop costs as an event does.

        Raises:
            LogCorrupt: A page of the file, or an event in it, cannot be read.
        """

    def follow(self, selection: Selection = EVERYTHING) -> AsyncIterator[Recorded]:
        """Like `read`, and then wait for more, without end: in order, each once, none missed.

        Sees what other processes append to the same file too.
        """

    def rows(self, selection: Selection = EVERYTHING) -> AsyncIterator[Sequence[Row]]:
        """Like `read`, but a page of undecoded events at a time: for looking for damage.

        Raises:
            LogCorrupt: A page of the file cannot be read.
        """

    async def adopt(self, rows: Sequence[Row], erased: Sequence[Erasure] = ()) -> Head:
        """Take over events of another log at the end of this one, whole or not at all, and give the head then.

        Streams, versions, tags, causes, times and payloads stay as they are. Positions and digests are given anew;
        they come out the same where this log holds the same events before them. What was `put` is durable before.
        Owners of runs are not asked. `events/bundle/copy.py` does it for whole runs.

        Args:
            rows: In the order in which they shall stand; none is fine.
            erased: Blobs that these name and whose bytes were removed on purpose; those that are here stay.

        Raises:
            VersionConflict: A stream of theirs does not go on where it stands here. Nothing was kept.
            EventRefused: A known secret stands in one of them. Nothing was kept.
        """

    async def head(self) -> Head:
        """Say how far the log reaches."""

    async def runs(self, *, after: int = 0) -> list[str]:
        """List the ids of runs, oldest first: of all that have an event behind a position."""

    async def streams(self, run: str) -> dict[str, int]:
        """List a run's streams with their versions, in the order of their first events."""

    async def acquire(self, run: str, owner: str, *, ttl_s: float, take_over: int | None = None) -> Fence:
        """Take ownership of a run for a while; the token grows each time it changes hands.

        Args:
            run: Its id.
            owner: Who asks.
            ttl_s: Seconds until the lease runs out, unless it is renewed; 0 or more.
            take_over: Token of a lease to set aside although it has not run out, because its owner is dead or a person
                said so. By its token, so that of two who saw the same dead owner only one takes the run. None: none.

        Raises:
            RunOwned: A lease of another owner has not run out, and is not the one to be set aside.
        """

    async def renew(self, fence: Fence, *, ttl_s: float) -> None:
        """Keep ownership for another while.

        Raises:
            FenceLost: Another process owns the run now.
        """

    async def release(self, fence: Fence) -> None:
        """Let go of a run; says nothing if it was taken over already."""

    async def leases(self) -> list[Lease]:
        """List leases, run out or not."""

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep the state of a projection, in place of an earlier one of the same name and revision.

        Nothing rests on it: a file that is lost afterwards has lost nothing that this process wrote. An erasure
        removes all of them, since a state may quote what was erased.
        """

    async def load_snapshot(self, name: str, revision: int) -> Snapshot | None:
        """Give the latest state back. None: there is none of this revision."""

    async def snapshots(self) -> list[tuple[str, int]]:
        """List what states are kept: name and revision, sorted."""

    def many(self, digests: Sequence[Digest]) -> AsyncIterator[Sequence[Fetched]]:
        """Give many blobs back, each once, some at a time: about 16 MB, so that they can be let go again.

        A blob that cannot be given back is no reason to withhold the others: in its place stands the error.
        """

    async def erase(self, digest: Digest, reason: str) -> Erasure:
        """Remove a blob's bytes for good, and keep when and why. The chain holds: events name digests.

        Raises:
            BlobMissing: They are not there, or were erased before.
        """

    async def digests(self, beginning: str, *, most: int = 10) -> list[Digest]:
        """List blobs that are kept, or were erased, by the beginning of their digests, in order.

        Args:
            beginning: 1 to 64 hexadecimal characters; with any other there are none.
            most: How many at the most.
        """

    async def erasures(self) -> list[Erasure]:
        """List the blobs whose bytes were removed, in the order of their digests."""

    def chain(self) -> AsyncIterator[Sequence[bytes]]:
        """Give the digests of all events in order, a page at a time.

        Raises:
            LogCorrupt: A position is missing.
        """

    async def inspect(self) -> Inspection:
        """Look for damage to everything but events and blobs: to tables, triggers, settings, and the file itself."""

    def stored(self) -> AsyncIterator[Sequence[Stored]]:
        """List all blobs, erased ones too, a page at a time, and what is odd about how each is kept."""

    async def close(self) -> None:
        """Write what is staged, then let go of the file. Closing twice is fine."""
