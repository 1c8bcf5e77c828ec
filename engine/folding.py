"""Folding projections from the log: one pass, bounded memory, snapshots as a disposable shortcut."""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from events.digest import Digest
from events.log import EVERYTHING, EventLog, Selection, Snapshot
from projections.base import Projection, encode_state

S = TypeVar("S")


async def fold(log: EventLog, projection: Projection[S], selection: Selection = EVERYTHING) -> S:
    """Fold a projection over the selected events, reading only those it looks at.

    Raises:
        BlobMissing: Bytes it needs are gone.
    """
    return await _advance(log, projection, projection.initial(), selection)


async def fold_many(
    log: EventLog, projections: Sequence[Projection[Any]], selection: Selection = EVERYTHING
) -> list[Any]:
    """Fold several projections in one pass over the log; give their states in the order given."""
    states = [projection.initial() for projection in projections]
    async for recorded in log.read(selection):
        for index, projection in enumerate(projections):
            blobs = {digest: await log.get(digest) for digest in projection.needs(recorded)}
            states[index] = projection.apply(states[index], recorded, blobs)
    return states


async def fold_with_snapshot(log: EventLog, projection: Projection[S]) -> S:
    """Fold over the whole log from the last snapshot of this revision, and leave a new one.

    A snapshot is a shortcut and never a truth: one that cannot be read is folded over again.
    """
    snapshot = await log.load_snapshot(projection.name, projection.revision)
    state, after = projection.initial(), 0
    if snapshot is not None:
        try:
            state, after = msgspec.json.decode(snapshot.state, type=projection.state_type()), snapshot.position
        except msgspec.MsgspecError:
            state, after = projection.initial(), 0
    head = await log.head()
    state = await _advance(log, projection, state, Selection(after=after, until=head.position))
    if head.position > after:
        await log.save_snapshot(Snapshot(projection.name, projection.revision, head.position, encode_state(state)))
    return state


async def _advance(log: EventLog, projection: Projection[S], state: S, selection: Selection) -> S:
    narrowed = selection._replace(tags=projection.tags) if selection.tags is None else selection
    apply, needs = projection.apply, projection.needs
    nothing: dict[Digest, bytes] = {}
    async for recorded in log.read(narrowed):
        wanted = needs(recorded)
        blobs = {digest: await log.get(digest) for digest in wanted} if wanted else nothing
        state = apply(state, recorded, blobs)
    return state
