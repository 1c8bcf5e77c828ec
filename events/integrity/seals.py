"""Seals with a signature: whose they are, and what they are worth to whoever holds one.

A chain alone can be computed anew by whoever holds the file, and an unsigned seal can be made up to fit it. A signature
moves the question to one key, which can be kept where the log is not.
"""

from collections.abc import Collection, Iterator
from enum import Enum
from typing import NamedTuple, TypeAlias, assert_never

import msgspec

from events.findings import AnyFinding, SealForged, SealUntrusted
from events.integrity.signing import PublicKey, SecretKey, fits
from events.store.chain import Seal

DOMAIN = "stillroom seal"
"""First line of what is signed: so that no signature made for something else can pass for a seal's."""


class SignedSeal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A seal, when it was taken, and who says so."""

    seal: Seal
    at: int
    """When it was signed: microseconds since 1970, UTC, by the clock of whoever signed."""
    key: PublicKey
    signature: str
    """Ed25519, 64 bytes in hexadecimal, of `message`."""

    @property
    def message(self) -> bytes:
        """The bytes that were signed."""
        return _message(self.seal, self.at, self.key)

    @property
    def genuine(self) -> bool:
        """Whether the holder of the key signed just this."""
        return fits(self.message, self.signature, self.key)


AnySeal: TypeAlias = Seal | SignedSeal


class SealStanding(Enum):
    """What a seal is worth."""

    UNSIGNED = "unsigned"
    """Whoever could write the log could have written it, too."""
    SIGNED = "signed"
    """The signature fits, and nobody said whose keys are trusted."""
    TRUSTED = "trusted"
    """The signature fits, by a key that was named as trusted."""
    FORGED = "forged"
    """The signature does not fit: the seal says nothing."""
    UNTRUSTED = "untrusted"
    """Trusted keys were named, and this seal is not signed by any of them."""


def sign(seal: Seal, at: int, key: SecretKey) -> SignedSeal:
    """Sign a seal.

    Args:
        seal: What to sign.
        at: The time: microseconds since 1970, UTC.
        key: Whose word this is.
    """
    return SignedSeal(seal, at, key.public, key.sign(_message(seal, at, key.public)))


def standing(seal: AnySeal, trusted: Collection[PublicKey]) -> SealStanding:
    """Say what a seal is worth.

    Args:
        seal: Signed or not.
        trusted: Keys whose word counts; empty if nobody said.
    """
    match seal:
        case Seal():
            return SealStanding.UNTRUSTED if trusted else SealStanding.UNSIGNED
        case SignedSeal():
            if not seal.genuine:
                return SealStanding.FORGED
            if not trusted:
                return SealStanding.SIGNED
            return SealStanding.TRUSTED if seal.key in trusted else SealStanding.UNTRUSTED


def extent(seal: AnySeal) -> Seal:
    """Give what a seal says of the log, without who says so."""
    match seal:
        case Seal():
            return seal
        case SignedSeal():
            return seal.seal


def _message(seal: Seal, at: int, key: PublicKey) -> bytes:
    """Write what is signed: lines of ASCII, each ended by LF."""
    root = () if seal.root is None else (seal.root,)
    return "".join(f"{line}\n" for line in (DOMAIN, seal.format, seal.count, seal.head, *root, at, key)).encode()


class Looked(NamedTuple):
    """What was looked at."""

    position: int
    """Last event."""
    erased: int
    """Blobs that were removed on purpose."""
    spare: int
    """Blobs that no event names."""
    damaged: bool
    """Whether anything was found in the log itself."""
    notes: tuple[str, ...]
    """What else is there and was not looked at."""


def usable(seal: AnySeal | None, trusted: Collection[PublicKey]) -> Seal | None:
    """Give what a seal says of the log, if it is worth comparing with. A forged one accuses nobody."""
    if seal is None or standing(seal, trusted) in {SealStanding.FORGED, SealStanding.UNTRUSTED}:
        return None
    return extent(seal)


def findings_on(seal: AnySeal | None, trusted: Collection[PublicKey]) -> tuple[AnyFinding, ...]:
    """Say what is wrong with the seal itself."""
    if seal is None:
        return ()
    key = seal.key if isinstance(seal, SignedSeal) else None
    match standing(seal, trusted):
        case SealStanding.FORGED:
            return (SealForged(str(key)),)
        case SealStanding.UNTRUSTED:
            return (SealUntrusted(key),)
        case SealStanding.UNSIGNED | SealStanding.SIGNED | SealStanding.TRUSTED:
            return ()


def claims(
    looked: Looked, seal: AnySeal | None, trusted: Collection[PublicKey]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Say what was proved and what was not, in that order."""
    compared = usable(seal, trusted)
    proved = [] if looked.damaged else list(_proved(looked, compared))
    if not looked.damaged and isinstance(seal, SignedSeal) and compared is not None:
        proved.append(f"the seal was signed with the key {seal.key}")
    return tuple(proved), tuple(_not_proved(looked, seal, trusted))


def _proved(looked: Looked, seal: Seal | None) -> Iterator[str]:
    blobs = "every blob they name is as it was written"
    blobs += f", but for {looked.erased} erased on purpose" if looked.erased else ""
    yield f"events 1 to {looked.position} fit one chain of digests, and {blobs}"
    if seal is not None:
        yield f"events 1 to {seal.count} are those that were sealed"


def _not_proved(looked: Looked, seal: AnySeal | None, trusted: Collection[PublicKey]) -> Iterator[str]:
    compared = usable(seal, trusted)
    if compared is None:
        why = "no seal given" if seal is None else "the seal given is worth nothing"
        yield f"that the log was not truncated or rewritten as a whole: {why}"
    elif looked.position > compared.count:
        yield f"that nothing after event {compared.count} was truncated or rewritten"
    if seal is not None:
        yield from of_seal(seal, trusted)
    yield from looked.notes
    if looked.spare:
        yield f"what {looked.spare} blobs were written for that no event read here names: nothing rests on them"
    yield "who owned which run, what snapshots of views hold, and unused space in the file: no digest covers them"
    if looked.erased:
        yield "who erased blobs, when and why: that is as the file says, and no digest covers it"
    yield "that what was recorded was true when it was recorded"


def of_seal(seal: AnySeal, trusted: Collection[PublicKey]) -> Iterator[str]:
    """Say what a seal leaves open."""
    match found := standing(seal, trusted):
        case SealStanding.UNSIGNED:
            yield "that this seal is the one that was taken: it is not signed, so that depends on where it was kept"
        case SealStanding.SIGNED:
            yield "whose key signed the seal: pass the keys you trust with --trust"
        case SealStanding.TRUSTED:
            yield "when the seal was signed: its time is the signer's word"
        case SealStanding.FORGED | SealStanding.UNTRUSTED:
            pass
        case _:
            assert_never(found)
