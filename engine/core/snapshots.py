"""States that were kept so that they need not be folded again: a shortcut, and never a truth.

A snapshot names the event it was taken behind, by position and digest. One that is damaged, knows more than the log
(whose file was put back from a copy), or was taken of another history than the one in the file is as good as none.
"""

from contextlib import suppress
from typing import NamedTuple, TypeVar

import msgspec

from events.digest import Digest, digest_of
from events.errors import LogError
from events.store.base import EventLog, Head, Selection, Snapshot

T = TypeVar("T")


class SnapshotFrame(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept."""

    behind: Digest
    """Digest of the last event that is in it."""
    digest: Digest
    """Of the state: bytes that were damaged are not taken for another state."""
    state: msgspec.Raw


class FoundSnapshot(NamedTuple):
    """What was kept, if it is of this history."""

    position: int
    """Of the last event that is in it."""
    state: bytes
    """JSON."""


async def find(log: EventLog, name: str, revision: int) -> FoundSnapshot | None:
    """Find what was kept. None: nothing that is of any use."""
    snapshot = await log.load_snapshot(name, revision)
    if snapshot is None:
        return None
    try:
        taken = msgspec.json.decode(snapshot.state, type=SnapshotFrame)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    state = bytes(taken.state)
    here = Selection(after=snapshot.position - 1, until=snapshot.position)
    last = [row.digest.hex() async for page in log.rows(here) for row in page]
    return (
        FoundSnapshot(snapshot.position, state) if (last, digest_of(state)) == ([taken.behind], taken.digest) else None
    )


def decoded(found: FoundSnapshot, kind: type[T]) -> T | None:
    """Read a state. None: it cannot be read."""
    try:
        return msgspec.json.decode(found.state, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


async def keep(log: EventLog, name: str, revision: int, head: Head, state: object) -> None:
    """Keep a state, if it can be: nothing rests on it.

    Args:
        log: Where.
        name: What it is of.
        revision: Changes with its meaning.
        head: Last event that is in it.
        state: What is kept.
    """
    encoded = msgspec.json.encode(state)  # not sorted, as a digest wants it: what came first is to stand first again
    taken = SnapshotFrame(head.digest, digest_of(encoded), msgspec.Raw(encoded))
    with suppress(LogError):  # a full disk, a log that can only be read, another program that holds it
        await log.save_snapshot(Snapshot(name, revision, head.position, msgspec.json.encode(taken)))
