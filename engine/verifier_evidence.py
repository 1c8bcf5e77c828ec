"""What a verification left behind, kept as blobs, and named as events name it."""

from typing import NamedTuple

from events.digest import Digest
from events.log import BlobStore
from events.values import NamedDigest
from sandbox.verifier import Evidence


class EvidenceKept(NamedTuple):
    """What a verification left behind, as events name it."""

    exit_code: int | None
    stdout: Digest
    stderr: Digest
    files: tuple[NamedDigest, ...]


def keep_evidence(blobs: BlobStore, evidence: Evidence) -> EvidenceKept:
    """Keep what a verification left behind."""
    entries = (*evidence.files, *evidence.artifacts)
    files = tuple(NamedDigest(each.path, blobs.put(each.data)) for each in entries if each.data is not None)
    return EvidenceKept(evidence.exit_code, blobs.put(evidence.stdout), blobs.put(evidence.stderr), files)
