"""The tree by which single events are proved, held to RFC 6962 and to every seal of every choice of events."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.store.merkle import EMPTY, MerkleNode, MerkleTree, audit_path, needed, root_along, root_of, sides_of


def digest(number: int) -> bytes:
    """Make the digest of an event."""
    return sha256(b"%d" % number).digest()


def plain(digests: list[bytes]) -> bytes:
    """Make the root as RFC 6962, section 2.1, defines it."""
    if not digests:
        return sha256(b"").digest()
    if len(digests) == 1:
        return sha256(b"\0" + digests[0]).digest()
    split = 1
    while split * 2 < len(digests):
        split *= 2
    return sha256(b"\1" + plain(digests[:split]) + plain(digests[split:])).digest()


@pytest.mark.parametrize("count", range(35))
def test_the_root_is_that_of_the_rfc(count: int) -> None:
    """So that anybody can make it."""
    digests = [digest(number) for number in range(count)]
    tree = MerkleTree()
    for each in digests:
        tree.add(each)
    assert tree.root == plain(digests).hex()
    assert tree.count == count
    assert (count > 0) or tree.root == EMPTY.hex()


@given(st.data())
def test_any_events_are_proved_under_any_seal_and_no_others_are(data: st.DataObject) -> None:
    """With few hashes; and one event that is another one makes another root, wherever it stands."""
    count = data.draw(st.integers(1, 70))
    digests = [digest(number) for number in range(count)]
    positions = sorted(data.draw(st.sets(st.integers(1, count), min_size=1)))
    sizes = data.draw(st.sets(st.integers(positions[0], count), min_size=1))
    nodes = needed(digests, positions, sizes)
    assert len(nodes) <= len(sizes) * len(positions) * count.bit_length() + len(sizes) * count.bit_length()
    for size in sizes:
        covered = {position: digests[position - 1] for position in positions if position <= size}
        root = plain(digests[:size]).hex()
        assert root_of(covered, nodes, size) == root
        wrong = data.draw(st.sampled_from(sorted(covered)))
        assert root_of({**covered, wrong: digest(-1)}, nodes, size) != root
        if wrong + 1 not in covered and wrong < count:
            moved = {position + (position == wrong): each for position, each in covered.items()}
            assert root_of(moved, nodes, size) != root


def test_a_hash_above_an_event_is_not_taken_on_trust() -> None:
    """Else a proof could give the root itself, and prove anything."""
    digests = [digest(number) for number in range(8)]
    nodes = needed(digests, [3], [8])
    root = plain(digests)
    assert root_of({3: digest(99)}, {**nodes, MerkleNode(3, 0): root}, 8) != root.hex()
    assert root_of({3: digests[2]}, {}, 8) is None
    assert MerkleNode(0, 2) not in nodes


def branch(digests: list[bytes], place: int) -> list[tuple[str, bytes]]:
    """Make the path of one leaf as RFC 6962, section 2.1.1, defines it."""
    if len(digests) == 1:
        return []
    split = 1
    while split * 2 < len(digests):
        split *= 2
    if place < split:
        return [*branch(digests[:split], place), ("right", plain(digests[split:]))]
    return [*branch(digests[split:], place - split), ("left", plain(digests[:split]))]


@pytest.mark.parametrize("count", range(1, 35))
def test_a_path_is_that_of_the_rfc(count: int) -> None:
    """From every event under every seal; and its sides are decided by where the event stands."""
    digests = [digest(number) for number in range(count + 3)]
    root = plain(digests[:count]).hex()
    for position in range(1, count + 1):
        path = audit_path(digests, position, count)
        assert path == branch(digests[:count], position - 1)
        assert [step.side for step in path] == sides_of(position, count)
        assert root_along(digests[position - 1], path) == root
        assert root_along(digests[position % len(digests)], path) != root
