"""Rebuild: every view folded again from its first event, by two ways of reading, and beside what was kept of it."""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import msgspec

from engine.core import snapshots
from engine.core.fold import fold, fold_many
from events.digest import Digest
from events.store.base import EventLog, Selection
from projections.base import Projection, encode_state, state_digest
from projections.registry import registered


class Rebuilt(NamedTuple):
    """A view of a run, folded again."""

    view: str
    revision: int
    digest: Digest
    """Of its state; equal digests mean equal views, on any machine."""
    in_parts: Digest
    """The same, folded by itself and with its state written down and read back half-way."""

    @property
    def agrees(self) -> bool:
        """Whether both ways lead to the same view."""
        return self.digest == self.in_parts


class SnapshotCompared(NamedTuple):
    """A view that was kept, beside the same view folded again up to the same place."""

    view: str
    """With the run it is of, such as ``trials/3fa9w1m7kx``; without one, it is of the whole log."""
    revision: int
    position: int
    kept: Digest
    rebuilt: Digest

    @property
    def agrees(self) -> bool:
        """Whether what was kept is what the events say."""
        return self.kept == self.rebuilt


async def rebuild(log: EventLog, run: str) -> list[Rebuilt]:
    """Fold every view of a run from its first event.

    Raises:
        BlobMissing: Bytes that a view reads are gone; the error says which.
    """
    views = registered()
    whole = await fold_many(log, views, Selection(run=run))
    half = await _half(log, run)
    return [
        Rebuilt(view.name, view.revision, state_digest(state), await _in_parts(log, view, run, half))
        for view, state in zip(views, whole, strict=True)
    ]


async def compare_snapshots(log: EventLog) -> AsyncIterator[SnapshotCompared]:
    """Fold every state that was kept, of a run or of the whole log, again up to where it was.

    One that nobody would use is left out.

    Raises:
        BlobMissing: Bytes that a view reads are gone; the error says which.
    """
    views = {(view.name, view.revision): view for view in registered()}
    for name, revision in await log.snapshots():
        view, run = views.get((name.partition("/")[0], revision)), name.partition("/")[2]
        found = None if view is None else await snapshots.find(log, name, revision)
        kept = None if view is None or found is None else snapshots.decoded(found, view.state_type())
        if view is not None and found is not None and kept is not None:
            state = await fold(log, view, Selection(run=run or None, until=found.position))
            yield SnapshotCompared(name, revision, found.position, state_digest(kept), state_digest(state))


async def _in_parts(log: EventLog, view: Projection[Any], run: str, half: int) -> Digest:
    before = await fold(log, view, Selection(run=run, until=half))
    kept = msgspec.json.decode(encode_state(before), type=view.state_type())
    return state_digest(await fold(log, view, Selection(run=run, after=half), state=kept))


async def _half(log: EventLog, run: str) -> int:
    """Give a position in the middle of a run; 0 if it has no events."""
    first = last = 0
    async for page in log.payloads(Selection(run=run)):
        first, last = first or page[0][0], page[-1][0]
    return (first + last) // 2
