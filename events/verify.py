"""Looking through a whole log for anything that is not as it was written."""

from contextlib import suppress

import msgspec

from events import codec
from events.base import Event, Ref, StreamId
from events.chain import GENESIS, Seal, link, stream_part
from events.digest import Digest
from events.findings import (
    AnyFinding,
    BlobDamaged,
    BlobLost,
    CauseUnknown,
    ChainBroken,
    HistoryRewritten,
    PositionsMissing,
    TagMismatch,
    TailCut,
    Undecodable,
    Unreadable,
    VerifyReport,
    VersionUnexpected,
)
from events.log import EventLog, Row
from events.log_errors import BlobErased, BlobMissing, LogCorrupt
from events.model import ConversationNode, ModelAsked
from events.named_blobs import named_blobs
from events.session import RunForked

MOST_FINDINGS = 1_000
MOST_REMEMBERED = 500_000
"""Blobs remembered as looked at; beyond that some are looked at again, and memory stays bounded."""


async def verify(log: EventLog, seal: Seal | None = None) -> VerifyReport:
    """Read everything once, with bounded memory, and say what is wrong with it.

    Args:
        log: What to look through. It may grow meanwhile; what is there when this begins is looked at.
        seal: Taken earlier and kept elsewhere. Without one, a log that was cut short or rewritten as a whole
            looks like any other.
    """
    check = _Check(log, seal)
    try:
        async for page in log.rows():
            for row in page:
                await check.row(row)
    except LogCorrupt as error:
        check.found(Unreadable(check.position, error.problem))
    check.end()
    return check.report()


