"""What `verify` can find, as values. Each says where."""

from typing import TypeAlias

import msgspec

from events.base import Ref
from events.digest import Digest


class Finding(msgspec.Struct, frozen=True, tag_field="finding"):
    """Something in a log that should not be so."""


class ChainBroken(Finding, frozen=True, tag="chain_broken"):
    """The event does not fit its digest: it was changed after it was written, or the one before it was."""

    position: int


class PositionsMissing(Finding, frozen=True, tag="positions_missing"):
    """Events are gone."""

    first: int
    last: int


class VersionUnexpected(Finding, frozen=True, tag="version_unexpected"):
    """A stream does not go on where it was."""

    position: int
    stream: str
    expected: int
    found: int


class Undecodable(Finding, frozen=True, tag="undecodable"):
    """The payload or the cause is not what this version can read."""

    position: int
    why: str


class TagMismatch(Finding, frozen=True, tag="tag_mismatch"):
    """The column ``tag`` says something else than the payload, so that filters by tag mislead."""

    position: int
    column: str
    payload: str


class CauseUnknown(Finding, frozen=True, tag="cause_unknown"):
    """It answers an event that does not stand before it."""

    position: int
    cause: Ref


class BlobLost(Finding, frozen=True, tag="blob_lost"):
    """An event names bytes that are not there."""

    position: int
    digest: Digest


class BlobDamaged(Finding, frozen=True, tag="blob_damaged"):
    """The bytes that are there are not those the event named."""

    position: int
    digest: Digest
    why: str


class BlobMisstored(Finding, frozen=True, tag="blob_misstored"):
    """How a blob is kept is not how it was written: its size, its packing, or what stands behind its bytes."""

    digest: Digest
    why: str


class SpareBlobDamaged(Finding, frozen=True, tag="spare_blob_damaged"):
    """A blob that no event names has other bytes than its digest says."""

    digest: Digest
    why: str


class SchemaChanged(Finding, frozen=True, tag="schema_changed"):
    """A table, index, view or trigger is not as this format has it: so the file does not defend itself any more."""

    part: str
    why: str


class SettingWrong(Finding, frozen=True, tag="setting_wrong"):
    """A row of the table ``meta`` is gone, is another one, or is none of this format."""

    key: str
    found: str | None
    """None: there is none."""


class StreamEmpty(Finding, frozen=True, tag="stream_empty"):
    """The file names a stream that no event is in: its events are gone, or somebody added the name."""

    run: str
    stream: str


class FileDamaged(Finding, frozen=True, tag="file_damaged"):
    """SQLite finds the file, an index or a constraint damaged; its words."""

    why: str


class Unreadable(Finding, frozen=True, tag="unreadable"):
    """SQLite cannot read on."""

    after: int
    """Last position that could be read."""
    why: str


class TailCut(Finding, frozen=True, tag="tail_cut"):
    """The log ends before the seal does."""

    count: int
    sealed: int


class HistoryRewritten(Finding, frozen=True, tag="history_rewritten"):
    """The log is not the one that was sealed: it has another digest where the seal was taken."""

    position: int


class SealForged(Finding, frozen=True, tag="seal_forged"):
    """The seal's signature does not fit what it says: someone changed the seal, and it says nothing about the log."""

    key: str
    """Public key that it claims."""


class SealUntrusted(Finding, frozen=True, tag="seal_untrusted"):
    """The seal is not signed by any key that was named as trusted."""

    key: str | None
    """Public key of who signed it. None: nobody did."""


class StreamCut(Finding, frozen=True, tag="stream_cut"):
    """A bundle says that a stream has other events than are there."""

    run: str
    stream: str
    expected: int
    """Last version, as the manifest says; 0: it knows of no such stream."""
    found: int


class ManifestWrong(Finding, frozen=True, tag="manifest_wrong"):
    """What a bundle's manifest says does not fit what is there."""

    what: str
    expected: str
    found: str


class EntryStrange(Finding, frozen=True, tag="entry_strange"):
    """A bundle holds something that is no part of a run."""

    name: str


class BytesLoose(Finding, frozen=True, tag="bytes_loose"):
    """A bundle's file holds bytes that belong to none of its entries."""

    count: int


class SealRefuted(Finding, frozen=True, tag="seal_refuted"):
    """The events of a bundle are not those that were sealed: they make another root than the seal has."""

    count: int
    """Events that the seal covers."""


class EventNotSealed(Finding, frozen=True, tag="event_not_sealed"):
    """No path leads from the event of a receipt to the root of the seal: it is none of the events that were sealed."""

    position: int
    count: int
    """Events that the seal covers."""


class SealDiffers(Finding, frozen=True, tag="seal_differs"):
    """The seal that was given covers other events than the one that a receipt or a bundle was made for."""

    made_for: int
    """Events that the seal covers which it was made for."""
    given: int


class DisclosedChanged(Finding, frozen=True, tag="disclosed_changed"):
    """A text beside a receipt is not the one that the event names."""

    digest: Digest


AnyFinding: TypeAlias = (
    ChainBroken
    | PositionsMissing
    | VersionUnexpected
    | Undecodable
    | TagMismatch
    | CauseUnknown
    | BlobLost
    | BlobDamaged
    | BlobMisstored
    | SpareBlobDamaged
    | SchemaChanged
    | SettingWrong
    | StreamEmpty
    | FileDamaged
    | Unreadable
    | TailCut
    | HistoryRewritten
    | SealForged
    | SealUntrusted
    | StreamCut
    | ManifestWrong
    | EntryStrange
    | BytesLoose
    | SealRefuted
    | EventNotSealed
    | SealDiffers
    | DisclosedChanged
)
"""The closed union of all findings."""


def told(finding: AnyFinding) -> str:
    """Write a finding: its kind, and the fields that say where."""
    fields = msgspec.to_builtins(finding)
    kind = str(fields.pop("finding")).replace("_", " ")
    return f"{kind}: " + ", ".join(f"{name} {value}" for name, value in fields.items())


MOST_FINDINGS = 1_000
"""Findings kept one by one; beyond that they are counted."""


class Findings:
    """What was found so far, in bounded memory."""

    def __init__(self) -> None:
        self.kept: list[AnyFinding] = []
        self.more = 0

    def __bool__(self) -> bool:
        return bool(self.kept)

    def add(self, finding: AnyFinding) -> None:
        """Take note of something wrong."""
        if len(self.kept) < MOST_FINDINGS:
            self.kept.append(finding)
        else:
            self.more += 1


class ErasedBlob(msgspec.Struct, frozen=True):
    """A blob that an event names and whose bytes were removed on purpose. Not a finding."""

    position: int
    """First event that names it, itself or through other blobs."""
    digest: Digest
    at: int
    """When: microseconds since 1970, UTC."""
    reason: str
    """Who did it, and why, as it was given."""


class VerifyReport(msgspec.Struct, frozen=True):
    """What was looked at, what was found, and what that proves."""

    events: int
    streams: int
    blobs: int
    """Blobs whose bytes were read and compared with their digests."""
    spare: int
    """Blobs that no event names: of appends that never came."""
    erased: tuple[Digest, ...]
    """Blobs that events name and whose bytes were removed on purpose. The log says when and why; not a finding."""
    erasures: tuple[ErasedBlob, ...]
    """Who, when and why, of each of them."""
    head: Digest
    findings: tuple[AnyFinding, ...]
    """The first thousand of each kind of look: at events, then at blobs."""
    more: int
    """Findings beyond those."""
    proved: tuple[str, ...]
    not_proved: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.findings
