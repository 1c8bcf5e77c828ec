"""Receipts: one event of a log, proved against a seal, with all other events withheld.

A receipt holds the event as it is recorded, the digest of the event before it, and the path in the Merkle tree of its
log from the event to the root that the seal has. ``docs/handover.md`` describes the format; it is a promise.
"""

from collections.abc import Collection, Iterator, Mapping
from hashlib import sha256
from typing import Annotated, ClassVar, Final, NamedTuple

import msgspec

from events.base import StreamId
from events.digest import Digest, digest_of
from events.doubled_keys import doubled_key
from events.errors import ExitCode, LogError
from events.findings import (
    AnyFinding,
    ChainBroken,
    DisclosedChanged,
    EventNotSealed,
    SealDiffers,
    TagMismatch,
    Undecodable,
)
from events.integrity.seals import AnySeal, SignedSeal, extent, findings_on, of_seal, usable
from events.integrity.signing import PublicKey
from events.store.base import Row, Selection, Verifiable
from events.store.chain import GENESIS, Seal, link, stream_part
from events.store.merkle import PathStep, Side, audit_path, root_along, sides_of

_MARK: Final = b'"event"'
"""Stands in every receipt, near its beginning."""
FORMAT: Final = 1
"""Number of the format of receipts; it grows when older versions could misread what we write."""


class ReceiptError(LogError):
    """Raised when a receipt cannot be made or read."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE


class ReceiptBroken(ReceiptError):
    """Raised when a receipt was cut short, or was changed so that it cannot be read."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, why: str) -> None:
        remedy = "fetch it, or write it again with `stillroom receipt write`; nothing of it is proved"
        super().__init__(f"the receipt was damaged: {why}", remedy=remedy)