class _Check:
    """What was seen so far."""

    def __init__(self, log: EventLog, seal: Seal | None) -> None:
        self.position = 0
        self._log = log
        self._seal = seal
        self._digest = GENESIS
        self._parts: dict[StreamId, bytes] = {}
        self._versions: dict[StreamId, int] = {}
        self._shared: dict[str, dict[str, int]] = {}
        """By forked run and stream: how many events stand in the log under its parent's name."""
        self._seen: set[Digest] = set()
        self._events = 0
        self._blobs = 0
        self._erased: dict[Digest, None] = {}
        self._findings: list[AnyFinding] = []
        self._more = 0

    def found(self, finding: AnyFinding) -> None:
        """Take note of something wrong."""
        if len(self._findings) < MOST_FINDINGS:
            self._findings.append(finding)
        else:
            self._more += 1

    async def row(self, row: Row) -> None:
        """Look at one event."""
        self._events += 1
        if row.position != self.position + 1:
            self.found(PositionsMissing(self.position + 1, row.position - 1))
        self.position = row.position
        stream = StreamId(row.run, row.name)
        self._check_chain(row, stream)
        self._check_version(row, stream)
        event = self._decode(row)
        if event is not None:
            await self._check_blobs(row.position, event)
        if isinstance(event, RunForked):
            await self._take_cuts(row.run, event)

    async def _take_cuts(self, run: str, event: RunForked) -> None:
        """Learn which events of its parent a fork may refer to. Cuts that are damaged were found to be, above."""
        with suppress(BlobMissing, LogCorrupt, msgspec.MsgspecError):
            self._shared[run] = msgspec.json.decode(await self._log.get(event.cuts), type=dict[str, int])

    def _check_chain(self, row: Row, stream: StreamId) -> None:
        """Compute the digest again."""
        part = self._parts.get(stream)
        if part is None:
            part = self._parts[stream] = stream_part(stream)
        place = (row.position, row.version, row.at)
        if link(self._digest, place, part, row.cause, row.payload) != row.digest:
            self.found(ChainBroken(row.position))
        # Going on from what is written names the place of a change, and not everything behind it.
        self._digest = row.digest
        if self._seal is not None and row.position == self._seal.count and row.digest.hex() != self._seal.head:
            self.found(HistoryRewritten(row.position))

    def _check_version(self, row: Row, stream: StreamId) -> None:
        """See that the stream goes on where it was."""
        expected = self._versions.get(stream, 0) + 1
        if row.version != expected:
            self.found(VersionUnexpected(row.position, "/".join(stream), expected, row.version))
        self._versions[stream] = row.version

    def _decode(self, row: Row) -> Event | None:
        """Read the event, its tag and its cause."""
        try:
            event, cause = codec.decode(row.payload), codec.decode_ref(row.cause)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            self.found(Undecodable(row.position, str(error)))
            return None
        if codec.tag_of(event) != row.tag:
            self.found(TagMismatch(row.position, row.tag, codec.tag_of(event)))
        if cause is not None and not self._stands_before(row, cause):
            self.found(CauseUnknown(row.position, cause))
        return event

    def _stands_before(self, row: Row, cause: Ref) -> bool:
        """Say whether a cause is an event that was already read. Versions have no gaps, so counting is enough."""
        shared = self._shared.get(row.run, {}).get(cause.stream, 0)
        if 1 <= cause.version <= shared:
            return True  # an event of the run that this one was forked from
        last = self._versions.get(StreamId(row.run, cause.stream), 0) + shared
        own = cause.stream == row.name
        return 1 <= cause.version <= (last - 1 if own else last)

    async def _check_blobs(self, position: int, event: Event) -> None:
        """Read every blob that an event names, and through conversations the messages in them."""
        nodes = {event.conversation} if isinstance(event, ModelAsked) else set()
        waiting = [digest for digest in named_blobs(event) if digest not in self._seen]
        while waiting:
            digest = waiting.pop()
            if digest in self._seen:
                continue
            data = await self._fetch(position, digest)
            if data is None or digest not in nodes:
                continue
            try:
                node = msgspec.json.decode(data, type=ConversationNode)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                self.found(BlobDamaged(position, digest, f"not a node of a conversation: {error}"))
                continue
            if node.before is not None:
                nodes.add(node.before)
            waiting += named_blobs(node)

    async def _fetch(self, position: int, digest: Digest) -> bytes | None:
        """Read one blob; the log compares its bytes with its digest."""
        if len(self._seen) >= MOST_REMEMBERED:
            self._seen.clear()
        self._seen.add(digest)
        try:
            data = await self._log.get(digest)
        except BlobErased:
            self._erased[digest] = None
        except BlobMissing:
            self.found(BlobLost(position, digest))
        except LogCorrupt as error:
            self.found(BlobDamaged(position, digest, error.problem))
        else:
            self._blobs += 1
            return data
        return None

    def end(self) -> None:
        """Compare with the seal what was read."""
        if self._seal is not None and self.position < self._seal.count:
            self.found(TailCut(self.position, self._seal.count))

    def report(self) -> VerifyReport:
        """Say it all."""
        proved, not_proved = self._claims()
        return VerifyReport(
            events=self._events,
            streams=len(self._versions),
            blobs=self._blobs,
            erased=tuple(self._erased),
            head=Digest(self._digest.hex()),
            findings=tuple(self._findings),
            more=self._more,
            proved=proved,
            not_proved=not_proved,
        )

    def _claims(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Say what this proves and what it cannot; tamper-evident is all that a chain can be."""
        proved, not_proved = [], []
        if not self._findings:
            proved.append(
                f"events 1 to {self.position} fit one chain of digests, and every blob they name is as it was written"
                + (f", but for {len(self._erased)} erased on purpose" if self._erased else "")
            )
        if self._seal is None:
            not_proved.append(
                "that no event was cut off the end, or that the whole was not written anew: no seal given"
            )
        elif not self._findings:
            proved.append(f"events 1 to {self._seal.count} are those that were sealed")
            if self.position > self._seal.count:
                not_proved.append(f"that nothing behind event {self._seal.count} was cut off or written anew")
        not_proved.append("that what was recorded was true when it was recorded")
        return tuple(proved), tuple(not_proved)
