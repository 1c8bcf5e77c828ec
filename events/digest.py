"""SHA-256 digests: the name of bytes, wherever they are kept."""

from hashlib import sha256
from typing import NewType

Digest = NewType("Digest", str)
"""SHA-256 of some bytes as 64 lower-case hexadecimal characters."""

Fingerprint = NewType("Fingerprint", str)
"""A digest of something that is not kept as one blob: a task's folder, a request that can be built again."""


def digest_of(data: bytes) -> Digest:
    """Name these bytes."""
    return Digest(sha256(data).hexdigest())