Place = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""A position or a version, in a file of a stranger who may have written anything."""
Moment = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""Microseconds since 1970, UTC, in such a file."""
WholeDigest = Annotated[Digest, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
"""Digest in such a file."""


class ProvedEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event with all that its digest is computed from."""

    position: Place
    run: str
    stream: str
    version: Place
    tag: str
    cause: str | None
    """JSON pair of stream name and version, as it is recorded. None: it answers none."""
    at: Moment
    """Microseconds since 1970, UTC."""
    before: WholeDigest
    """Digest of the event before it in the log."""
    digest: WholeDigest
    payload: str
    """Canonical JSON, as it is recorded: a text and no object, so that not a byte of it changes on its way."""

    @property
    def computed(self) -> Digest:
        """The digest that these fields make."""
        before, stream = bytes.fromhex(self.before), stream_part(StreamId(self.run, self.stream))
        cause = None if self.cause is None else self.cause.encode()
        made = link(before, (self.position, self.version, self.at), stream, cause, self.payload.encode())
        return Digest(made.hex())


class ReceiptStep(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A step of the path."""

    side: Side
    hash: WholeDigest


class SealSignature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who signed a seal, and when."""

    at: int
    key: PublicKey
    signature: str


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One event, and what shows that it is among those that were sealed."""

    format: int
    event: ProvedEvent
    path: tuple[ReceiptStep, ...]
    """From the event to the root."""
    seal: Seal
    signed: SealSignature | None
    """None: the seal is not signed."""
    disclosed: Mapping[Digest, str] = {}
    """Texts that the event names, by digest, such as the inputs and the rule of a decision."""

    @property
    def sealed(self) -> AnySeal:
        """The seal, as it was given."""
        return self.seal if self.signed is None else SignedSeal(self.seal, *msgspec.structs.astuple(self.signed))


class ReceiptReport(NamedTuple):
    """What a look at a receipt showed."""

    findings: tuple[AnyFinding, ...]
    proved: tuple[str, ...]
    not_proved: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


async def make_receipt(log: Verifiable, position: int, seal: AnySeal, disclosed: Mapping[Digest, str]) -> Receipt:
    """Make the receipt of an event. Meanwhile 32 bytes for each event of the log are held.

    Args:
        log: Which is only read.
        position: Of the event.
        seal: Of this log.
        disclosed: Texts that the event names, and that are to be seen with it.

    Raises:
        ReceiptError: The seal has no root, is of another log, or does not cover the event.
    """
    sealed = extent(seal)
    if sealed.root is None:
        raise ReceiptError("the seal has no root", remedy="take one with this version: `stillroom log seal`")
    if position > sealed.count:
        why = f"event {position} came after the seal, which covers {sealed.count}"
        raise ReceiptError(why, remedy="take a new seal with `stillroom log seal`")
    digests = [digest async for page in log.chain() for digest in page]
    path = audit_path(digests, position, sealed.count) if sealed.count <= len(digests) else []
    if root_along(digests[position - 1], path) != sealed.root:
        raise ReceiptError("the seal is not one of this log", remedy="pass the output of `stillroom log seal` on it")
    event = proved_event(await row_at(log, position), digests[position - 2] if position > 1 else GENESIS)
    steps = tuple(ReceiptStep(side, Digest(made.hex())) for side, made in path)
    signed = SealSignature(seal.at, seal.key, seal.signature) if isinstance(seal, SignedSeal) else None
    return Receipt(FORMAT, event, steps, sealed, signed, disclosed)


async def row_at(log: Verifiable, position: int) -> Row:
    """Read one event as it is kept."""
    async for page in log.rows(Selection(after=position - 1, until=position)):
        return page[0]
    raise ReceiptError(f"no event at position {position}", remedy="`stillroom log tail` shows the last ones")


def proved_event(row: Row, before: bytes) -> ProvedEvent:
    """Write an event with all that its digest is computed from.

    Args:
        row: As it is kept.
        before: Digest of the event before it in the log.
    """
    return ProvedEvent(
        position=row.position,
        run=row.run,
        stream=row.name,
        version=row.version,
        tag=row.tag,
        cause=None if row.cause is None else row.cause.decode(),
        at=row.at,
        before=Digest(before.hex()),
        digest=Digest(row.digest.hex()),
        payload=row.payload.decode(),
    )


def write_receipt(receipt: Receipt) -> bytes:
    """Write a receipt, for programs and people."""
    return msgspec.json.format(msgspec.json.encode(receipt, order="deterministic"), indent=2) + b"\n"


def read_receipt(data: bytes) -> Receipt:
    """Read a receipt.

    Raises:
        ReceiptError: It is none of this version.
        ReceiptBroken: It is one, and cannot be read, or not by all readers alike.
    """
    ours = data.lstrip()[:1] == b"{" and _MARK in data
    try:
        receipt = msgspec.json.decode(data, type=Receipt)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        if ours:
            raise ReceiptBroken(str(error)) from error
        raise ReceiptError(f"not a receipt: {error}", remedy="pass a file of `stillroom receipt write`") from error
    if receipt.format != FORMAT:
        raise ReceiptError(f"a receipt of format {receipt.format}", remedy=f"this version reads format {FORMAT}")
    twice = doubled_key(data)
    if twice is not None:
        raise ReceiptBroken(f"it has the key {twice} twice, of which another reader may take the other value")
    return receipt


def verify_receipt(receipt: Receipt, given: AnySeal | None, trusted: Collection[PublicKey]) -> ReceiptReport:
    """Say what a receipt proves.

    Args:
        receipt: That was read.
        given: Seal that the verifier holds. None: the receipt's own is all there is.
        trusted: Keys of which one must have signed the seal. Empty: it is taken at its word, and the report says so.
    """
    seal = receipt.sealed if given is None else given
    findings = [*event_findings(receipt.event), *_disclosed(receipt), *findings_on(seal, trusted)]
    findings += [] if given is None else findings_on(receipt.sealed, ())
    compared = usable(seal, trusted)
    if compared is not None:
        findings += _sealing(receipt, compared)
    proved = () if findings else tuple(_proved(receipt, extent(seal)))
    not_proved = tuple(_not_proved(seal, receipt, held=given is not None, trusted=trusted))
    return ReceiptReport(tuple(findings), proved, not_proved)


def event_findings(event: ProvedEvent) -> Iterator[AnyFinding]:
    """Say what is wrong with an event by itself."""
    try:
        if event.computed != event.digest:
            yield ChainBroken(event.position)
        tag = msgspec.json.decode(event.payload, type=_Tagged).tag
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        yield Undecodable(event.position, str(error))
        return
    if tag != event.tag:
        yield TagMismatch(event.position, event.tag, tag)


class _Tagged(msgspec.Struct):
    tag: str


def _disclosed(receipt: Receipt) -> Iterator[AnyFinding]:
    for digest, text in receipt.disclosed.items():
        if digest_of(text.encode()) != digest or f'"{digest}"' not in receipt.event.payload:
            yield DisclosedChanged(digest)


def _sealing(receipt: Receipt, seal: Seal) -> Iterator[AnyFinding]:
    event, made_for = receipt.event, receipt.seal
    if seal.count != made_for.count:
        yield SealDiffers(made_for.count, seal.count)
        return
    path = [PathStep(step.side, bytes.fromhex(step.hash)) for step in receipt.path]
    covered = 1 <= event.position <= seal.count
    placed = covered and [step.side for step in path] == sides_of(event.position, seal.count)
    if not placed or root_along(bytes.fromhex(event.computed), path) != seal.root:
        yield EventNotSealed(event.position, seal.count)


def _proved(receipt: Receipt, seal: Seal) -> Iterator[str]:
    event = receipt.event
    yield (
        f"{event.tag}, {event.run}:{event.stream}@{event.version}, is event {event.position} of the log whose first "
        f"{seal.count} events were sealed, byte for byte"
    )
    if receipt.disclosed:
        yield f"{len(receipt.disclosed)} texts beside it are those that it names"


def _not_proved(seal: AnySeal, receipt: Receipt, *, held: bool, trusted: Collection[PublicKey]) -> Iterator[str]:
    if not held:
        yield "that the seal is one that was taken: it came with the receipt; pass the one that you hold with --seal"
    yield from of_seal(seal, trusted)
    yield f"anything about {receipt.seal.count - 1} other sealed events: they are withheld and represented by hashes"
    yield "that what was recorded was true when it was recorded"


def text_digests(payload: bytes) -> Iterator[Digest]:
    """List what in a payload looks like the digest of a blob."""
    found = msgspec.json.decode(payload)
    waiting = [found]
    while waiting:
        match waiting.pop():
            case dict() as fields:
                waiting += fields.values()
            case list() as items:
                waiting += items
            case str() as text if len(text) == sha256().digest_size * 2 and set(text) <= set("0123456789abcdef"):
                yield Digest(text)
            case _:
                pass
