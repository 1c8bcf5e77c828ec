"""Ed25519 signatures (RFC 8032): the one door to the library ``cryptography``."""

import re
from typing import Final, NewType

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from events.errors import KeyUnusable

PublicKey = NewType("PublicKey", str)
"""The 32 bytes of a public key as 64 lower-case hexadecimal characters."""

_HEXADECIMAL: Final = re.compile(r"[0-9a-f]{64}")


class SecretKey:
    """A key that signs. Its bytes are shown to nobody, not even in a traceback."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @property
    def public(self) -> PublicKey:
        """The key that its signatures are checked with."""
        return PublicKey(self._key.public_key().public_bytes_raw().hex())

    def sign(self, message: bytes) -> str:
        """Sign a message; give the 64 bytes of the signature in hexadecimal."""
        return self._key.sign(message).hex()

    def pem(self) -> bytes:
        """Write it as a file keeps it: PKCS 8 in PEM, not encrypted."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def public_pem(self) -> bytes:
        """Write its public half as a file keeps it, and as ``openssl`` reads it."""
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def make_key() -> SecretKey:
    """Draw a new key."""
    return SecretKey(Ed25519PrivateKey.generate())


def parse_secret(pem: bytes, where: str) -> SecretKey:
    """Read a secret key.

    Args:
        pem: What its file holds.
        where: The file's name, for the error.

    Raises:
        KeyUnusable: It is no secret Ed25519 key, or is encrypted.
    """
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(where, "it holds no secret Ed25519 key without a password, in PEM")
    return SecretKey(key)


def is_public(text: str) -> bool:
    """Say whether a text is a public key itself: 64 hexadecimal characters."""
    return _HEXADECIMAL.fullmatch(text.strip().lower()) is not None


def parse_public(text: bytes, where: str) -> PublicKey:
    """Read a public key: 64 hexadecimal characters, or PEM.

    Raises:
        KeyUnusable: It is neither.
    """
    plain = text.decode(errors="replace").strip().lower()
    if _HEXADECIMAL.fullmatch(plain):
        return PublicKey(plain)
    try:
        key = load_pem_public_key(text)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise KeyUnusable(where, "it holds no public Ed25519 key, neither in PEM nor as 64 hexadecimal characters")
    return PublicKey(key.public_bytes_raw().hex())


def fits(message: bytes, signature: str, key: PublicKey) -> bool:
    """Say whether the holder of a key signed this message. What is no key or no signature fits nothing."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature), message)
    except (ValueError, InvalidSignature):
        return False
    return True
