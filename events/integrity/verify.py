"""Looking through a whole log for anything that is not as it was written."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress

import msgspec
from anyio import create_memory_object_stream, create_task_group
from anyio.abc import ObjectReceiveStream, ObjectSendStream

from events import codec
from events.base import Event, Ref, StreamId
from events.digest import Digest
from events.errors import BlobMissing, LogCorrupt, LogError
from events.findings import (
    CauseUnknown,
    ChainBroken,
    FileDamaged,
    Findings,
    HistoryRewritten,
    PositionsMissing,
    TagMismatch,
    TailCut,
    Undecodable,
    Unreadable,
    VerifyReport,
    VersionUnexpected,
)
from events.integrity.blobs import BlobCheck, NamedBlob, names_in
from events.integrity.seals import AnySeal, Looked, claims, findings_on, usable
from events.integrity.signing import PublicKey
from events.store.base import Inspection, Row, Verifiable
from events.store.chain import GENESIS, Seal, link, stream_part
from events.store.merkle import MerkleTree
from events.types.session import RunForked
from events.upcast import lift

PAGES_AHEAD = 2
"""Pages of events that may be read before the blobs that they name were looked at."""


async def verify(log: Verifiable, seal: AnySeal | None = None, *, trusted: Collection[PublicKey] = ()) -> VerifyReport:
    """Read everything once, with bounded memory, and say what is wrong with it.

    Args:
        log: What to look through. It may grow meanwhile; what is there when this begins is looked at.
        seal: Taken earlier and kept elsewhere. Without one, a log that was cut short or rewritten as a whole
            looks like any other.
        trusted: Keys of which one must have signed the seal. Empty: it is taken at its word, and the report says so.
    """
    events, blobs = EventCheck(usable(seal, trusted)), BlobCheck(log, Findings())
    send, receive = create_memory_object_stream[Sequence[NamedBlob]](PAGES_AHEAD)
    failures: list[LogError] = []

    async def attempt(work: Callable[[], Awaitable[None]]) -> None:
        # Raised in a task group, it would reach the caller wrapped.
        try:
            await work()
        except LogCorrupt as error:
            blobs.findings.add(Unreadable(events.position, error.problem))
            group.cancel_scope.cancel()
        except LogError as error:
            failures.append(error)
            group.cancel_scope.cancel()

    # Events are decoded here while other threads read, unpack and hash the blobs they name.
    async with create_task_group() as group:
        group.start_soon(attempt, lambda: _look_at_blobs(blobs, receive))
        await attempt(lambda: _look_at_events(log, events, send))
    for failure in failures:
        raise failure
    events.end()
    inspection = await _look_at_the_rest(log, blobs)
    damaged = bool(events.findings or blobs.findings or inspection.findings)
    looked = Looked(events.position, len(blobs.erased), blobs.spare, damaged, inspection.notes)
    proved, not_proved = claims(looked, seal, trusted)
    return VerifyReport(
        events=events.events,
        streams=events.streams,
        blobs=blobs.checked,
        spare=blobs.spare,
        erased=tuple(blobs.erased),
        erasures=tuple(blobs.erased.values()),
        head=events.head,
        findings=(*findings_on(seal, trusted), *events.findings.kept, *blobs.findings.kept, *inspection.findings),
        more=events.findings.more + blobs.findings.more,
        proved=proved,
        not_proved=not_proved,
    )


async def _look_at_events(log: Verifiable, check: "EventCheck", names: ObjectSendStream[Sequence[NamedBlob]]) -> None:
    async with names:
        try:
            async for page in log.rows():
                await names.send([named for row in page for named in await _look_at_event(log, check, row)])
        except LogCorrupt as error:
            check.findings.add(Unreadable(check.position, error.problem))


async def _look_at_event(log: Verifiable, check: "EventCheck", row: Row) -> list[NamedBlob]:
    """Look at one event; give the blobs that it names."""
    event = check.row(row)
    if isinstance(event, RunForked):
        # Cuts that are damaged are found to be when the blobs are looked at.
        with suppress(BlobMissing, LogCorrupt, msgspec.MsgspecError):
            check.shared[row.run] = msgspec.json.decode(await log.get(event.cuts), type=dict[str, int])
    return [] if event is None else names_in(row.position, event)


async def _look_at_the_rest(log: Verifiable, blobs: BlobCheck) -> Inspection:
    """Look at blobs that no event names, at how all of them are kept, and at what is no event and no blob."""
    try:
        async for page in log.stored():
            await blobs.look_at_stored(page)
    except LogCorrupt as error:
        blobs.findings.add(FileDamaged(error.problem))
    return await log.inspect()


async def _look_at_blobs(check: BlobCheck, names: ObjectReceiveStream[Sequence[NamedBlob]]) -> None:
    async with names:
        async for page in names:
            await check.look(page)


class EventCheck:
    """What was seen of the events so far."""

    def __init__(self, seal: Seal | None) -> None:
        self.position = 0
        self.events = 0
        self.findings = Findings()
        self.shared: dict[str, dict[str, int]] = {}
        """By forked run and stream: how many events stand in the log under its parent's name."""
        self._seal = seal
        self._digest = GENESIS
        self._tree = MerkleTree()
        self._parts: dict[StreamId, bytes] = {}
        self.versions: dict[StreamId, int] = {}
        """Of each stream, its last event."""

    @property
    def streams(self) -> int:
        """How many streams there are."""
        return len(self.versions)

    @property
    def head(self) -> Digest:
        """Digest of the last event."""
        return Digest(self._digest.hex())

    def row(self, row: Row) -> Event | None:
        """Look at one event, and give it. None: it cannot be read."""
        self.events += 1
        if not _well_formed(row):
            self.findings.add(Undecodable(row.position, "a column of its row is of another type, or out of its range"))
            return None
        self._check_position(row)
        self.position = row.position
        stream = StreamId(row.run, row.name)
        self._check_chain(row, stream)
        self._check_version(row, stream)
        return self._decode(row)

    def end(self) -> None:
        """Compare with the seal what was read."""
        if self._seal is None:
            return
        if self.position < self._seal.count:
            self.findings.add(TailCut(self.position, self._seal.count))
        elif self._seal.root not in {None, self._tree.root} and not self.findings:
            # The last digest covers all before it, so that this seal was never taken of any log.
            self.findings.add(HistoryRewritten(self._seal.count))

    def _check_position(self, row: Row) -> None:
        """See that none was left out."""
        if row.position != self.position + 1:
            self.findings.add(PositionsMissing(self.position + 1, row.position - 1))

    def _check_chain(self, row: Row, stream: StreamId) -> None:
        """Compute the digest again."""
        part = self._parts.get(stream)
        if part is None:
            part = self._parts[stream] = stream_part(stream)
        place = (row.position, row.version, row.at)
        if link(self._before(row), place, part, row.cause, row.payload) != row.digest:
            self.findings.add(ChainBroken(row.position))
        # Going on from what is written names the place of a change, and not everything behind it.
        self._digest = row.digest
        if self._seal is not None and self._seal.root is not None and self._tree.count < self._seal.count:
            self._tree.add(row.digest)
        if self._seal is not None and row.position == self._seal.count and row.digest.hex() != self._seal.head:
            self.findings.add(HistoryRewritten(row.position))

    def _before(self, row: Row) -> bytes:
        """Give the digest of the event before one."""
        del row
        return self._digest

    def _check_version(self, row: Row, stream: StreamId) -> None:
        """See that the stream goes on where it was."""
        expected = self.versions.get(stream, 0) + 1
        if row.version != expected:
            self.findings.add(VersionUnexpected(row.position, "/".join(stream), expected, row.version))
        self.versions[stream] = row.version

    def _decode(self, row: Row) -> Event | None:
        """Read the event, its tag and its cause."""
        try:
            event, cause = codec.decode_as_written(row.payload), codec.decode_ref(row.cause)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            self.findings.add(Undecodable(row.position, str(error)))
            return None
        tag = str(type(event).__struct_config__.tag)
        if tag != row.tag:
            self.findings.add(TagMismatch(row.position, row.tag, tag))
        if cause is not None and not self._stands_before(row, cause):
            self.findings.add(CauseUnknown(row.position, cause))
        return lift(event)

    def _stands_before(self, row: Row, cause: Ref) -> bool:
        """Say whether a cause is an event that was already read. Versions have no gaps, so counting is enough."""
        shared = self.shared.get(row.run, {}).get(cause.stream, 0)
        if 1 <= cause.version <= shared:
            return True  # an event of the run that this one was forked from
        last = self.versions.get(StreamId(row.run, cause.stream), 0) + shared
        own = cause.stream == row.name
        return 1 <= cause.version <= (last - 1 if own else last)


def _well_formed(row: Row) -> bool:
    """Say whether each column holds what such a column can hold; only in a damaged file one does not."""
    columns: tuple[object, ...] = tuple(row)
    match columns:
        case int(position), _, _, int(version), _, None | bytes(), int(), bytes(), bytes(digest):
            return min(position, version) > 0 and len(digest) == len(GENESIS)
        case _:
            return False
