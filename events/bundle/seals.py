"""What a seal of a log proves of a bundle of one of its runs."""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from events.digest import Digest
from events.findings import AnyFinding, HistoryRewritten, SealRefuted
from events.store.chain import Seal
from events.store.merkle import MerkleNode, root_of


class Sealing(NamedTuple):
    """How the events of a bundle stand to a seal."""

    covered: int
    """Events of the bundle that the seal covers, if it is one of their log."""
    behind: int
    """Events of the bundle that came after the seal."""
    proved: int
    """Events of the bundle that were shown to be the sealed ones."""
    findings: tuple[AnyFinding, ...]
    why: str | None
    """Why no more is shown. None: all that the seal covers is."""


def compare(
    digests: Mapping[int, bytes], linked: Collection[int], nodes: Mapping[MerkleNode, bytes] | None, seal: Seal
) -> Sealing:
    """Compare the events of a bundle with a seal.

    Args:
        digests: Of the events, by position; each was computed from its event.
        linked: Positions whose event follows on the one before it in the bundle.
        nodes: The bundle's proof. None: it has none.
        seal: Of the log.
    """
    covered = {position: digest for position, digest in digests.items() if position <= seal.count}
    behind = len(digests) - len(covered)

    def sealing(proved: int, why: str | None, *findings: AnyFinding) -> Sealing:
        return Sealing(len(covered), behind, proved, findings, why)

    if seal.count in covered and covered[seal.count].hex() != seal.head:
        return sealing(0, None, HistoryRewritten(seal.count))
    if not covered:
        return sealing(0, "all its events came after the seal")
    if seal.root is None:
        tail = sum(1 for _ in _linked_to(seal.count, covered, linked))
        return sealing(tail, None if tail == len(covered) else "the seal has no root: take one with this version")
    root = None if nodes is None else root_of(covered, nodes, seal.count)
    if root is None:
        return sealing(0, f"it holds no proof for a seal of {seal.count} events: write it again, with `--seal`")
    return sealing(len(covered), None) if root == seal.root else sealing(0, None, SealRefuted(seal.count))


def _linked_to(last: int, digests: Mapping[int, Digest | bytes], linked: Collection[int]) -> Iterator[int]:
    """List the events that the digest of one covers within the bundle: those that lead up to it without a gap."""
    while last in digests:
        yield last
        if last not in linked:
            return
        last -= 1


def proved(sealing: Sealing, seal: Seal) -> Iterator[str]:
    """Say what was proved."""
    if sealing.proved:
        each = "all its" if sealing.proved == sealing.covered and not sealing.behind else f"{sealing.proved} of its"
        yield f"{each} events stand at their positions in the log whose first {seal.count} events were sealed"


def not_proved(sealing: Sealing, seal: Seal) -> Iterator[str]:
    """Say what was not."""
    if sealing.why is not None:
        yield f"that {sealing.covered - sealing.proved} of its events are among those that were sealed: {sealing.why}"
    if sealing.behind:
        yield f"that its {sealing.behind} events after the seal were not added, truncated or rewritten"
    if withheld := seal.count - sealing.covered:
        yield f"anything about {withheld} sealed events of other runs: they are withheld and represented by hashes"
