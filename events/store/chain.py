"""The digest chain: each event's digest covers it and, through the one before it, all history.

``docs/log-format.md`` describes the bytes; what is written here and there must agree, and golden digests in
``tests/events/store/test_chain.py`` hold both to it.
"""

from hashlib import sha256
from struct import Struct

import msgspec

from events.base import StreamId
from events.digest import Digest
from events.store.base import Verifiable
from events.store.merkle import MerkleTree

GENESIS = bytes(32)
"""What stands before the first event."""

FORMAT = 1
"""Number of the log format; it grows when older versions could misread what we write."""

_PLACE = Struct(">32sQQqII")
_LENGTH = Struct(">I")


def stream_part(stream: StreamId) -> bytes:
    """Write the part of a digest's input that all events of a stream share."""
    run, name = stream.run.encode(), stream.name.encode()
    return _LENGTH.pack(len(run)) + run + _LENGTH.pack(len(name)) + name


def link(before: bytes, place: tuple[int, int, int], stream: bytes, cause: bytes | None, payload: bytes) -> bytes:
    """Compute an event's digest.

    Args:
        before: Digest of the event before it in the log; `GENESIS` for the first.
        place: Position, version, and time in microseconds.
        stream: Its `stream_part`.
        cause: JSON pair of stream name and version; None if it answers none.
        payload: Canonical JSON.
    """
    reason = cause or b""
    # Everything of variable length stands behind its length: "ab" + "c" and "a" + "bc" must not be the same.
    header = _PLACE.pack(before, *place, len(reason), len(payload))
    # Joined at once: each plus copies what stands before it once more.
    return sha256(b"".join((header, stream, reason, payload))).digest()


SEAL_FORMAT = 2
"""Number of the format of seals; the first had no root."""


class Seal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far a log reached, to be kept elsewhere: it makes a cut tail and a rewritten history visible."""

    format: int
    count: int
    """Events covered."""
    head: Digest
    """Digest of the last one; 64 zeros for an empty log."""
    root: Digest | None = None
    """Of the Merkle tree over the digests of all events covered, by which single runs are proved. None: format 1."""


async def seal(log: Verifiable) -> Seal:
    """Take the seal of a log as it is now.

    Raises:
        LogCorrupt: An event is missing.
    """
    tree, head = MerkleTree(), GENESIS
    async for page in log.chain():
        for digest in page:
            tree.add(digest)
            head = digest
    return Seal(SEAL_FORMAT, tree.count, Digest(head.hex()), tree.root)
