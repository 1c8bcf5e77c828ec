"""Receipts as a person handles them: one decision, proved to somebody else."""

from pathlib import Path
from typing import Final

import msgspec
from anyio import Path as AsyncPath
from rich.console import Group, RenderableType
from rich.text import Text

from engine.core.lineage import pages_of
from events.base import StreamId
from events.digest import Digest
from events.errors import BlobMissing, ExitCode
from events.findings import AnyFinding
from events.integrity.receipts import (
    Receipt,
    make_receipt,
    read_receipt,
    row_at,
    text_digests,
    verify_receipt,
    write_receipt,
)
from events.integrity.seals import AnySeal
from events.integrity.signing import PublicKey
from events.store.base import EventLog, Selection
from views.log.verification import found_lines, proof_lines
from views.terminal.errors import IdUnknown, UsageWrong
from views.terminal.format import plural, when
from views.terminal.ids import place_in
from views.terminal.log_access import OpenedLog
from views.terminal.screen import Screen
from views.terminal.tables import RecordView, word
from views.why.target import EventAddress, find_place


class ReceiptRow(msgspec.Struct, frozen=True, tag_field="kind", tag="receipt"):
    """A receipt that was written."""

    path: str
    event: str
    """What `why` and `show` take."""
    tag: str
    position: int
    digest: str
    count: int
    """Events that the seal covers."""
    root: str
    """That the seal has."""
    steps: int
    """Hashes between the event and the root."""
    disclosed: tuple[str, ...]
    """Digests of the texts that are in it."""


class ReceiptVerifyRow(msgspec.Struct, frozen=True, tag_field="kind", tag="receipt_verified"):
    """What a look at a receipt showed."""

    sound: bool
    event: str
    tag: str
    position: int
    at: int
    """When it was recorded, as it says: microseconds since 1970, UTC."""
    payload: str
    """The event, as it was recorded."""
    digest: str
    count: int
    """Events that the receipt's seal covers."""
    findings: tuple[AnyFinding, ...]
    proved: tuple[str, ...]
    not_proved: tuple[str, ...]


async def write(desk: OpenedLog, text: str, target: Path | None, seal: AnySeal, *, disclose: bool) -> ReceiptRow:
    """Write the receipt of one decision, or of any other event.

    Raises:
        UsageWrong: A file is there already.
        ReceiptError: The seal does not cover the event.
        BlobErased: A text that is to be disclosed was removed on purpose.
    """
    place = await find_place(desk.log, text)
    position = await position_of(desk.log, place)
    row = await row_at(desk.log, position)
    texts = {each: await _text(desk.log, each) for each in dict.fromkeys(text_digests(row.payload))} if disclose else {}
    disclosed = {digest: found for digest, found in texts.items() if found is not None}
    receipt = await make_receipt(desk.log, position, seal, disclosed)
    path = desk.machine.folder / (target or f"{row.tag}-{position}.receipt.json")
    if await AsyncPath(path).exists():
        raise UsageWrong(f"{path} already exists", remedy="name another file with -o")
    await AsyncPath(path).write_bytes(write_receipt(receipt))
    return ReceiptRow(
        path=str(path),
        event=place_in(row.run, row.name, row.version),
        tag=row.tag,
        position=position,
        digest=receipt.event.digest,
        count=receipt.seal.count,
        root=receipt.seal.root or "",
        steps=len(receipt.path),
        disclosed=tuple(receipt.disclosed),
    )


async def position_of(log: EventLog, place: EventAddress) -> int:
    """Give the position of an event; one that a fork shares stands in the run that it was forked from.

    Raises:
        IdUnknown: There is no such event.
    """
    async for page in pages_of(log, Selection(stream=StreamId(place.run, place.at.stream))):
        for each in page:
            if each.version == place.at.version:
                return each.position
    raise IdUnknown(place_in(place.run, place.at.stream, place.at.version), "event", [])


async def _text(log: EventLog, digest: Digest) -> str | None:
    """Read a blob that an event names. None: it is no text, or no blob, such as the digest of a folder."""
    try:
        return (await log.get(digest)).decode()
    except UnicodeDecodeError:
        return None
    except BlobMissing as error:
        if type(error) is not BlobMissing:
            raise
        return None


async def verify(path: Path, seal: AnySeal | None, trusted: tuple[PublicKey, ...]) -> ReceiptVerifyRow:
    """Look at a receipt.

    Raises:
        UsageWrong: It cannot be read.
        ReceiptError: It is none.
    """
    try:
        data = await AsyncPath(path).read_bytes()
    except OSError as error:
        raise UsageWrong(f"{path}: {error.strerror}", remedy="name a file of `stillroom receipt write`") from error
    receipt: Receipt = read_receipt(data)
    report, event = verify_receipt(receipt, seal, trusted), receipt.event
    return ReceiptVerifyRow(
        sound=report.sound,
        event=place_in(event.run, event.stream, event.version),
        tag=event.tag,
        position=event.position,
        at=event.at,
        payload=event.payload,
        digest=event.digest,
        count=receipt.seal.count,
        findings=report.findings,
        proved=report.proved,
        not_proved=report.not_proved,
    )


def show_verified(screen: Screen, row: ReceiptVerifyRow) -> ExitCode:
    """Show it, and say with which code a command ends that did."""
    screen.draw(row, render_verified)
    return ExitCode.DONE if row.sound else ExitCode.INTEGRITY


def render_verified(row: ReceiptVerifyRow) -> RenderableType:
    """Draw what was proved and, just as plainly, what was not."""
    parts: list[RenderableType] = [
        Text.assemble(word("sound" if row.sound else "broken"), f"  {row.tag}  {row.event}, {when(row.at)}"),
        Text(row.payload),
    ]
    parts += found_lines(row.findings)
    parts += proof_lines(row.proved, row.not_proved)
    return Group(*parts)


WRITTEN: Final = RecordView(
    ReceiptRow,
    ("receipt", lambda row: row.path),
    ("event", lambda row: f"{row.tag}  {row.event}, position {row.position:,}"),
    "digest",
    ("seal", lambda row: f"{row.count:,} events, root {row.root}"),
    ("path", lambda row: f"{row.steps} hashes"),
    ("disclosed", lambda row: plural(len(row.disclosed), "text") if row.disclosed else ""),
)
