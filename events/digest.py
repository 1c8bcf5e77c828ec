"""SHA-256 digests: the name of bytes, wherever they are kept."""

from hashlib import sha256
from typing import NewType

Digest = NewType("Digest", str)
"""SHA-256 of some bytes as 64 lower-case hexadecimal characters."""


def digest_of(data: bytes) -> Digest:
    """Name these bytes."""
    return Digest(sha256(data).hexdigest())
