"""Folding projections from the log: one pass, bounded memory, snapshots as a disposable shortcut."""

from collections.abc import Collection, Sequence
from typing import Any, Final, TypeVar

import msgspec

from engine.lineage import pages_of
from events.base import Event
from events.codec import tag_of
from events.digest import Digest
from events.log import EVERYTHING, BlobStore, EventLog, Selection, Snapshot
from projections.base import Blobs, Projection, encode_state

S = TypeVar("S")

_NOTHING: Final[Blobs] = {}


async def fold(
    log: EventLog, projection: Projection[S], selection: Selection = EVERYTHING, *, state: S | None = None
) -> S:
    """Fold a projection over the selected events, reading only those it looks at.

    Args:
        log: Where from.
        projection: What to fold.
        selection: Which events; tags in it narrow those of the projection further.
        state: Of the events before the selection; it is used up. None: there are none.

    Raises:
        BlobMissing: Bytes it needs are gone.
    """
    state = projection.initial() if state is None else state
    apply, needs = projection.apply, projection.needs
    async for page in pages_of(log, _narrowed(selection, projection.tags)):
        for recorded in page:
            wanted = needs(recorded)
            # Most events need nothing, and an await for each of a million is felt.
            state = apply(state, recorded, await _fetched(log, wanted) if wanted else _NOTHING)
    return state


async def fold_many(
    log: EventLog, projections: Sequence[Projection[Any]], selection: Selection = EVERYTHING
) -> list[Any]:
    """Fold several projections in one pass over the log; give their states in the order given.

    Each blob that an event names is fetched once, however many look at it.

    Raises:
        BlobMissing: Bytes one of them needs are gone.
    """
    states = [projection.initial() for projection in projections]
    looking: dict[type[Event], tuple[int, ...]] = {}
    async for page in pages_of(log, selection._replace(tags=_any_of(selection, projections))):
        for recorded in page:
            kind = type(recorded.event)
            if kind not in looking:
                tag = tag_of(recorded.event)
                looking[kind] = tuple(i for i, each in enumerate(projections) if each.tags is None or tag in each.tags)
            wanted = {digest: None for index in looking[kind] for digest in projections[index].needs(recorded)}
            blobs = await _fetched(log, wanted) if wanted else _NOTHING
            for index in looking[kind]:
                states[index] = projections[index].apply(states[index], recorded, blobs)
    return states


async def fold_with_snapshot(log: EventLog, projection: Projection[S]) -> S:
    """Fold over the whole log from the last snapshot of this revision, and leave a new one.

    A snapshot is a shortcut and never a truth: one that cannot be read, or that knows more than the log (whose
    file was put back from a copy), is folded over again.

    Raises:
        BlobMissing: Bytes it needs are gone.
    """
    head = await log.head()
    snapshot = await log.load_snapshot(projection.name, projection.revision)
    state, after = projection.initial(), 0
    if snapshot is not None and snapshot.position <= head.position:
        try:
            state, after = msgspec.json.decode(snapshot.state, type=projection.state_type()), snapshot.position
        except (msgspec.MsgspecError, UnicodeDecodeError):
            state, after = projection.initial(), 0
    state = await fold(log, projection, Selection(after=after, until=head.position), state=state)
    if head.position > after:
        await log.save_snapshot(Snapshot(projection.name, projection.revision, head.position, encode_state(state)))
    return state


def _narrowed(selection: Selection, tags: frozenset[str] | None) -> Selection:
    """Leave only events that are both asked for and looked at."""
    if tags is None:
        return selection
    return selection._replace(tags=tags if selection.tags is None else tags.intersection(selection.tags))


def _any_of(selection: Selection, projections: Sequence[Projection[Any]]) -> Collection[str] | None:
    """Give the tags that any of them looks at. None: one looks at all."""
    tags: set[str] = set()
    for projection in projections:
        if projection.tags is None:
            return selection.tags
        tags |= projection.tags
    return _narrowed(selection, frozenset(tags)).tags


async def _fetched(blobs: BlobStore, wanted: Collection[Digest]) -> Blobs:
    return {digest: await blobs.get(digest) for digest in wanted}
