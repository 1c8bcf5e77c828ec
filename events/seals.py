"""Seals with a signature: whose they are, and what they are worth to whoever holds one.

A chain alone can be computed anew by whoever holds the file, and an unsigned seal can be made up to fit it. A signature
moves the question to one key, which can be kept where the log is not.
"""

from collections.abc import Collection
from enum import Enum
from typing import TypeAlias

import msgspec

from events.chain import Seal
from events.signing import PublicKey, SecretKey, fits

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


class Standing(Enum):
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


def standing(seal: AnySeal, trusted: Collection[PublicKey]) -> Standing:
    """Say what a seal is worth.

    Args:
        seal: Signed or not.
        trusted: Keys whose word counts; empty if nobody said.
    """
    match seal:
        case Seal():
            return Standing.UNTRUSTED if trusted else Standing.UNSIGNED
        case SignedSeal():
            if not seal.genuine:
                return Standing.FORGED
            if not trusted:
                return Standing.SIGNED
            return Standing.TRUSTED if seal.key in trusted else Standing.UNTRUSTED


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
