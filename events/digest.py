"""SHA-256 digests: the name of bytes, wherever they are kept."""

import re
from hashlib import sha256
from typing import NewType

Digest = NewType("Digest", str)
"""SHA-256 of some bytes as 64 lower-case hexadecimal characters."""

Fingerprint = NewType("Fingerprint", str)
"""A digest of something that is not kept as one blob: a task's folder, a request that can be built again."""


_BEGINNING = re.compile(r"[0-9a-f]{1,64}")


def digest_of(data: bytes) -> Digest:
    """Name these bytes."""
    return Digest(sha256(data).hexdigest())


def span_of(beginning: str) -> tuple[Digest, Digest] | None:
    """Give the first and the last digest that can begin so. None: no digest does."""
    if _BEGINNING.fullmatch(beginning) is None:
        return None
    return Digest(beginning.ljust(64, "0")), Digest(beginning.ljust(64, "f"))
