"""Receipts of adoptions: what each wrote into a person's folder, from where, and what stood there before."""

from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec

from engine.adoption.errors import ReceiptDamaged
from engine.adoption.tree import FolderTree
from events.digest import Digest, Fingerprint

FORMAT: Final = 1
"""Number of the format of receipts; it grows when older versions could misread what we write."""


class AdoptionSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an adopted revision is from."""

    run: str
    stream: str
    version: int
    """Place of the event that accepted it, or that proposed it if nothing did."""
    event: Digest
    """Digest of that event in its log, as in ``events.digest``: it stands for all that came before it there."""
    revision: int | None
    """Its number. None: a candidate, which was not accepted."""
    library: str | None
    """None: its run's own."""
    standing: str
    """What the log said of it when it was adopted: ``in force``, ``replaced`` …"""


class AdoptionReceipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One change of one skill's folder."""

    format: int
    number: int
    """From 1, in the order in which they came in this folder of skills."""
    action: Literal["adopt", "rollback"]
    skill: str
    at: int
    """Microseconds since 1970, UTC."""
    package: str
    """Version of stillroom."""
    pinned: Fingerprint | None
    """Digest of the revision that is in the folder from now on, as `skills list` prints it. None: none of ours is."""
    source: AdoptionSource | None
    """Where that revision is from. None: none of ours is in the folder."""
    before: FolderTree | None
    """What stood there, whose bytes are kept under their digests. None: nothing did."""
    after: FolderTree | None
    """What stands there from now on. None: nothing does."""
    undoes: int | None
    """Number of the adoption that a rollback takes back. None: it is no rollback."""
    together: tuple[int, int] | None = None
    """Numbers of the first and the last change that were made as one with it. None: it was made alone."""


class PendingChanges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Several changes that are under way, as one."""

    format: int
    receipts: tuple[AdoptionReceipt, ...]


def write_pending(receipts: Sequence[AdoptionReceipt]) -> bytes:
    """Write what is under way: a receipt, or a list of them."""
    if len(receipts) == 1:
        return write_receipt(receipts[0])
    pending = PendingChanges(FORMAT, tuple(receipts))
    return msgspec.json.format(msgspec.json.encode(pending, order="deterministic"), indent=2) + b"\n"


def read_pending(path: str, data: bytes) -> tuple[AdoptionReceipt, ...]:
    """Read what is under way.

    Raises:
        ReceiptDamaged: It is none of this version.
    """
    try:
        pending = msgspec.json.decode(data, type=PendingChanges)
    except msgspec.MsgspecError:
        return (read_receipt(path, data),)
    strange = {pending.format, *(each.format for each in pending.receipts)} - {FORMAT}
    if strange or not pending.receipts:
        raise ReceiptDamaged(path, f"has format {max(strange, default=FORMAT)}, and this version knows {FORMAT}")
    return pending.receipts


def write_receipt(receipt: AdoptionReceipt) -> bytes:
    """Write a receipt, for programs and people."""
    return msgspec.json.format(msgspec.json.encode(receipt, order="deterministic"), indent=2) + b"\n"


def read_receipt(path: str, data: bytes) -> AdoptionReceipt:
    """Read a receipt.

    Raises:
        ReceiptDamaged: It is none of this version.
    """
    try:
        receipt = msgspec.json.decode(data, type=AdoptionReceipt)
    except msgspec.MsgspecError as error:
        raise ReceiptDamaged(path, f"is no receipt: {error}") from error
    if receipt.format != FORMAT:
        raise ReceiptDamaged(path, f"has format {receipt.format}, and this version knows {FORMAT}")
    return receipt


def in_effect(receipts: Iterable[AdoptionReceipt], skill: str) -> list[AdoptionReceipt]:
    """List the adoptions of a skill that were not taken back, oldest first."""
    standing: list[AdoptionReceipt] = []
    for each in receipts:
        if each.skill == skill:
            standing = [*standing, each] if each.undoes is None else [s for s in standing if s.number != each.undoes]
    return standing


def latest(receipts: Iterable[AdoptionReceipt], skill: str) -> AdoptionReceipt | None:
    """Give the last change of a skill's folder. None: there was none."""
    return next((each for each in reversed([*receipts]) if each.skill == skill), None)
