"""A Merkle tree over the digests of all events (RFC 6962): it proves single events under a seal without the others.

The chain alone cannot: a link is computed from the event itself, so whoever checks one needs every event in between.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Literal, NamedTuple, TypeAlias

from events.digest import Digest

EMPTY = sha256(b"").digest()
"""The root of no events."""


class MerkleNode(NamedTuple):
    """A whole subtree: the events behind ``place * 2 ** level``, ``2 ** level`` of them."""

    level: int
    place: int


Side: TypeAlias = Literal["left", "right"]


class PathStep(NamedTuple):
    """What stands beside a node on the way from one event to a root."""

    side: Side
    """On which side of the node it stands."""
    hash: bytes


class MerkleTree:
    """The tree of a growing list, of which only what is needed to go on is kept."""

    def __init__(self) -> None:
        self.count = 0
        self._peaks: list[bytes] = []
        """Of the whole subtrees that make up the list, the largest first."""

    def add(self, digest: bytes) -> None:
        """Take in the next event's digest."""
        made = _leaf(digest)
        count = self.count
        while count & 1:
            made = _inner(self._peaks.pop(), made)
            count >>= 1
        self._peaks.append(made)
        self.count += 1

    @property
    def root(self) -> Digest:
        """The root over all that was taken in, in hexadecimal."""
        return Digest(_root(self._peaks).hex())


def needed(digests: Sequence[bytes], positions: Sequence[int], sizes: Collection[int]) -> dict[MerkleNode, bytes]:
    """Give the nodes that, with some events themselves, make the roots of the first so and so many events.

    Args:
        digests: Of all events, in order.
        positions: Of the events that will be at hand, from 1, in order.
        sizes: For how many first events a root is to be made, each at most as many as there are.
    """
    leaves = [position - 1 for position in positions]
    made: dict[MerkleNode, bytes] = {}
    for size in sizes:
        for peak in _peaks(size):
            _collect(digests, leaves, peak, made)
    return made


def root_of(known: Mapping[int, bytes], nodes: Mapping[MerkleNode, bytes], size: int) -> Digest | None:
    """Make the root of the first so and so many events. None: nodes are missing.

    A node that stands above an event at hand is never taken from `nodes`: so each of those events is proved.

    Args:
        known: Digests of the events at hand, by position.
        nodes: What `needed` gave.
        size: How many events.
    """
    leaves = sorted(position - 1 for position in known)

    def made(node: MerkleNode) -> bytes | None:
        if not _holds(leaves, node):
            return nodes.get(node)
        if node.level == 0:
            return _leaf(known[node.place + 1])
        left, right = map(made, _children(node))
        return None if left is None or right is None else _inner(left, right)

    peaks = [made(peak) for peak in _peaks(size)]
    whole = [peak for peak in peaks if peak is not None]
    return Digest(_root(whole).hex()) if len(whole) == len(peaks) else None


def audit_path(digests: Sequence[bytes], position: int, size: int) -> list[PathStep]:
    """Give what leads from one event to the root of the first so and so many (RFC 6962, 2.1.1): some 20 of a million.

    Args:
        digests: Of all events, in order.
        position: Of the event, from 1 to `size`.
        size: For how many first events.
    """
    steps: list[PathStep] = []
    made = needed(digests, [position], [size])
    peaks = list(_peaks(size))
    own = next(i for i, peak in enumerate(peaks) if _holds([position - 1], peak))
    for level in range(peaks[own].level):
        place = (position - 1) >> level
        steps.append(PathStep("left" if place & 1 else "right", made[MerkleNode(level, place ^ 1)]))
    if peaks[own + 1 :]:
        steps.append(PathStep("right", _root([made[peak] for peak in peaks[own + 1 :]])))
    steps += [PathStep("left", made[peak]) for peak in reversed(peaks[:own])]
    return steps


def sides_of(position: int, size: int) -> list[Side]:
    """Give the sides that a path from an event has: where it stands among so and so many decides them."""
    sides: list[Side] = []
    index, last = position - 1, size - 1
    while last:
        if index & 1:
            sides.append("left")
        elif index < last:
            sides.append("right")
        index, last = index >> 1, last >> 1
    return sides


def root_along(digest: bytes, path: Sequence[PathStep]) -> Digest:
    """Make the root to which a path leads from an event."""
    node = _leaf(digest)
    for side, other in path:
        node = _inner(other, node) if side == "left" else _inner(node, other)
    return Digest(node.hex())


def _collect(digests: Sequence[bytes], leaves: Sequence[int], node: MerkleNode, made: dict[MerkleNode, bytes]) -> None:
    if not _holds(leaves, node):
        if node not in made:
            made[node] = _hash(digests, node)
    elif node.level > 0:
        for child in _children(node):
            _collect(digests, leaves, child, made)


def _hash(digests: Sequence[bytes], node: MerkleNode) -> bytes:
    start, count = node.place << node.level, 1 << node.level
    row = [_leaf(digest) for digest in digests[start : start + count]]
    while len(row) > 1:
        row = [_inner(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


def _holds(leaves: Sequence[int], node: MerkleNode) -> bool:
    """Say whether an event at hand stands below a node."""
    start = node.place << node.level
    found = bisect_left(leaves, start)
    return found < len(leaves) and leaves[found] < start + (1 << node.level)


def _children(node: MerkleNode) -> tuple[MerkleNode, MerkleNode]:
    return MerkleNode(node.level - 1, 2 * node.place), MerkleNode(node.level - 1, 2 * node.place + 1)


def _peaks(size: int) -> Iterator[MerkleNode]:
    """List the whole subtrees of a list, the largest first."""
    done = 0
    for level in range(size.bit_length() - 1, -1, -1):
        if size >> level & 1:
            yield MerkleNode(level, done >> level)
            done += 1 << level


def _root(peaks: Sequence[bytes]) -> bytes:
    if not peaks:
        return EMPTY
    made = peaks[-1]
    for peak in reversed(peaks[:-1]):
        made = _inner(peak, made)
    return made


def _leaf(digest: bytes) -> bytes:
    # The first byte keeps a leaf from passing for an inner node.
    return sha256(b"\0" + digest).digest()


def _inner(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()
