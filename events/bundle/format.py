"""What a bundle is made of. ``docs/bundles.md`` describes it; it is a promise.

A zip file: ``manifest.json``, ``events.jsonl`` with one event a line as it is recorded, ``blobs/DIGEST``, and
``proof.json``, which ties the events to seals of the log they are from.
"""

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import NamedTuple

import msgspec

from events.digest import Digest
from events.store.base import Erasure, Row
from events.store.chain import FORMAT as LOG_FORMAT
from events.store.merkle import MerkleNode

FORMAT = 2
"""Number of the bundle format; it grows when older versions could misread what we write. The first had no proof."""

MANIFEST, EVENTS, BLOBS, PROOF = "manifest.json", "events.jsonl", "blobs/", "proof.json"
"""Names in the file."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


class EventsPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file of events."""

    count: int
    sha256: Digest


class BlobsPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All blobs."""

    count: int
    size: int
    """Bytes, unpacked."""
    sha256: Digest
    """Over their digests in order, each ended by LF."""


class ErasedPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A blob that an event names and whose bytes were removed on purpose."""

    digest: Digest
    at: int
    """Microseconds since 1970, UTC."""
    reason: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a bundle says of itself."""

    format: int
    log_format: int
    package: str
    """Version of stillroom that wrote it."""
    run: str
    runs: tuple[str, ...]
    """The run and those that it was forked from, oldest first."""
    streams: Mapping[str, Mapping[str, int]]
    """Last version of each stream, by run."""
    spec: Digest | None
    """Blob: what the run, or the oldest it was forked from, was asked to do. None: it was imported."""
    events: EventsPart
    blobs: BlobsPart
    erased: tuple[ErasedPart, ...]

    @property
    def erasures(self) -> dict[Digest, Erasure]:
        """Give what was erased by its digest."""
        return {each.digest: Erasure(each.digest, each.reason, each.at) for each in self.erased}


class ProofNode(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A subtree of the log's Merkle tree without any event of the bundle."""

    level: int
    place: int
    hash: Digest


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What shows, with the bundle's events, that they are events of a sealed log (`events/store/merkle.py`).

    It belongs to the state of the log in which it was made, and to no digest of the bundle: a run that is written again
    later is the same, with another proof.
    """

    sizes: tuple[int, ...]
    """Seals of so many events can be checked with it."""
    nodes: tuple[ProofNode, ...]


class _Format(msgspec.Struct):
    """What every format has, so that a later one can be told from nonsense."""

    format: int
    log_format: int


class BundledEvent(NamedTuple):
    """An event of a bundle."""

    row: Row
    before: bytes | None
    """Digest of the event before it in the log, where that one is not in the bundle. None: it is the one before."""


class _Json(msgspec.Struct, forbid_unknown_fields=True):
    """A line as it is written."""

    position: int
    run: str
    stream: str
    version: int
    tag: str
    cause: msgspec.Raw
    at: int
    before: str | None
    digest: str
    payload: msgspec.Raw


_lines = msgspec.json.Decoder(_Json)
_NO_CAUSE = b"null"


def write_manifest(manifest: Manifest) -> bytes:
    """Write a manifest, for programs and people."""
    return msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=2) + b"\n"


def read_manifest(data: bytes) -> Manifest | int:
    """Read a manifest; a number is the format of a later version.

    Raises:
        msgspec.MsgspecError: It is none.
    """
    found = msgspec.json.decode(data, type=_Format)
    newer = max(found.format - FORMAT, found.log_format - LOG_FORMAT) > 0
    return found.format if newer else msgspec.json.decode(data, type=Manifest)


def write_line(line: BundledEvent) -> bytes:
    """Write an event, its payload and its cause byte for byte as they are kept."""
    row, before = line
    made = _Json(
        row.position,
        row.run,
        row.name,
        row.version,
        row.tag,
        msgspec.Raw(row.cause or _NO_CAUSE),
        row.at,
        None if before is None else before.hex(),
        row.digest.hex(),
        msgspec.Raw(row.payload),
    )
    return msgspec.json.encode(made) + b"\n"


def read_line(text: bytes) -> BundledEvent:
    """Read an event.

    Raises:
        ValueError: It is none; msgspec's errors are ValueErrors.
    """
    made = _lines.decode(text)
    cause = bytes(made.cause)
    row = Row(
        made.position,
        made.run,
        made.stream,
        made.version,
        made.tag,
        None if cause == _NO_CAUSE else cause,
        made.at,
        bytes(made.payload),
        bytes.fromhex(made.digest),
    )
    return BundledEvent(row, None if made.before is None else bytes.fromhex(made.before))


def write_proof(sizes: Iterable[int], nodes: Mapping[MerkleNode, bytes]) -> bytes:
    """Write a proof, the same for the same log."""
    listed = tuple(ProofNode(*node, Digest(made.hex())) for node, made in sorted(nodes.items()))
    return msgspec.json.encode(Proof(tuple(sorted(sizes)), listed)) + b"\n"


def read_proof(data: bytes) -> dict[MerkleNode, bytes]:
    """Read a proof: its nodes.

    Raises:
        ValueError: It is none; msgspec's errors are ValueErrors.
    """
    proof = msgspec.json.decode(data, type=Proof)
    return {MerkleNode(each.level, each.place): bytes.fromhex(each.hash) for each in proof.nodes}


def digest_of_blobs(digests: Iterable[Digest]) -> Digest:
    """Name a set of blobs."""
    return Digest(sha256("".join(f"{digest}\n" for digest in sorted(digests)).encode()).hexdigest())


def is_digest(text: str) -> bool:
    """Say whether a text has the shape of a digest."""
    return _DIGEST.fullmatch(text) is not None
