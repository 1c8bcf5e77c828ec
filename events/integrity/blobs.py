"""Looking at every blob that events name, and at what only blobs name: messages, and what decisions saw."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias, assert_never, get_args

import msgspec

from events.base import Event
from events.digest import Digest
from events.errors import BlobErased, BlobMissing, LogError
from events.findings import BlobDamaged, BlobLost, BlobMisstored, ErasedBlob, Findings, SpareBlobDamaged
from events.store.base import EventSource, Stored
from events.store.blob_refs import named_blobs
from events.types.condition import Condition
from events.types.decision import Decided, InlineDecisionMade, Seen, Text, blob_of, read_parts
from events.types.item import ItemOpened
from events.types.model import ConversationNode, ModelAsked
from events.types.run import RunOpened
from events.types.session import RunForked
from events.types.trial import TrialOpened

MOST_REMEMBERED = 500_000
"""Blobs remembered as looked at, twice over: beyond that some are looked at again, and memory stays bounded (about
150 bytes each)."""


BlobKind: TypeAlias = Literal["bytes", "conversation", "inputs", "condition"]
"""How a blob is read: as it is; as a node of a conversation; as what a decision saw; or as the condition of a trial.
All but the first name blobs."""

WHAT_IT_IS: Final[Mapping[BlobKind, str]] = {
    "bytes": "bytes",
    "conversation": "a node of a conversation",
    "inputs": "the inputs of a decision",
    "condition": "the condition of a trial",
}
"""For messages."""


class NamedBlob(NamedTuple):
    """A blob, and who names it."""

    position: int
    """Of the event that does, itself or through other blobs."""
    digest: Digest
    kind: BlobKind


def names_in(position: int, event: Event) -> list[NamedBlob]:
    """List what an event names."""
    kinds: dict[Digest, BlobKind] = {}
    if isinstance(event, ModelAsked):
        kinds[event.conversation] = "conversation"
    if isinstance(event, Decided) and event.inputs is not None:
        kinds[event.inputs] = "inputs"
    kinds.update(dict.fromkeys(_conditions(event), "condition"))
    named = [NamedBlob(position, digest, kinds.get(digest, "bytes")) for digest in named_blobs(event)]
    return [*named, *_parts_named(position, bytes(event.saw))] if isinstance(event, InlineDecisionMade) else named


def _parts_named(position: int, inputs: bytes) -> Iterator[NamedBlob]:
    """List what inputs name; what the value of a `Seen` names, its event names as well."""
    for part in read_parts(inputs):
        if not isinstance(part, Seen):
            yield NamedBlob(position, blob_of(part), "bytes" if isinstance(part, Text) else "inputs")


def _conditions(event: Event) -> Iterator[Digest]:
    match event:
        case TrialOpened() if event.condition_digest is not None:
            yield event.condition_digest
        case ItemOpened():
            yield event.condition
        case RunOpened() | RunForked():
            yield from (each.digest for each in event.conditions or ())
        case _:
            pass


def names_in_blob(named: NamedBlob, data: bytes) -> list[NamedBlob]:
    """List what a blob names.

    A node of a conversation names the one before it and its messages; inputs of a decision name texts, tables and the
    inputs of the decision before. What the value of a `Seen` names, its event names as well. A condition names files of
    skills, settings and a note.

    Raises:
        msgspec.MsgspecError: It is not of its kind.
    """
    match named.kind:
        case "bytes":
            return []
        case "conversation":
            node = msgspec.json.decode(data, type=ConversationNode)
            kinds: dict[Digest | None, BlobKind] = {node.before: "conversation"}
            return [NamedBlob(named.position, digest, kinds.get(digest, "bytes")) for digest in named_blobs(node)]
        case "inputs":
            return list(_parts_named(named.position, data))
        case "condition":
            condition = msgspec.json.decode(data, type=Condition)
            return [NamedBlob(named.position, digest, "bytes") for digest in named_blobs(condition)]
        case _:
            assert_never(named.kind)


class Unseen:
    """Tells what was named before from what was not, in bounded memory."""

    def __init__(self) -> None:
        self._seen: set[tuple[Digest, BlobKind]] = set()
        self._seen_before: set[tuple[Digest, BlobKind]] = set()

    def among(self, names: Iterable[NamedBlob]) -> dict[Digest, NamedBlob]:
        """Give those that were not named yet, and remember them.

        One that is named in two ways at once, such as by events of one page, is read in the way that names more.
        """
        found: dict[Digest, NamedBlob] = {}
        for each in names:
            if self._is_new(each) and (each.digest not in found or found[each.digest].kind == "bytes"):
                found[each.digest] = each
        return found

    def knows(self, digest: Digest) -> bool:
        """Say whether a blob was named, as far as that is remembered."""
        return any((digest, kind) in seen for kind in get_args(BlobKind) for seen in (self._seen, self._seen_before))

    def _is_new(self, named: NamedBlob) -> bool:
        key = named.digest, named.kind
        if key in self._seen or key in self._seen_before:
            return False
        if len(self._seen) >= MOST_REMEMBERED:
            self._seen, self._seen_before = set(), self._seen
        self._seen.add(key)
        return True


class BlobCheck:
    """What was seen of the blobs so far."""

    def __init__(self, log: EventSource, findings: Findings) -> None:
        self.checked = 0
        """Blobs whose bytes were compared with their digests."""
        self.spare = 0
        """Blobs that no event names, or that were named too long ago to be remembered."""
        self.erased: dict[Digest, ErasedBlob] = {}
        self._log = log
        self.findings = findings
        self._unseen = Unseen()

    async def look(self, names: Sequence[NamedBlob]) -> None:
        """Look at what was named, and at what that names."""
        waiting: Iterable[NamedBlob] = names
        while new := self._unseen.among(waiting):
            further: list[NamedBlob] = []
            async for page in self._log.many(list(new)):
                for digest, found in page:
                    further += self._judge(new[digest], found)
            waiting = further

    async def look_at_stored(self, page: Sequence[Stored]) -> None:
        """Look at how blobs are kept, and at the bytes of those that nothing looked at named."""
        for each in page:
            if each.oddity is not None:
                self.findings.add(BlobMisstored(each.digest, each.oddity))
        spare = [each.digest for each in page if not self._unseen.knows(each.digest)]
        self.spare += len(spare)
        async for some in self._log.many(spare):
            for digest, found in some:
                if isinstance(found, LogError) and not isinstance(found, BlobMissing):
                    self.findings.add(SpareBlobDamaged(digest, found.problem))

    def _judge(self, named: NamedBlob, found: bytes | LogError) -> Sequence[NamedBlob]:
        """Take note of one blob; give what it names itself."""
        position, digest, _ = named
        match found:
            case BlobErased():
                self.erased.setdefault(digest, ErasedBlob(position, digest, found.at, found.reason))
            case BlobMissing():
                self.findings.add(BlobLost(position, digest))
            case LogError():
                self.findings.add(BlobDamaged(position, digest, found.problem))
            case bytes():
                self.checked += 1
                return self._open(named, found)
        return ()

    def _open(self, named: NamedBlob, data: bytes) -> Sequence[NamedBlob]:
        try:
            return names_in_blob(named, data)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            self.findings.add(BlobDamaged(named.position, named.digest, f"not {WHAT_IT_IS[named.kind]}: {error}"))
            return ()
